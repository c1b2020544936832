//! One request to an HTTP consumer: what its handlers hold, and the task that runs them.

mod app;
mod blocking;
mod body;
mod calls;
mod exchange;
mod exchanges;
mod failures;
mod form;
#[cfg(feature = "auth")]
mod identity;
mod link;
mod output;
mod request;
mod respond;
mod sender;
mod sse;
mod task;

pub use self::blocking::BlockingHttpExchange;
pub use self::exchange::HttpExchange;
pub use self::form::Form;
pub use self::request::FromBody;
pub use self::respond::{SendEventStream, SendHeaders, SendResponse};
pub use self::sender::HttpSender;
pub use self::sse::ServerSentEvent;

pub(crate) use self::exchanges::Exchanges;
#[cfg(feature = "auth")]
pub(crate) use self::request::read as read_body;
