//! The one error type of the framework.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

use crate::log::Excerpt;
use crate::{ChannelName, Event};

/// Any error, boxed: what user code may fail with.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of a handler, and of most calls of this crate.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// What went wrong, in one line, with its kind and its source.
///
/// A failed send gives the unsent value back: see [`into_unsent`](Self::into_unsent).
///
/// # Examples
///
/// ```
/// use channels_runtime::{ErrorKind, GroupName};
///
/// let error = GroupName::new("").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Name);
/// assert_eq!(error.to_string(), "a group name cannot be empty");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Option<String>,
    source: Option<BoxError>,
    unsent: Option<Box<dyn Any + Send + Sync>>,
}

/// The kind of an [`Error`]: what a program may decide on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// [`AcceptConnection`] was returned: accept the socket.
    Accept,
    /// [`DenyConnection`] was returned: refuse the socket.
    Deny,
    /// [`Stop`] was returned: close the socket.
    Stop,
    /// The connection is over, or closing: nothing more can be sent on it.
    Closed,
    /// The receiving channel has no room for the event, which was not queued.
    ChannelFull,
    /// A group or channel name is not allowed.
    Name,
    /// A limit of [`Limits`](crate::Limits) is reached: the connection is in too many groups. From a
    /// handler it closes a socket with 1008.
    Limit,
    /// An event type is not allowed.
    EventType,
    /// A message of the peer does not parse as what its handler takes.
    InvalidPayload,
    /// An event does not decode.
    Decode,
    /// An event's payload is not what its handler takes: counted and logged, never fatal.
    Undecodable,
    /// A payload does not encode.
    Encode,
    /// The peer sent a kind of frame that the handler does not take.
    UnsupportedData,
    /// The handshake was answered already, or wrongly.
    Handshake,
    /// The response was begun already, or not yet; or its status or headers are not allowed.
    Response,
    /// What the route captured is not what was asked for. From `connect` or `handle` it is a 404.
    Route,
    /// A database, a channel layer or another dependency cannot be used now. From `connect` or `handle`
    /// it is a 503 with `Retry-After`; it closes a socket with 1013.
    Unavailable,
    /// What was to be made is there already: a name that is taken.
    Conflict,
    /// The session was ended elsewhere: what was changed in it cannot be saved. From a handler it is
    /// a 400, and closes a socket with 1008.
    SessionEnded,
    /// The channel layer failed or is closed. From `connect` or `handle` it is a 503 with `Retry-After`.
    Layer,
    /// A setting is wrong: a pattern, a URL, an address, a name.
    Config,
    /// An input or output error of the operating system.
    Io,
    /// The user's own code failed.
    Other,
}

impl Error {
    /// Wraps an error of the user's own code, to be returned from a handler.
    pub fn other(source: impl Into<BoxError>) -> Self {
        Self::with_source(ErrorKind::Other, None, source)
    }

    /// Wraps an error of a store that cannot be asked now: [`ErrorKind::Unavailable`].
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self::with_source(ErrorKind::Unavailable, None, source)
    }

    /// Wraps an error of a channel layer: [`ErrorKind::Layer`]. For layers of your own.
    pub fn layer(source: impl Into<BoxError>) -> Self {
        Self::with_source(ErrorKind::Layer, None, source)
    }

    /// A channel has no room for an event, which comes back with the error:
    /// [`ErrorKind::ChannelFull`]. For layers of your own.
    pub fn channel_full(channel: &ChannelName, event: Event) -> Self {
        let what = format!("the channel `{channel}` is full");
        Self::new(ErrorKind::ChannelFull, what).with_unsent(event)
    }

    /// Makes an error that says something of its own.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: Some(message.into()),
            source: None,
            unsent: None,
        }))
    }

    /// Makes an error of a kind, caused by another.
    pub(crate) fn caused(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<BoxError>,
    ) -> Self {
        Self::with_source(kind, Some(message.into()), source)
    }

    fn with_source(kind: ErrorKind, message: Option<String>, source: impl Into<BoxError>) -> Self {
        Self(Box::new(Inner {
            kind,
            message,
            source: Some(source.into()),
            unsent: None,
        }))
    }

    /// Attaches the value that could not be sent, which [`into_unsent`](Self::into_unsent) gives back.
    #[must_use]
    pub fn with_unsent(mut self, value: impl Any + Send + Sync) -> Self {
        self.0.unsent = Some(Box::new(value));
        self
    }

    /// Turns what a handler returned into one of ours, without wrapping ours again.
    pub(crate) fn from_handler(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => *error,
            Err(error) => signal(&*error).unwrap_or_else(|| Self::other(error)),
        }
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether a layer, a store or another dependency failed: a client may come back later.
    pub(crate) fn is_of_dependency(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Unavailable | ErrorKind::Layer | ErrorKind::ChannelFull
        )
    }

    /// The sources in one line, for the log.
    pub(crate) fn source_text(&self) -> String {
        let sources = std::iter::successors(self.source(), |error| (*error).source());
        sources
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ")
    }

    /// The error and its sources for the log, each in one line of bounded length: they may contain what a
    /// client has sent.
    pub(crate) fn excerpts(&self) -> (String, String) {
        let excerpt = |text: String| Excerpt(text.as_bytes()).to_string();
        (excerpt(self.to_string()), excerpt(self.source_text()))
    }

    /// The value that was not sent: a [`Message`](crate::Message) or an [`Event`](crate::Event).
    ///
    /// # Errors
    ///
    /// Gives the error itself back where there is no such value in it.
    pub fn into_unsent<T: Any>(mut self) -> std::result::Result<T, Self> {
        match self
            .0
            .unsent
            .take()
            .map(<Box<dyn Any + Send + Sync>>::downcast)
        {
            Some(Ok(value)) => Ok(*value),
            Some(Err(other)) => {
                self.0.unsent = Some(other);
                Err(self)
            }
            None => Err(self),
        }
    }
}

