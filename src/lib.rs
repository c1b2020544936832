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
        AcceptConnection, BlockingWebSocket, Bytes, ChannelLayer, ChannelLayers, ChannelName,
        CloseCode, Consumer, DenyConnection, Disconnect, Error, ErrorKind, Event, FromMessage,
        Group, InMemoryChannelLayer, Json, Limits, Message, Payload, ProtocolTypeRouter, Result,
        Server, StatusCode, Stop, Text, URLRouter, WebSocket,
    };
    pub use serde::{Deserialize, Serialize};
}
