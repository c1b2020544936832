//! The wire: the only folder that names tungstenite.

#[cfg(feature = "testing")]
mod client;
mod close;
mod decoder;
mod frame;
mod guarded;
mod io;
mod rewound;
mod text;
mod upgrade;

#[cfg(feature = "testing")]
pub(crate) use self::client::{Client, Received};
pub(crate) use self::decoder::{Decoder, Incoming, ReadError};
pub(crate) use self::frame::Frame;
pub(crate) use self::guarded::{Guarded, HalfClosed};
pub(crate) use self::io::{ReadHalf, WriteHalf, prepare};
pub(crate) use self::rewound::Rewound;
pub use self::text::Text;
pub(crate) use self::upgrade::{Stream, Upgrade};

/// The answer to a `Sec-WebSocket-Key` (RFC 6455 §4.2.2).
pub(crate) fn accept_key(key: &[u8]) -> String {
    tokio_tungstenite::tungstenite::handshake::derive_accept_key(key)
}
