//! The page to log in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;

use super::headers::protected;
use super::redirect::{NEXT, is_own, see_other};
use crate::app::{Answering, Body, Context, HttpApp, HttpRequest, Response, refusal};
use crate::auth::{Identity, LoginThrottle};
use crate::http::read_body;
use crate::middleware::{CsrfToken, failed};
use crate::{Form, FromBody as _, Result, Scope};

/// A page with a form to log in by name and password: Django's `LoginView`, for programs without a
/// Django site.
///
/// GET shows the form, POST logs in and goes on to the path in `next`, if that is one of this site, or
/// to [`redirect_to`](Self::redirect_to). It needs a [`CsrfMiddleware`](crate::CsrfMiddleware) and an
/// [`AuthMiddlewareStack`](crate::AuthMiddlewareStack) around it.
///
/// Wrong passwords are counted by a [`LoginThrottle`]: after some from one address it answers 429 with
/// `Retry-After`. Beyond a number of passwords that are being checked it answers 503, see
/// [`PasswordHashers`](crate::PasswordHashers). Every response has the headers that Django's
/// `SecurityMiddleware`, `XFrameOptionsMiddleware` and `never_cache` set by default.
///
/// # Examples
///
/// ```
/// use channels_runtime::{AuthMiddlewareStack, CsrfMiddleware, LoginView, LogoutView, Middleware, URLRouter};
///
/// let pages = URLRouter::new()
///     .path("login/", LoginView::new().redirect_to("/rooms/"))
///     .path("logout/", LogoutView::new());
/// let app = CsrfMiddleware::new().around(AuthMiddlewareStack::new(pages));
/// ```
#[derive(Clone)]
pub struct LoginView {
    redirect_to: String,
    page: Arc<dyn Fn(&LoginForm) -> String + Send + Sync>,
    throttle: Option<LoginThrottle>,
}

/// What a page to log in shows. Nothing in it is escaped.
#[derive(Clone)]
#[non_exhaustive]
pub struct LoginForm {
    /// What the form sends as `csrfmiddlewaretoken`.
    pub csrf_token: String,
    /// What it sends as `next`: where to go on; empty for the view's own target.
    pub next: String,
    /// The name that was tried; empty at first. The form sends `username` and `password`.
    pub username: String,
    /// Whether name and password did not match.
    pub is_wrong: bool,
    /// How long to wait before the next attempt, in whole seconds, if there were too many. The password
    /// was not checked then.
    pub retry_after: Option<Duration>,
}

/// What the form sends.
#[derive(Deserialize)]
struct Sent {
    username: String,
    password: String,
    #[serde(default)]
    next: String,
}

impl Default for LoginView {
    fn default() -> Self {
        Self::new()
    }
}

impl LoginView {
    /// A plain page that goes on to `/`.
    pub fn new() -> Self {
        Self {
            redirect_to: "/".to_owned(),
            page: Arc::new(plain_page),
            throttle: Some(LoginThrottle::new()),
        }
    }

    /// Where to go on without a `next`: a path of this site.
    #[must_use]
    pub fn redirect_to(self, path: impl Into<String>) -> Self {
        Self {
            redirect_to: path.into(),
            ..self
        }
    }

    /// Makes the page, HTML, instead of the plain one.
    #[must_use]
    pub fn page(self, page: impl Fn(&LoginForm) -> String + Send + Sync + 'static) -> Self {
        Self {
            page: Arc::new(page),
            ..self
        }
    }

    /// Counts failed logins by this throttle, which other views may share, instead of by its own with the
    /// default rates.
    #[must_use]
    pub fn throttle(self, throttle: LoginThrottle) -> Self {
        Self {
            throttle: Some(throttle),
            ..self
        }
    }

    /// Does not count failed logins: for programs with a limit in front, in a tower layer or a proxy.
    #[must_use]
    pub fn without_throttle(self) -> Self {
        Self {
            throttle: None,
            ..self
        }
    }

    async fn respond(&self, request: HttpRequest) -> Result<Response> {
        let (scope, body, context) = request.into_parts();
        match *scope.method() {
            Method::GET | Method::HEAD => {
                let query = form_urlencoded::parse(scope.query_string().as_bytes());
                let mut next = query.filter(|(name, _)| name == NEXT);
                let next = next.next().map(|(_, next)| next.into_owned());
                self.show(
                    &scope,
                    next.unwrap_or_default(),
                    String::new(),
                    Shown::Empty,
                )
            }
            Method::POST => match read_body(body, scope.headers(), &context).await {
                Ok(body) => self.log_in(&scope, &context, body).await,
                Err(refusal) => Ok(refusal),
            },
            _ => Ok(not_allowed("GET, HEAD, POST")),
        }
    }

