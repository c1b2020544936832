//! What stands around an application, as far as a check at start-up can know it.

use super::Provides;
use crate::{Error, ErrorKind, Result};

/// What the middleware around an application provide. One of the program may provide anything: then nothing is
/// reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings(Vec<Provides>);

impl Surroundings {
    pub(crate) fn add(&mut self, provided: Provides) {
        self.0.push(provided);
    }

    /// Reports that an application needs sessions, and has none.
    pub(crate) fn require_sessions(&self, who: &str) -> Result {
        self.require(Provides::Session, who, "a `SessionMiddleware`")
    }

    /// Reports that an application needs users who can log in and out, and has none.
    pub(crate) fn require_users(&self, who: &str) -> Result {
        self.require(Provides::Login, who, "an `AuthMiddlewareStack`")
    }

    /// Reports that an application needs the protection of forms, and has none.
    pub(crate) fn require_csrf(&self, who: &str) -> Result {
        self.require(Provides::Csrf, who, "a `CsrfMiddleware`")
    }

    fn require(&self, needed: Provides, who: &str, what: &str) -> Result {
        if self.0.contains(&needed) || self.0.contains(&Provides::Unknown) {
            return Ok(());
        }
        let message = format!("`{who}` needs {what} around it");
        Err(Error::new(ErrorKind::Config, message))
    }
}
