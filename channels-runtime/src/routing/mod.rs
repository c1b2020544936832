//! From a request to its consumer.

mod pattern;
mod protocol;
mod url;

pub use self::protocol::ProtocolTypeRouter;
pub use self::url::{RouteTo, URLRouter};
