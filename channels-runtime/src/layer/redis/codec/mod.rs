//! How a message's fields become bytes: the serializers of `channels_redis`.

mod json;
mod msgpack;
mod unicode;

use crate::event::Value;
use crate::{Error, ErrorKind, Result};

/// How many lists and maps may lie inside of each other.
///
/// Python's readers go to a thousand. Whoever handles an event decodes it by recursion, on a stack of
/// 2 MiB, so we stop where `serde_json` does.
pub(super) const DEPTH: usize = 128;

/// A serializer, `serializer_format` of `channels_redis`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// As `msgpack-python` writes it; it holds everything that an event can.
    #[default]
    MsgPack,
    /// As Python's `json` writes it, which knows no bytes.
    Json,
}

impl Format {
    /// Writes a value, byte by byte as Python does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`], saying what the format cannot hold.
    pub(crate) fn write(self, value: &Value) -> Result<Vec<u8>> {
        match self {
            Self::MsgPack => msgpack::write(value),
            Self::Json => json::write(value),
        }
        .map_err(|what| Error::new(ErrorKind::Encode, what))
    }

    /// Reads a value that may come from anybody: it takes less than a hundred times as much
    /// memory as the bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`], saying what is wrong or what an event cannot hold, and where.
    pub(crate) fn read(self, bytes: &[u8]) -> Result<Value> {
        let (format, read) = match self {
            Self::MsgPack => ("msgpack", msgpack::read(bytes)),
            Self::Json => ("JSON", json::read(bytes)),
        };
        read.map_err(|what| Error::new(ErrorKind::Decode, format!("no {format} message: {what}")))
    }
}

/// Refuses one more list or map inside of so many.
fn deeper(depth: usize) -> std::result::Result<(), String> {
    if depth >= DEPTH {
        return Err(format!(
            "more than {DEPTH} lists and maps inside of each other"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod doubles;
#[cfg(test)]
mod tests;
