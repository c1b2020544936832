//! What stands around an application, as far as a check at start-up can know it.

use std::any::TypeId;

use super::{AuthMiddleware, CookieOrigin, CsrfMiddleware, SessionMiddleware};
use crate::{Error, ErrorKind, Result};

/// The middleware around an application. Others than the framework's may do anything, and so may do what a
/// missing one does: then nothing is reported.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings(Vec<TypeId>);

impl Surroundings {
    pub(crate) fn add<M: 'static>(&mut self) {
        self.0.push(TypeId::of::<M>());
    }

    /// Reports that an application needs sessions, and has none.
    pub(crate) fn require_sessions(&self, who: &str) -> Result {
        self.require::<SessionMiddleware>(who, "a `SessionMiddleware`")
    }

    /// Reports that an application needs users, and has none.
    pub(crate) fn require_users(&self, who: &str) -> Result {
        self.require::<AuthMiddleware>(who, "an `AuthMiddlewareStack`")
    }

    /// Reports that an application needs the protection of forms, and has none.
    pub(crate) fn require_csrf(&self, who: &str) -> Result {
        self.require::<CsrfMiddleware>(who, "a `CsrfMiddleware`")
    }

    fn require<M: 'static>(&self, who: &str, what: &str) -> Result {
        if self.0.contains(&TypeId::of::<M>()) || self.has_others() {
            return Ok(());
        }
        let message = format!("`{who}` needs {what} around it");
        Err(Error::new(ErrorKind::Config, message))
    }

    fn has_others(&self) -> bool {
        let known = [
            TypeId::of::<SessionMiddleware>(),
            TypeId::of::<AuthMiddleware>(),
            TypeId::of::<CsrfMiddleware>(),
            TypeId::of::<CookieOrigin>(),
        ];
        self.0.iter().any(|middleware| !known.contains(middleware))
    }
}
