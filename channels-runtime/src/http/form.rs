//! A form, as browsers send it.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::request::FromBody;
use crate::{Error, ErrorKind, Result};

/// An URL-encoded form in the body of a request, as `handle` takes it.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Form, FromBody};
///
/// #[derive(serde::Deserialize)]
/// struct Search {
///     query: String,
/// }
///
/// let Form(search) = Form::<Search>::from_body("query=caf%C3%A9+au+lait".into())?;
/// assert_eq!(search.query, "café au lait");
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Form<T>(pub T);

impl<T> fmt::Debug for Form<T> {
    /// Shows no field: forms have passwords and CSRF tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> FromBody for Form<T> {
    fn from_body(body: Bytes) -> Result<Self> {
        serde_urlencoded::from_bytes(&body)
            .map(Form)
            .map_err(|error| {
                let message = "the body is not the form that is expected";
                Error::caused(ErrorKind::InvalidPayload, message, error)
            })
    }
}
