//! The way out.

use http::Method;

use super::headers::protected;
use super::login::not_allowed;
use super::redirect::see_other;
use crate::Result;
use crate::app::{Answering, Context, HttpApp, HttpRequest, Response};
use crate::auth::Identity;
use crate::middleware::{CsrfToken, failed};

/// Logs out and goes on to another page: Django's `LogoutView`.
///
/// By POST alone, so that no link and no picture logs anybody out: a form with the
/// [`CsrfToken`]. The user's open sockets of the same session are closed (1008). It needs what a
/// [`LoginView`](crate::LoginView) needs around it.
#[derive(Clone, Debug)]
pub struct LogoutView {
    redirect_to: String,
}

impl Default for LogoutView {
    fn default() -> Self {
        Self::new()
    }
}

impl LogoutView {
    /// Goes on to `/`.
    pub fn new() -> Self {
        Self {
            redirect_to: "/".to_owned(),
        }
    }

    /// Where to go on: a path of this site.
    #[must_use]
    pub fn redirect_to(self, path: impl Into<String>) -> Self {
        Self {
            redirect_to: path.into(),
        }
    }

    async fn respond(&self, request: HttpRequest) -> Result<Response> {
        let scope = request.scope();
        if *scope.method() != Method::POST {
            return Ok(not_allowed("POST"));
        }
        // Without the middleware, nothing has been checked.
        CsrfToken::of(scope)?;
        Identity::of(scope)?.clone().logout().await?;
        see_other(&self.redirect_to)
    }
}

impl HttpApp for LogoutView {
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        Box::pin(async {
            let response = self.respond(request).await;
            protected(response.unwrap_or_else(|error| failed(&error)))
        })
    }

    fn check(&self, context: &Context) -> Result {
        see_other(&self.redirect_to)?;
        context.surroundings.require_users("LogoutView")?;
        context.surroundings.require_csrf("LogoutView")?;
        let site = context.site()?;
        site.expect_users();
        site.check()
    }
}
