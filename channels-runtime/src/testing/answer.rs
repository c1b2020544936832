//! What a handshake is answered with.

use std::fmt;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Response, StatusCode};

use crate::Error;

/// What an accepted handshake was answered with.
#[derive(Clone)]
#[non_exhaustive]
pub struct Accepted {
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// The headers of the 101.
    pub headers: HeaderMap,
}

/// Why there is no WebSocket.
#[non_exhaustive]
pub enum Refused {
    /// The server answered with another status than 101.
    Denied(Response<Bytes>),
    /// There was no answer.
    Failed(Error),
}

impl Refused {
    /// The status of the refusal.
    ///
    /// # Panics
    ///
    /// If there was no answer.
    pub fn status(&self) -> StatusCode {
        self.response().status()
    }

    /// The whole refusal.
    ///
    /// # Panics
    ///
    /// If there was no answer.
    pub fn response(&self) -> &Response<Bytes> {
        match self {
            Self::Denied(response) => response,
            Self::Failed(error) => panic!("the handshake was not answered: {error:?}"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(response) => write!(f, "the handshake was refused: {}", response.status()),
            Self::Failed(error) => write!(f, "the handshake was not answered: {error}"),
        }
    }
}

impl std::error::Error for Refused {}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl fmt::Debug for Accepted {
    /// Shows the names of the headers, not the values: these hold cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("subprotocol", &self.subprotocol)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl fmt::Debug for Refused {
    /// Shows the names of the headers, not the values: these hold cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(response) => f
                .debug_struct("Denied")
                .field("status", &response.status())
                .field("headers", &response.headers().keys().collect::<Vec<_>>())
                .finish_non_exhaustive(),
            Self::Failed(error) => f.debug_tuple("Failed").field(error).finish(),
        }
    }
}
