//! The headers of an answer in the making.

use std::fmt;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::hygiene::ends_a_line;
use crate::{BoxError, Error, ErrorKind, Result};

/// Headers as they are added; the first mistake is told when they are used.
pub(crate) struct Headers {
    map: HeaderMap,
    /// The kind of the mistakes.
    kind: ErrorKind,
    mistake: Option<Error>,
}

impl Headers {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self {
            map: HeaderMap::new(),
            kind,
            mistake: None,
        }
    }

    /// Adds a header. A value is any bytes but control characters (RFC 9110 §5.5).
    pub(crate) fn add(&mut self, name: &str, value: &[u8]) {
        let name_is = HeaderName::from_bytes(name.as_bytes());
        match (name_is, HeaderValue::from_bytes(value)) {
            (Ok(_), Ok(value)) if ends_a_line(&value) => {
                self.refuse(name, "its value holds a line's end");
            }
            (Ok(name), Ok(value)) => {
                self.map.append(name, value);
            }
            (Err(error), _) => self.refuse(name, error),
            (_, Err(error)) => self.refuse(name, error),
        }
    }

    fn refuse(&mut self, name: &str, error: impl Into<BoxError>) {
        let message = format!("the header `{}` is not valid", name.escape_debug());
        self.mistake
            .get_or_insert_with(|| Error::caused(self.kind, message, error));
    }

    pub(crate) fn finish(self, reserved: &[HeaderName]) -> Result<HeaderMap> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        match reserved.iter().find(|name| self.map.contains_key(*name)) {
            Some(name) => Err(Error::new(
                self.kind,
                format!("the header `{name}` is the server's own"),
            )),
            None => Ok(self.map),
        }
    }
}

impl fmt::Debug for Headers {
    /// Shows the names, not the values: these hold cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.map.keys()).finish()
    }
}
