//! The macros of `channels`.
//!
//! Use them through the package `channels`, which re-exports them beside what their output needs.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod consumer;
mod errors;
mod event;
mod event_type;
mod options;
mod paths;
mod suggest;
#[cfg(test)]
mod tests;
mod tokens;

use proc_macro::TokenStream;
use proc_macro2::Span;

/// Makes a struct a consumer, and its `impl` block the consumer's dispatch table.
///
/// It stands at both. On the struct it says what the consumer is, by these options, with commas between
/// them; on the `impl` block it takes `crate` alone.
///
/// | option | what it says | without it |
/// |---|---|---|
/// | `websocket`, `http` or `channel` | what it talks to: a socket, one request, or the jobs of a worker's channel | `websocket` |
/// | `groups("a", "b")` | the groups that each connection is in, from its acceptance to its end | none |
/// | `layer = "alias"` | the channel layer, by its alias in `CHANNEL_LAYERS` | `"default"` |
/// | `mailbox = 10` | how many events wait for one connection while a handler runs: 1 to 65536 | 100 |
/// | `overflow = …` | what becomes of an event for which the mailbox has no room, below | `drop_newest` |
/// | `crate = ::path` | where the crate `channels` is, if not there: an absolute path, or one that begins with `crate` | `::channels` |
///
/// A `channel` consumer takes neither `groups` nor `mailbox` nor `overflow`: jobs wait in the layer.
///
/// | `overflow` | what becomes of the event |
/// |---|---|
/// | `drop_newest` | it is dropped, as in Channels |
/// | `drop_oldest` | the event that has waited longest makes room |
/// | `coalesce` | it takes the place of a waiting one of the same type and [`key(…)`](macro@Event); without such, the oldest makes room |
/// | `close` | the connection is closed, a socket with 1013: its client comes back and begins anew |
///
/// Each is counted, by its reason, in the application's `Stats`.
///
/// In the `impl` block each method is a handler, of one of these:
///
/// - the hooks `connect`, `receive` and `disconnect` of a socket, `handle` and `disconnect` of a request;
/// - [`#[handler("some.type")]`](macro@handler) on a method of any name;
/// - [`#[fallback]`](macro@fallback) on one.
///
/// Other methods belong into a second `impl` block. A handler takes `&mut self` or `&self`, then, in either
/// order and each only if it needs it, the connection (`&mut WebSocket`, `&mut HttpExchange`, `&mut Job`) and
/// the payload. An `async fn` runs in the connection's task; a plain `fn` on a thread that may block, and its
/// connection is `&mut BlockingWebSocket`, say. It returns `Result`, `Result<(), E>` for any error, or nothing.
///
/// The struct is made anew for each connection: `app()` by `Default`, `app_with` by a closure.
///
/// # Examples
///
/// A socket's consumer, with all options:
///
/// ```
/// use channels::prelude::*;
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("stock.price", key(symbol))]
/// struct Price {
///     symbol: String,
///     cents: u32,
/// }
///
/// // Whoever reads slowly gets the newest price of each symbol, not all of them.
/// #[consumer(
///     websocket,
///     groups("stocks", "all"),
///     layer = "default",
///     mailbox = 50,
///     overflow = coalesce,
///     crate = ::channels
/// )]
/// #[derive(Default)]
/// struct Ticker {
///     sent: u64,
/// }
///
/// #[consumer(crate = ::channels)]
/// impl Ticker {
///     async fn connect(&mut self, socket: &mut WebSocket) -> Result {
///         socket.accept().subprotocol("ticker.v1").await
///     }
///
///     #[handler("stock.price")]
///     async fn price(&mut self, socket: &mut WebSocket, price: &Price) -> Result {
///         self.sent += 1;
///         socket.send_json(price).await
///     }
///
///     async fn disconnect(&mut self, disconnect: Disconnect) {
///         println!("{} prices until {}", self.sent, disconnect.code);
///     }
/// }
///
/// let router = URLRouter::new().path("ws/ticker/", Ticker::app());
/// ```
///
/// A request's, whose answer goes on until its client has gone; and a worker's:
///
/// ```
/// use channels::prelude::*;
///
/// #[consumer(http, groups("news"), mailbox = 10, overflow = drop_oldest)]
/// #[derive(Default)]
/// struct News;
///
/// #[consumer]
/// impl News {
///     async fn handle(&mut self, http: &mut HttpExchange) -> Result {
///         http.event_stream().await
///     }
///
///     #[fallback]
///     async fn news(&mut self, http: &mut HttpExchange, event: Event) -> Result {
///         http.send_event(ServerSentEvent::json(&event.to_json()?)?).await
///     }
/// }
///
/// #[consumer(channel, layer = "jobs")]
/// #[derive(Default)]
/// struct Mailer;
///
/// #[consumer]
/// impl Mailer {
///     #[handler("mail.send")]
///     fn send(&mut self, job: &mut BlockingJob, mail: Payload<serde_json::Value>) -> Result {
///         println!("attempt {}: {}", job.attempt(), mail.0);
///         Ok(())
///     }
/// }
///
/// let app = ProtocolTypeRouter::new()
///     .http(URLRouter::new().path("news/", News::app()))
///     .channel(ChannelNameRouter::new().channel("mail", Mailer::app()));
/// ```
#[proc_macro_attribute]
pub fn consumer(arguments: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand(arguments.into(), item.into()).into()
}

