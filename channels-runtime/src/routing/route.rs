//! One route, as a program writes it.

use std::fmt;
use std::sync::Arc;

use super::pattern::Source;
use crate::Result;
use crate::app::{Context, HttpApp, Routes, WebSocketApp};

/// A route with more than its pattern and its application: a name, values of its own.
///
/// # Examples
///
/// ```
/// # use channels_runtime::{Answering, Handshake, StatusCode, WebSocketApp};
/// # #[derive(Clone)] struct Chat;
/// # impl WebSocketApp for Chat {
/// #     fn answer(&self, handshake: Handshake) -> Answering<'_> { handshake.deny(StatusCode::GONE) }
/// # }
/// use channels_runtime::{Route, URLRouter};
///
/// let router = URLRouter::new()
///     .route(Route::path("chat/<slug:room>/", Chat).name("room"))
///     .route(Route::path("lobby/", Chat).name("lobby").kwarg("room", "lobby"));
/// assert_eq!(router.reverse("room", &[("room", &"rust")])?, "/chat/rust/");
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a route does nothing until a router has it"]
pub struct Route<T> {
    pub(super) source: Source,
    pub(super) app: T,
    pub(super) name: Option<String>,
    pub(super) kwargs: Vec<(Arc<str>, Box<str>)>,
}

impl<T> Route<T> {
    /// A route with converters, as [`URLRouter::path`](crate::URLRouter::path) adds one.
    pub fn path(pattern: impl Into<String>, app: T) -> Self {
        Self::new(Source::Path(pattern.into()), app)
    }

    /// A route with a regular expression, as [`URLRouter::re_path`](crate::URLRouter::re_path) adds
    /// one.
    pub fn re_path(expression: impl Into<String>, app: T) -> Self {
        Self::new(Source::RePath(expression.into()), app)
    }

    fn new(source: Source, app: T) -> Self {
        Self {
            source,
            app,
            name: None,
            kwargs: Vec::new(),
        }
    }

    /// The name by which [`URLRouter::reverse`](crate::URLRouter::reverse) finds the route. That of a
    /// route to a router stands before the names inside, Django's namespace: `blog:post`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// A value of the route's own, among the captured ones: it replaces one of the same name.
    pub fn kwarg(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.kwargs.push((name.into(), value.to_string().into()));
        self
    }
}

impl<T> fmt::Debug for Route<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("source", &self.source)
            .field("name", &self.name)
            .field("kwargs", &self.kwargs)
            .finish_non_exhaustive()
    }
}

/// What a route may lead to: a [`WebSocketApp`] or an [`HttpApp`].
#[diagnostic::on_unimplemented(
    message = "a `URLRouter` cannot lead to `{Self}`",
    label = "not an application of this router's protocol",
    note = "all routes of a router lead to WebSocket applications, or all to HTTP applications (consumers with `#[consumer(http)]`, tower services)"
)]
pub trait RouteTo<A: ?Sized> {
    /// The application, as the router keeps it.
    fn boxed(self) -> Box<A>;
}

impl<T: WebSocketApp> RouteTo<dyn WebSocketApp> for T {
    fn boxed(self) -> Box<dyn WebSocketApp> {
        Box::new(self)
    }
}

impl<T: HttpApp> RouteTo<dyn HttpApp> for T {
    fn boxed(self) -> Box<dyn HttpApp> {
        Box::new(self)
    }
}

/// What a [`URLRouter`](crate::URLRouter) asks of its applications: `dyn WebSocketApp` and
/// `dyn HttpApp` alike.
pub trait Routed: Send + Sync + 'static {
    /// The routes inside, if it is a router or stands around one.
    fn routes(&self) -> Option<Routes<'_>>;

    /// Tells at start-up what could only fail later.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    fn check(&self, context: &Context) -> Result;
}

impl Routed for dyn WebSocketApp {
    fn routes(&self) -> Option<Routes<'_>> {
        WebSocketApp::routes(self)
    }

    fn check(&self, context: &Context) -> Result {
        WebSocketApp::check(self, context)
    }
}

impl Routed for dyn HttpApp {
    fn routes(&self) -> Option<Routes<'_>> {
        HttpApp::routes(self)
    }

    fn check(&self, context: &Context) -> Result {
        HttpApp::check(self, context)
    }
}
