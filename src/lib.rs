//! Django Channels' model for Rust: consumers, routing, groups, channel layers.

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
