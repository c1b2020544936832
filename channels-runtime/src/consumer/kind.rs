//! The kinds of consumers, and which parameters and events go with each.

use crate::http::{BlockingHttpExchange, HttpExchange};
use crate::job::{BlockingJob, Job};
use crate::socket::{BlockingWebSocket, WebSocket};

/// What a consumer is fed by.
pub trait Kind: 'static {
    /// What an `async fn` handler takes by `&mut`.
    type Connection: Send;
    /// What a plain `fn` handler takes by `&mut`.
    type Blocking: Send + 'static;

    /// The async side of the same connection.
    fn as_async(connection: &mut Self::Blocking) -> &mut Self::Connection;
}

/// A consumer of a WebSocket.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "has no values")]
pub enum WebSocketKind {}

impl Kind for WebSocketKind {
    type Connection = WebSocket;
    type Blocking = BlockingWebSocket;

    fn as_async(connection: &mut BlockingWebSocket) -> &mut WebSocket {
        connection.as_async()
    }
}

/// A consumer of one HTTP request.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "has no values")]
pub enum HttpKind {}

impl Kind for HttpKind {
    type Connection = HttpExchange;
    type Blocking = BlockingHttpExchange;

    fn as_async(connection: &mut BlockingHttpExchange) -> &mut HttpExchange {
        connection.as_async()
    }
}

/// A consumer of a channel's jobs: a worker's.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "has no values")]
pub enum ChannelKind {}

impl Kind for ChannelKind {
    type Connection = Job;
    type Blocking = BlockingJob;

    fn as_async(job: &mut BlockingJob) -> &mut Job {
        job.as_async()
    }
}

/// What the async handlers of the consumer `C` take by `&mut`.
pub type ConnectionOf<C> = <<C as super::Declaration>::Kind as Kind>::Connection;

/// What the plain handlers of the consumer `C` take by `&mut`.
pub type BlockingConnectionOf<C> = <<C as super::Declaration>::Kind as Kind>::Blocking;

/// `&mut Self` is the connection of an async handler.
#[diagnostic::on_unimplemented(
    message = "`&mut {Self}` is not the connection of this handler",
    label = "not this consumer's connection",
    note = "an `async fn` of a WebSocket consumer takes `&mut WebSocket`, a plain `fn` takes `&mut BlockingWebSocket`",
    note = "those of a `#[consumer(http)]` take `&mut HttpExchange` and `&mut BlockingHttpExchange`",
    note = "those of a `#[consumer(channel)]` take `&mut Job` and `&mut BlockingJob`"
)]
pub trait IsConnection<K: Kind> {
    /// The same value.
    fn of(connection: &mut K::Connection) -> &mut Self;
}

/// `&mut Self` is the connection of a plain handler.
#[diagnostic::on_unimplemented(
    message = "`&mut {Self}` is not the connection of this handler",
    label = "not this consumer's connection",
    note = "a plain `fn` of a WebSocket consumer takes `&mut BlockingWebSocket`, an `async fn` takes `&mut WebSocket`",
    note = "those of a `#[consumer(http)]` take `&mut BlockingHttpExchange` and `&mut HttpExchange`",
    note = "those of a `#[consumer(channel)]` take `&mut BlockingJob` and `&mut Job`"
)]
pub trait IsBlockingConnection<K: Kind> {
    /// The same value.
    fn of(connection: &mut K::Blocking) -> &mut Self;
}

impl IsConnection<WebSocketKind> for WebSocket {
    fn of(connection: &mut Self) -> &mut Self {
        connection
    }
}

impl IsBlockingConnection<WebSocketKind> for BlockingWebSocket {
    fn of(connection: &mut Self) -> &mut Self {
        connection
    }
}

impl IsConnection<HttpKind> for HttpExchange {
    fn of(connection: &mut Self) -> &mut Self {
        connection
    }
}

impl IsBlockingConnection<HttpKind> for BlockingHttpExchange {
    fn of(connection: &mut Self) -> &mut Self {
        connection
    }
}

impl IsConnection<ChannelKind> for Job {
    fn of(connection: &mut Self) -> &mut Self {
        connection
    }
}

impl IsBlockingConnection<ChannelKind> for BlockingJob {
    fn of(connection: &mut Self) -> &mut Self {
        connection
    }
}

/// The protocol's events, as types.
pub mod hook {
    /// `connect`
    #[derive(Debug)]
    #[expect(clippy::exhaustive_enums, reason = "has no values")]
    pub enum Connect {}
    /// `receive`
    #[derive(Debug)]
    #[expect(clippy::exhaustive_enums, reason = "has no values")]
    pub enum Receive {}
    /// `disconnect`
    #[derive(Debug)]
    #[expect(clippy::exhaustive_enums, reason = "has no values")]
    pub enum Disconnect {}
    /// `handle`
    #[derive(Debug)]
    #[expect(clippy::exhaustive_enums, reason = "has no values")]
    pub enum Request {}
}

/// Consumers of this kind have the event `H`.
#[diagnostic::on_unimplemented(
    message = "a consumer of this kind has no such event",
    label = "never called",
    note = "WebSocket consumers have `connect`, `receive` and `disconnect`; HTTP consumers `handle` and `disconnect`; channel consumers only `#[handler(\"…\")]`"
)]
pub trait Supports<H> {}

impl Supports<hook::Connect> for WebSocketKind {}
impl Supports<hook::Receive> for WebSocketKind {}
impl Supports<hook::Disconnect> for WebSocketKind {}
impl Supports<hook::Request> for HttpKind {}
impl Supports<hook::Disconnect> for HttpKind {}

/// Consumers of this kind can relay an event as it is.
#[diagnostic::on_unimplemented(
    message = "a consumer of this kind relays nothing",
    label = "only WebSocket consumers relay",
    note = "remove `relay`: the handler then sends the event itself"
)]
pub trait Relays {}

impl Relays for WebSocketKind {}

/// Consumers of this kind speak the protocol `P`.
#[diagnostic::on_unimplemented(
    message = "this event belongs to another protocol",
    label = "not an event of this consumer's kind",
    note = "`websocket.*` goes to WebSocket consumers, `http.*` to `#[consumer(http)]`"
)]
pub trait Speaks<P> {}

impl Speaks<Self> for WebSocketKind {}
impl Speaks<Self> for HttpKind {}
