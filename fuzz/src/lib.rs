//! What each fuzz target does with its input. The targets themselves are one line each.

mod cookies;
mod csrf;
mod events;
mod forms;
mod forwarded;
mod frames;
mod head;
mod jwt;
mod memory;
mod routes;
mod sessions;
mod support;

pub use self::cookies::cookies;
pub use self::csrf::csrf;
pub use self::events::{json, msgpack};
pub use self::forms::forms;
pub use self::forwarded::forwarded;
pub use self::frames::frames;
pub use self::head::head;
pub use self::jwt::jwt;
pub use self::routes::routes;
pub use self::sessions::sessions;
