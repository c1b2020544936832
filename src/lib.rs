//! Django Channels' model for Rust: consumers, routing, groups, channel layers.
//!
//! A consumer is a struct, one value of it for each connection, with one method for each event:
//! [`#[consumer]`](macro@consumer) makes a dispatch table of them while they compile. An event is a type with
//! [`#[derive(Event)]`](macro@Event); a group is a name, and what is sent to it reaches the consumers in it, in
//! this process or, over Redis, in others and in a Django site's.
//!
//! A chat, complete:
//!
//! ```no_run
//! use channels::prelude::*;
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event("chat.message")]
//! struct Said {
//!     text: String,
//! }
//!
//! #[consumer]
//! #[derive(Default)]
//! struct Room {
//!     group: String,
//! }
//!
//! #[consumer]
//! impl Room {
//!     async fn connect(&mut self, socket: &mut WebSocket) -> Result {
//!         self.group = format!("room.{}", socket.url_kwarg::<String>("room")?);
//!         socket.group_add(&self.group).await?;
//!         socket.accept().await // deciding nothing accepts as well: who must not come in needs a `deny`
//!     }
//!
//!     async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
//!         socket.group_send(&self.group, Said { text }).await
//!     }
//!
//!     #[handler("chat.message", relay)] // every member sends the same: it is encoded once
//!     async fn said(&mut self, socket: &mut WebSocket, event: &Said) -> Result {
//!         socket.send_json(event).await
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result {
//!     let sockets = URLRouter::new().path("ws/<slug:room>/", Room::app());
//!     channels::serve("127.0.0.1:8000", ProtocolTypeRouter::new().websocket(sockets)).await
//! }
//! ```
//!
//! | to | begin at |
//! |---|---|
//! | write consumers | [`#[consumer]`](macro@consumer), [`#[handler]`](macro@prelude::handler), [`#[fallback]`](macro@prelude::fallback); [`WebSocket`], [`HttpExchange`], [`Job`] |
//! | make an application of them | [`ProtocolTypeRouter`], [`URLRouter`], [`ChannelNameRouter`], [`Middleware`] |
//! | run it | [`serve`], [`Server`], [`Worker`], or mounted in another program: it is a tower service |
//! | send events | [`WebSocket::group_send`], [`Group`], [`ChannelLayer`], [`BlockingChannelLayer`] |
//! | test it | `testing` (feature `testing`) |
//!
//! | feature | what it adds |
//! |---|---|
//! | `auth` | sessions and users as Django has them: `Site`, `AuthMiddlewareStack`, pages to log in and out; `PublishView` |
//! | `sqlite`, `postgres`, `mysql` | the same in a database, a Django site's or one of its own; each includes `auth` |
//! | `jwt` | JSON Web Tokens; includes `auth` |
//! | `redis` | the layers over Redis, in the formats of `channels_redis` |
//! | `testing` | the test kit |

#[doc(inline)]
pub use channels_macros::{Event, consumer};
#[doc(inline)]
pub use channels_runtime::*;

#[doc(hidden)]
pub use channels_runtime::__private;

/// What a program with consumers uses: `use channels::prelude::*;`.
pub mod prelude {
    pub use channels_macros::{Event, consumer, fallback, handler};
    pub use channels_runtime::{
        AcceptConnection, BlockingHttpExchange, BlockingJob, BlockingWebSocket, Bytes,
        ChannelLayer, ChannelLayers, ChannelName, ChannelNameRouter, CloseCode, Consumer,
        DenyConnection, Disconnect, DisconnectedBy, Error, ErrorKind, Event, FromBody, FromMessage,
        Group, HttpExchange, InMemoryChannelLayer, Job, Json, Limits, Message, Payload,
        ProtocolTypeRouter, Result, Route, Server, ServerSentEvent, StatusCode, Stop, Text,
        URLRouter, WebSocket, Worker,
    };
    pub use serde::{Deserialize, Serialize};
}

/// The examples of the documents compile.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    mod readme {}

    #[doc = include_str!("../docs/from-django.md")]
    mod from_django {}
}