/// Marks a method of a consumer as the handler of an event type.
///
/// | argument | what it says |
/// |---|---|
/// | `"some.type"` | the type: letters, digits, `_` and `.`, up to 100 bytes; no segment is empty or begins with `_` |
/// | `"websocket.connect"`, `"websocket.receive"`, `"websocket.disconnect"`, `"http.request"`, `"http.disconnect"` | that the method is this hook, under a name of your own |
/// | `relay`, behind the type | that the handler only sends its event as it is, so that the runtime may do it for all members at once, without a call for each |
///
/// Other types that begin with `websocket.`, `http.` or `channel.` belong to the protocols. A type has one
/// handler; `.` and `_` count as the same, as in Channels.
///
/// The payload is a type with [`#[derive(Event)]`](macro@Event), by value or `&`, of this very type; the raw
/// `Event`; or `Payload<T>`, for any `T` that deserializes.
///
/// The body of a `relay` has to be `socket.send_json(event).await`, or the same with `&event`, of an `async fn`
/// of a socket's consumer that takes a typed event.
///
/// It works only in an `impl` block that is marked [`#[consumer]`](macro@consumer), which takes it away.
///
/// # Examples
///
/// ```
/// use channels::prelude::*;
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("chat.message")]
/// struct Said {
///     text: String,
/// }
///
/// #[consumer(groups("chat"))]
/// #[derive(Default)]
/// struct Chat;
///
/// #[consumer]
/// impl Chat {
///     #[handler("websocket.receive")]
///     async fn say(&mut self, socket: &mut WebSocket, text: String) -> Result {
///         socket.group_send("chat", Said { text }).await
///     }
///
///     #[handler("chat.message", relay)]
///     async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
///         socket.send_json(event).await
///     }
///
///     #[handler("layer.gap")] // the layer was away: something may have been missed
///     async fn gap(&mut self, socket: &mut WebSocket, event: Event) -> Result {
///         socket.send_json(&event.to_json()?).await
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn handler(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand_outside("handler", Span::call_site(), item.into()).into()
}

/// Marks the method of a consumer that gets the events no other method handles.
///
/// It takes no arguments; its payload is the raw `Event`. A consumer has one at the most. Without, an event
/// that nobody handles is dropped and counted; a worker's job goes to the dead letters.
///
/// It works only in an `impl` block that is marked [`#[consumer]`](macro@consumer), which takes it away.
///
/// # Examples
///
/// ```
/// use channels::prelude::*;
///
/// #[consumer(groups("all"))]
/// #[derive(Default)]
/// struct Log;
///
/// #[consumer]
/// impl Log {
///     #[fallback]
///     async fn any(&mut self, socket: &mut WebSocket, event: Event) -> Result {
///         socket.send(event.event_type().as_str()).await
///     }
/// }
/// ```
#[proc_macro_attribute]
pub fn fallback(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand_outside("fallback", Span::call_site(), item.into()).into()
}

/// Ties a struct or an enum to its event type, by the attribute `#[event("some.type", …)]`.
///
/// | argument | what it says |
/// |---|---|
/// | `"some.type"` | the type, first; as for [`#[handler]`](macro@handler), and none of the protocols' |
/// | `key(field, …)` | by which fields a newer event takes the place of a waiting one, where the consumer says `overflow = coalesce`; without, all of the type are the same. Of structs only; the fields are `Hash` |
/// | `crate = ::path` | where the crate `channels` is, if not at `::channels` |
///
/// The type has to be `Serialize` and `DeserializeOwned`, for it may come from another process, and its
/// fields `Clone`: each member of a group that takes the event by value gets its own. It encodes as a map of
/// fields, which stand beside `type` as Channels has it.
///
/// # Examples
///
/// ```
/// use channels::prelude::*;
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("presence.typing", key(room, user_id))]
/// struct Typing {
///     room: String,
///     user_id: u64,
/// }
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event("cursor.changed", crate = ::channels)]
/// #[serde(tag = "what")]
/// enum Cursor {
///     Moved { x: f64, y: f64 },
///     Hidden,
/// }
///
/// let event = Event::from(Cursor::Moved { x: 1.0, y: 2.5 });
/// assert_eq!(event.event_type().as_str(), "cursor.changed");
/// assert_eq!(event.to_json()?["what"], "Moved");
/// # Ok::<(), channels::Error>(())
/// ```
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    event::expand(item.into()).into()
}
