//! Routing by the path of the request.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use super::pattern::{Pattern, PatternError};
use crate::Result;
use crate::app::{Answering, Context, Handshake, WebSocketApp};

/// Routes a handshake by its path: the first route that matches wins.
///
/// Patterns are Django's, without a leading `/`. A path that no route matches is answered with
/// 404.
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
#[derive(Clone, Default)]
pub struct URLRouter {
    routes: Vec<Arc<Route>>,
}

struct Route {
    pattern: Pattern,
    app: Box<dyn WebSocketApp>,
}

impl URLRouter {
    /// A router without routes.
    pub fn new() -> Self {
        Self::default()
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
    pub fn path(self, pattern: &str, app: impl WebSocketApp) -> Self {
        self.route(Pattern::path(pattern), app)
    }

    /// Adds a route with a regular expression, which matches anywhere unless it is anchored.
    ///
    /// # Panics
    ///
    /// If the expression does not compile; the message shows where.
    #[must_use]
    #[track_caller]
    pub fn re_path(self, pattern: &str, app: impl WebSocketApp) -> Self {
        self.route(Pattern::re_path(pattern), app)
    }

    #[track_caller]
    fn route(mut self, pattern: Result<Pattern, PatternError>, app: impl WebSocketApp) -> Self {
        match pattern {
            Ok(pattern) => self.routes.push(Arc::new(Route {
                pattern,
                app: Box::new(app),
            })),
            Err(error) => panic!("{error}"),
        }
        self
    }
}

impl WebSocketApp for URLRouter {
    fn answer(&self, mut handshake: Handshake) -> Answering<'_> {
        let path = strip_slash(handshake.path_remaining()).to_owned();
        for route in &self.routes {
            if let Some(rest) = route
                .pattern
                .captures(&path, handshake.scope_mut().kwargs_mut())
            {
                handshake.set_path_remaining(rest.to_owned());
                return route.app.answer(handshake);
            }
        }
        handshake.deny(StatusCode::NOT_FOUND)
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

/// Patterns have no leading slash, paths have one. Only that one is taken off.
fn strip_slash(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

impl fmt::Debug for URLRouter {
    /// The table: one pattern a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.routes.iter().map(|route| route.pattern.source()))
            .finish()
    }
}