    async fn log_in(&self, scope: &Scope, context: &Context, body: Bytes) -> Result<Response> {
        // Without the middleware, nothing has been checked.
        let token = CsrfToken::of(scope)?;
        let Ok(Form(sent)) = Form::<Sent>::from_body(body) else {
            return Ok(refusal(
                StatusCode::BAD_REQUEST,
                "not the form of this page\n",
            ));
        };
        let site = context.site()?;
        let client = scope.client().map(|client| client.ip());
        let attempt = self
            .throttle
            .as_ref()
            .map(|throttle| throttle.attempt(&sent.username, client))
            .transpose();
        let attempt = match attempt {
            Ok(attempt) => attempt,
            Err(wait) => {
                return self.show(scope, sent.next, sent.username, Shown::Throttled(wait));
            }
        };
        match site.authenticate(&sent.username, &sent.password).await {
            Ok(Some(user)) => {
                if let Some(attempt) = attempt {
                    attempt.succeeded();
                }
                // Nothing may fail after the login: the response would deny what was saved.
                let new_token = CsrfToken::prepare()?;
                let next = Some(&*sent.next).filter(|next| is_own(next));
                let response = see_other(next.unwrap_or(&self.redirect_to))?;
                Identity::of(scope)?.login(&user).await?;
                token.replace(new_token);
                Ok(response)
            }
            Ok(None) => {
                if let Some(attempt) = attempt {
                    attempt.failed();
                }
                self.show(scope, sent.next, sent.username, Shown::Wrong)
            }
            Err(error) => {
                if let Some(attempt) = attempt {
                    attempt.cancelled();
                }
                Err(error)
            }
        }
    }

    fn show(
        &self,
        scope: &Scope,
        next: String,
        username: String,
        shown: Shown,
    ) -> Result<Response> {
        let retry_after = match shown {
            // Rounded up: a client that comes back then may try.
            Shown::Throttled(wait) => Some(Duration::from_secs(
                wait.as_secs() + u64::from(wait.subsec_nanos() > 0),
            )),
            Shown::Empty | Shown::Wrong => None,
        };
        let form = LoginForm {
            csrf_token: CsrfToken::of(scope)?.value()?,
            next: Some(next).filter(|next| is_own(next)).unwrap_or_default(),
            is_wrong: matches!(shown, Shown::Wrong),
            username,
            retry_after,
        };
        let mut response = Response::new(Body::from((self.page)(&form)));
        let headers = response.headers_mut();
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, html);
        if let Some(wait) = retry_after {
            headers.insert(header::RETRY_AFTER, wait.as_secs().into());
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        }
        Ok(response)
    }
}

/// What the page is shown for.
#[derive(Clone, Copy, Debug)]
enum Shown {
    Empty,
    Wrong,
    Throttled(Duration),
}

impl HttpApp for LoginView {
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        Box::pin(async {
            let response = self.respond(request).await;
            protected(response.unwrap_or_else(|error| failed(&error)))
        })
    }

    fn check(&self, context: &Context) -> Result {
        see_other(&self.redirect_to)?;
        context.surroundings.require_users("LoginView")?;
        context.surroundings.require_csrf("LoginView")?;
        let site = context.site()?;
        site.expect_users();
        site.check()
    }
}

pub(super) fn not_allowed(methods: &'static str) -> Response {
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    let methods = HeaderValue::from_static(methods);
    response.headers_mut().insert(header::ALLOW, methods);
    response
}

fn plain_page(form: &LoginForm) -> String {
    let LoginForm {
        csrf_token,
        next,
        username,
        is_wrong,
        retry_after,
    } = form;
    let error = match retry_after {
        Some(wait) => format!(
            "<p role=\"alert\">Too many failed logins. Try again in {} seconds.</p>",
            wait.as_secs()
        ),
        None if *is_wrong => {
            "<p role=\"alert\">The name and the password do not match.</p>".to_owned()
        }
        None => String::new(),
    };
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Log in</title>
<style>
  body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 20rem; margin: 15vh auto; padding: 0 1rem; color-scheme: light dark; }}
  label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit; }}
  input, button {{ padding: .5rem; margin-bottom: 1rem; }}
  [role=alert] {{ color: #c0392b; }}
</style>
<h1>Log in</h1>
{error}
<form method="post">
  <input type="hidden" name="csrfmiddlewaretoken" value="{csrf_token}">
  <input type="hidden" name="next" value="{next}">
  <label for="username">Name</label>
  <input id="username" name="username" value="{username}" autocomplete="username" maxlength="150" required autofocus>
  <label for="password">Password</label>
  <input id="password" name="password" type="password" autocomplete="current-password" required>
  <button>Log in</button>
</form>
"#,
        csrf_token = escaped(csrf_token),
        next = escaped(next),
        username = escaped(username),
    )
}

/// Text inside of an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

impl fmt::Debug for LoginView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginView")
            .field("redirect_to", &self.redirect_to)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LoginForm {
    /// Shows no token, and no name: a password is often typed where the name belongs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginForm")
            .field("next", &self.next)
            .field("is_wrong", &self.is_wrong)
            .finish_non_exhaustive()
    }
}
