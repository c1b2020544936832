//! Users: Django's, with its passwords and its rules for who is logged in.

#[allow(dead_code, reason = "login and logout come next")]
mod hash;
mod user;

pub use self::user::{User, UserRecord, UserStore};
