//! From a request to its consumer.

mod channels;
mod converter;
mod deadline;
mod expression;
#[cfg(fuzzing)]
mod fuzzing;
mod lifespan;
mod mistake;
mod pattern;
mod protocol;
mod reverse;
mod route;
mod set;
mod shutdown;
mod table;
mod template;
mod url;
mod wide;

pub use self::channels::ChannelNameRouter;
#[cfg(fuzzing)]
pub use self::fuzzing::{Matched, match_path};
pub use self::protocol::ProtocolTypeRouter;
pub(crate) use self::protocol::Responding;
pub use self::route::{Route, RouteTo, Routed};
pub use self::url::URLRouter;
