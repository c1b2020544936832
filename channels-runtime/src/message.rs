//! What goes over the socket: text or binary messages, JSON in text, and the close frame.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::transport::Text;
use crate::{CloseCode, Error, ErrorKind, Result};

/// A message of a WebSocket, either way.
///
/// # Examples
///
/// ```
/// use channels_runtime::Message;
///
/// assert_eq!(Message::from("hi").as_text(), Some("hi"));
/// assert_eq!(Message::from(vec![1, 2]).as_bytes(), [1, 2]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 6455 knows these two kinds of data"
)]
pub enum Message {
    /// A text message.
    Text(Text),
    /// A binary message.
    Binary(Bytes),
}

impl Message {
    /// The text, unless the message is binary.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Binary(_) => None,
        }
    }

    /// The bytes of either kind.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// What the message holds, as shared bytes.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// How many bytes the message has.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the message has no bytes. An empty message is sent like any other.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

impl From<Text> for Message {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(bytes))
    }
}

/// A parameter of `receive` or `handle`: the frame's text or the request's body, parsed as JSON into
/// `T`.
///
/// Text that does not parse closes the socket with 1007; the reason distinguishes invalid JSON from JSON
/// that is not a `T`. A binary frame closes it with 1003. A body that does not parse is answered with 400.
/// Why it did not parse is logged at a bounded rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// What a `receive` handler can take: [`String`], [`Text`], [`Bytes`], `Vec<u8>`, [`Message`] or
/// [`Json<T>`].
#[diagnostic::on_unimplemented(
    message = "`receive` cannot take `{Self}`",
    label = "not a kind of message",
    note = "take `String` or `Text`, `Bytes` or `Vec<u8>`, `Message` (either), or `Json<T>`"
)]
pub trait FromMessage: Sized {
    /// Makes the parameter from the message.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnsupportedData`] (1003) for the wrong kind of frame, [`ErrorKind::InvalidPayload`]
    /// (1007) for content that does not parse.
    fn from_message(message: Message) -> Result<Self>;
}

impl FromMessage for Message {
    fn from_message(message: Message) -> Result<Self> {
        Ok(message)
    }
}

impl FromMessage for Text {
    fn from_message(message: Message) -> Result<Self> {
        match message {
            Message::Text(text) => Ok(text),
            Message::Binary(_) => Err(wrong_kind("text", "binary")),
        }
    }
}

impl FromMessage for String {
    fn from_message(message: Message) -> Result<Self> {
        Text::from_message(message).map(Self::from)
    }
}

impl FromMessage for Bytes {
    fn from_message(message: Message) -> Result<Self> {
        match message {
            Message::Binary(bytes) => Ok(bytes),
            Message::Text(_) => Err(wrong_kind("binary", "text")),
        }
    }
}

impl FromMessage for Vec<u8> {
    fn from_message(message: Message) -> Result<Self> {
        Bytes::from_message(message).map(Self::from)
    }
}

impl<T: DeserializeOwned> FromMessage for Json<T> {
    fn from_message(message: Message) -> Result<Self> {
        let text = Text::from_message(message)?;
        serde_json::from_str(&text).map(Json).map_err(|error| {
            let message = if is_json(text.as_bytes()) {
                "the message is not the expected JSON"
            } else {
                "the message is not valid JSON"
            };
            Error::caused(ErrorKind::InvalidPayload, message, error)
        })
    }
}

/// Whether bytes are JSON (RFC 8259), of whatever shape. The category of `serde_json`'s error does not
/// answer that: deep lists and large numbers are errors of its syntax, and it stops at the first one.
#[cold]
fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn wrong_kind(expected: &str, found: &str) -> Error {
    Error::new(
        ErrorKind::UnsupportedData,
        format!("expected a {expected} frame, got {found}"),
    )
}

/// The code and the reason of a close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// Why, as a number.
    pub code: CloseCode,
    /// Why, in words: at most 123 bytes go over the wire (RFC 6455 §5.5).
    pub reason: Cow<'static, str>,
}

impl CloseFrame {
    /// The longest reason that fits a control frame, in bytes.
    pub const MAX_REASON: usize = 123;

    /// A close frame; a reason that is too long is cut at a character.
    pub fn new(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        let mut reason = reason.into();
        if reason.len() > Self::MAX_REASON {
            let end = (0..=Self::MAX_REASON)
                .rfind(|&at| reason.is_char_boundary(at))
                .unwrap_or(0);
            reason = Cow::Owned(reason[..end].to_owned());
        }
        Self { code, reason }
    }
}

impl fmt::Display for CloseFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason.is_empty() {
            write!(f, "{}", self.code)
        } else {
            write!(f, "{} ({})", self.code, self.reason)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_takes_only_its_kind_of_frame() {
        let text = || Message::from("{\"a\": 1}");
        let binary = || Message::from(vec![1_u8]);
        assert_eq!(String::from_message(text()).expect("text"), "{\"a\": 1}");
        assert!(Message::from_message(binary()).is_ok());
        assert_eq!(
            kind(String::from_message(binary())),
            ErrorKind::UnsupportedData
        );
        assert_eq!(
            kind(Bytes::from_message(text())),
            ErrorKind::UnsupportedData
        );
        assert_eq!(
            kind(Json::<serde_json::Value>::from_message(binary())),
            ErrorKind::UnsupportedData
        );
        assert_eq!(
            kind(Json::<u8>::from_message(text())),
            ErrorKind::InvalidPayload
        );
        assert!(Json::<serde_json::Value>::from_message(text()).is_ok());
    }

    /// A reader that is not exact changes the last digit of one in eight.
    #[test]
    fn doubles_keep_their_last_digit() {
        for step in 0..20_000 {
            let double = 1_700_000_000.0 + f64::from(step) * 0.137_931_7;
            let text = Message::from(format!("[{double:?}]"));
            let Json([read]) = Json::<[f64; 1]>::from_message(text.clone()).expect("a number");
            assert_eq!(read.to_bits(), double.to_bits());
            let Json(value) = Json::<serde_json::Value>::from_message(text).expect("a number");
            assert_eq!(value[0].as_f64().map(f64::to_bits), Some(double.to_bits()));
        }
    }

    fn kind<T>(result: Result<T>) -> ErrorKind {
        result.err().map(|error| error.kind()).expect("an error")
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let frame = CloseFrame::new(CloseCode::NORMAL, "é".repeat(100));
        assert_eq!(frame.reason.len(), 122);
        assert!(frame.reason.chars().all(|letter| letter == 'é'));
    }
}
