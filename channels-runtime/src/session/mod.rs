//! Sessions: Django's, byte for byte.

#![allow(
    dead_code,
    unused_imports,
    reason = "the handle that uses it all comes next"
)]

mod base62;
mod cookie;
mod data;
mod expiry;
mod json;
mod key;
mod keys;
mod memory;
mod signed_cookies;
mod signing;
mod store;

pub use self::cookie::SessionCookie;
pub(crate) use self::data::SessionData;
pub(crate) use self::expiry::Lifetime;
pub use self::expiry::SessionExpiry;
pub(crate) use self::key::{is_plausible, new_session_key};
pub use self::keys::SecretKeys;
pub(crate) use self::keys::salted_hmac;
pub use self::memory::InMemorySessionStore;
pub use self::signed_cookies::SignedCookieStore;
pub use self::store::{SessionStore, StoreFuture};
