//! Users: Django's, with its passwords and its rules for who is logged in.

mod user;

pub use self::user::{User, UserRecord, UserStore};
