//! What handlers may return.

use crate::{BoxError, Error, Result};

/// What a handler's call came to.
pub type Outcome = Result<(), Error>;

/// A return type of handlers: nothing, or `Result<(), E>` for any error.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "not a handler's result",
    note = "return `Result`, `Result<(), E>` for any error `E`, or nothing"
)]
pub trait IntoOutcome {
    /// The same, with the framework's own error.
    ///
    /// # Errors
    ///
    /// What the handler returned.
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Outcome {
        self.map_err(|error| Error::from_handler(error.into()))
    }
}
