//! Environment variables: empty ones count as unset, and every error names its variable.

use std::env::{self, VarError};

use crate::{Error, ErrorKind, Result};

/// The value of a variable, or `None` if it is unset, empty or blank.
///
/// # Errors
///
/// [`ErrorKind::Config`] if the value is not UTF-8.
pub(crate) fn variable(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => {
            let what = "it is not UTF-8";
            Err(invalid(name, &Error::new(ErrorKind::Config, what)))
        }
    }
}

/// The error of an invalid value, with the name of its variable.
pub(crate) fn invalid(name: &str, error: &Error) -> Error {
    let what = format!("the environment variable `{name}` is invalid: {error}");
    let source = error.source_text();
    if source.is_empty() {
        return Error::new(error.kind(), what);
    }
    Error::caused(error.kind(), what, source)
}
