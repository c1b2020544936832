//! Users: Django's, with its passwords and its rules for who is logged in.

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod environment;
mod hash;
mod identity;
#[cfg(feature = "jwt")]
mod jwt;
mod login;
mod memory;
mod outbox;
mod passwords;
mod query;
mod recheck;
mod revoked;
mod site;
mod subscription;
mod throttle;
mod token;
mod user;
mod watch;

pub use self::identity::Identity;
#[cfg(feature = "jwt")]
pub use self::jwt::JwtVerifier;
pub(crate) use self::login::Renewal;
pub use self::memory::InMemoryUserStore;
pub use self::passwords::{PasswordHasher, PasswordHashers};
pub use self::revoked::Revoked;
pub use self::site::Site;
pub use self::throttle::{LoginAttempt, LoginThrottle};
pub use self::token::{TokenVerifier, Verified};
pub use self::user::{User, UserRecord, UserStore};
pub(crate) use self::watch::Revocable;
