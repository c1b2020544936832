//! One WebSocket: what its handlers hold, and the task that runs them.

mod accept;
mod attachment;
mod blocking;
mod calls;
mod connection;
mod deliver;
mod ending;
mod flusher;
#[cfg(feature = "auth")]
mod identity;
mod link;
pub(crate) mod mailbox;
mod outbound;
mod queue;
mod refusal;
mod registry;
mod send;
mod sender;
mod signals;
pub(crate) mod slot;
mod tasks;
mod websocket;
mod wire;
mod work_queue;

pub use self::accept::{Accept, Deny};
pub use self::blocking::BlockingWebSocket;
pub use self::sender::Sender;
pub use self::tasks::{TaskHandle, blocking};
pub use self::websocket::WebSocket;

pub(crate) use self::accept::Decision;
pub(crate) use self::attachment::Attachment;
pub(crate) use self::connection::connection;
pub(crate) use self::link::Link;
pub(crate) use self::registry::Registry;
pub(crate) use self::websocket::to_json;
pub(crate) use self::wire::Wire;
