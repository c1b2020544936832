//! Sessions: Django's, byte for byte.

mod base62;
mod blocking;
mod cleanup;
mod cookie;
mod data;
mod engine;
mod expiry;
mod finish;
mod handle;
mod json;
mod key;
mod keys;
mod memory;
mod signed_cookies;
mod signing;
mod state;
mod store;

pub use self::blocking::BlockingSession;
pub(crate) use self::cleanup::Cleanup;
pub use self::cookie::SessionCookie;
pub(crate) use self::data::SessionData;
pub(crate) use self::engine::Engine;
pub use self::expiry::SessionExpiry;
pub(crate) use self::finish::{Finished, save_changes};
pub use self::handle::Session;
pub(crate) use self::key::{is_plausible, new_session_key};
pub use self::keys::SecretKeys;
pub(crate) use self::keys::salted_hmac;
pub use self::memory::InMemorySessionStore;
pub use self::signed_cookies::SignedCookieStore;
pub(crate) use self::signing::is_older;
pub use self::store::{SessionStore, StoreFuture};
