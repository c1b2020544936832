//! Routing by the path of the request.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use super::pattern::{Pattern, PatternError};
use crate::Result;
use crate::app::{Answering, Context, Handshake, HttpApp, HttpRequest, WebSocketApp, refusal};
use crate::scope::Kwargs;

/// Routes by the path: the first route that matches wins.
///
/// Patterns are Django's, without a leading `/`. A path that no route matches is answered with
/// 404. All routes of a router lead to applications of one protocol, those of its first: a
/// `URLRouter` of sockets goes to [`websocket`](crate::ProtocolTypeRouter::websocket), a
/// `URLRouter<dyn HttpApp>`, whose routes lead to HTTP consumers and tower services, goes to
/// [`http`](crate::ProtocolTypeRouter::http). A router may be a route of another.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Answering, Handshake, StatusCode, URLRouter, WebSocketApp};
///
/// struct Refuses;
///
/// impl WebSocketApp for Refuses {
///     fn answer(&self, handshake: Handshake) -> Answering<'_> {
///         handshake.deny(StatusCode::GONE)
///     }
/// }
///
/// let router = URLRouter::new()
///     .path("chat/<slug:room>/", Refuses)
///     .re_path(r"^old/(?P<year>[0-9]{4})/$", Refuses);
/// assert!(router.has_route("/chat/lobby/"));
/// assert!(!router.has_route("/chat/"));
/// ```
pub struct URLRouter<A: ?Sized = dyn WebSocketApp> {
    routes: Vec<Arc<Route<A>>>,
}

struct Route<A: ?Sized> {
    pattern: Pattern,
    app: Box<A>,
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

impl<A: ?Sized> URLRouter<A> {
    /// A router without routes.
    pub fn new() -> Self {
        Self { routes: Vec::new() }
    }

    /// Adds a route with converters: `chat/<slug:room>/<int:page>/`.
    ///
    /// Converters are `str`, `int`, `slug`, `uuid` and `path`; a name alone is a `str`.
    ///
    /// # Panics
    ///
    /// If the pattern cannot work; the message shows where.
    #[must_use]
    #[track_caller]
    pub fn path(self, pattern: &str, app: impl RouteTo<A>) -> Self {
        self.route(Pattern::path(pattern), app)
    }

    /// Adds a route with a regular expression, which matches anywhere unless it is anchored.
    ///
    /// # Panics
    ///
    /// If the expression does not compile; the message shows where.
    #[must_use]
    #[track_caller]
    pub fn re_path(self, pattern: &str, app: impl RouteTo<A>) -> Self {
        self.route(Pattern::re_path(pattern), app)
    }

    #[track_caller]
    fn route(mut self, pattern: Result<Pattern, PatternError>, app: impl RouteTo<A>) -> Self {
        match pattern {
            Ok(pattern) => self.routes.push(Arc::new(Route {
                pattern,
                app: app.boxed(),
            })),
            Err(error) => panic!("{error}"),
        }
        self
    }

    /// The application of the first route that matches, and the rest of the path for it.
    fn find(&self, path: &str, kwargs: &mut Kwargs) -> Option<(&A, String)> {
        let path = strip_slash(path);
        self.routes.iter().find_map(|route| {
            let rest = route.pattern.captures(path, kwargs)?;
            Some((&*route.app, rest.to_owned()))
        })
    }
}

impl WebSocketApp for URLRouter {
    fn answer(&self, mut handshake: Handshake) -> Answering<'_> {
        let path = handshake.path_remaining().to_owned();
        match self.find(&path, handshake.scope_mut().kwargs_mut()) {
            Some((app, rest)) => {
                handshake.set_path_remaining(rest);
                app.answer(handshake)
            }
            None => handshake.deny(StatusCode::NOT_FOUND),
        }
    }

    fn has_route(&self, path: &str) -> bool {
        self.routes
            .iter()
            .any(|route| route.pattern.is_match(strip_slash(path)))
    }

    fn check(&self, context: &Context) -> Result {
        self.routes
            .iter()
            .try_for_each(|route| route.app.check(context))
    }
}

impl HttpApp for URLRouter<dyn HttpApp> {
    fn answer(&self, mut request: HttpRequest) -> Answering<'_> {
        let path = request.path_remaining().to_owned();
        match self.find(&path, request.scope_mut().kwargs_mut()) {
            Some((app, rest)) => {
                request.set_path_remaining(rest);
                app.answer(request)
            }
            None => Box::pin(async { refusal(StatusCode::NOT_FOUND, "not found\n") }),
        }
    }

    fn check(&self, context: &Context) -> Result {
        self.routes
            .iter()
            .try_for_each(|route| route.app.check(context))
    }
}

/// Patterns have no leading slash, paths have one. Only that one is taken off.
fn strip_slash(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

impl<A: ?Sized> Clone for URLRouter<A> {
    fn clone(&self) -> Self {
        Self {
            routes: self.routes.clone(),
        }
    }
}

impl<A: ?Sized> Default for URLRouter<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: ?Sized> fmt::Debug for URLRouter<A> {
    /// The table: one pattern a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.routes.iter().map(|route| route.pattern.source()))
            .finish()
    }
}
