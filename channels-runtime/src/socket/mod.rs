//! One WebSocket: what its handlers hold, and the task that runs them.

mod accept;
mod blocking;
mod calls;
mod connection;
mod flusher;
mod link;
mod mailbox;
mod outbound;
mod registry;
mod sender;
mod slot;
mod tasks;
mod websocket;
mod wire;

pub use self::accept::{Accept, Deny};
pub use self::blocking::BlockingWebSocket;
pub use self::sender::Sender;
pub use self::tasks::{TaskHandle, blocking};
pub use self::websocket::WebSocket;

pub(crate) use self::accept::Decision;
pub(crate) use self::calls::Held;
pub(crate) use self::connection::connection;
pub(crate) use self::link::Link;
pub(crate) use self::registry::Registry;
pub(crate) use self::wire::Wire;