/// The control signals may also arrive inside a user's own error type.
fn signal(error: &(dyn StdError + Send + Sync + 'static)) -> Option<Error> {
    if error.is::<Stop>() {
        Some(Stop.into())
    } else if error.is::<AcceptConnection>() {
        Some(AcceptConnection.into())
    } else if error.is::<DenyConnection>() {
        Some(DenyConnection.into())
    } else {
        None
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.0.message, &self.0.source) {
            (Some(message), _) => f.write_str(message),
            (None, Some(source)) => fmt::Display::fmt(source, f),
            (None, None) => fmt::Debug::fmt(&self.0.kind, f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.to_string())
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    /// The cause. An error made by [`Error::other`] shows its cause's words as its own, so its
    /// source is the cause's source: a chain of errors says nothing twice.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        if self.0.message.is_some() {
            Some(source)
        } else {
            source.source()
        }
    }
}

macro_rules! signals {
    ($($(#[$doc:meta])* $name:ident => $kind:ident, $text:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($text)
            }
        }

        impl StdError for $name {}

        impl From<$name> for Error {
            fn from(_: $name) -> Self {
                Self::new(ErrorKind::$kind, $text)
            }
        }
    )*};
}

signals! {
    /// Returned from any handler, ends the consumer and closes its socket (1000) or its response.
    ///
    /// Channels' `StopConsumer`, which leaves the socket open there.
    Stop => Stop, "the consumer stops";

    /// Returned from `connect`, accepts the socket. Anywhere else it is an ordinary error.
    AcceptConnection => Accept, "the connection is accepted";

    /// Returned from `connect`, refuses the socket with 403, as it does a request that is not
    /// answered yet. Anywhere else it is an ordinary error.
    DenyConnection => Deny, "the connection is refused";
}

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Self::with_source(ErrorKind::Io, None, source)
    }
}

impl From<serde_json::Error> for Error {
    fn from(source: serde_json::Error) -> Self {
        Self::other(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_says_nothing_twice() {
        let plain = Error::other(std::io::Error::other("disk on fire"));
        assert_eq!(plain.to_string(), "disk on fire");
        assert!(plain.source().is_none());

        let wrapped = Error::caused(
            ErrorKind::Layer,
            "the layer is gone",
            std::io::Error::other("reset"),
        );
        assert_eq!(wrapped.to_string(), "the layer is gone");
        assert_eq!(
            wrapped.source().map(ToString::to_string).as_deref(),
            Some("reset")
        );
    }

    #[test]
    fn what_a_handler_returns_keeps_its_kind() {
        let boxed: BoxError = Box::new(Error::new(ErrorKind::Closed, "over"));
        assert_eq!(Error::from_handler(boxed).kind(), ErrorKind::Closed);
        let boxed: BoxError = Box::new(Stop);
        assert_eq!(Error::from_handler(boxed).kind(), ErrorKind::Stop);
        let boxed: BoxError = "something".into();
        assert_eq!(Error::from_handler(boxed).kind(), ErrorKind::Other);
    }

    #[test]
    fn the_unsent_value_comes_back() {
        let error = Error::new(ErrorKind::Closed, "over").with_unsent(String::from("hello"));
        let error = error
            .into_unsent::<u32>()
            .expect_err("a string is no number");
        assert_eq!(error.into_unsent::<String>().expect("the string"), "hello");
    }
}
