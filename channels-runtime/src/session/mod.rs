//! Sessions: Django's, byte for byte.

mod store;

pub use self::store::{SessionStore, StoreFuture};
