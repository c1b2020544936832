//! Routing by the path of the request.

use std::any::type_name;
use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use http::StatusCode;

use super::converter::{Check, Converters};
use super::mistake::Mistake;
use super::pattern::{Match, Pattern};
use super::route::{Route, RouteTo, Routed};
use super::set::Set;
use super::table::{Table, short_name};
use crate::Result;
use crate::app::{
    Answering, Context, Handshake, HttpApp, HttpRequest, Line, Router, Routes, Step, WebSocketApp,
    refusal,
};

/// Routes by the path: the first route that matches wins, as in Django.
///
/// Patterns are Django's, without a leading `/`. A path that no route matches is answered with
/// 404. All routes of a router lead to applications of one protocol, those of its first: a
/// `URLRouter` of sockets goes to [`websocket`](crate::ProtocolTypeRouter::websocket), a
/// `URLRouter<dyn HttpApp>`, whose routes lead to HTTP consumers and tower services, goes to
/// [`http`](crate::ProtocolTypeRouter::http).
///
/// A router may be a route of another, with middleware around it or not: its pattern then takes the
/// beginning of the path. Where the inner router has no route for the rest, the outer one goes on
/// with its next. What both capture is in the scope; an inner value replaces an outer one of the
/// same name.
///
/// However many routes there are, a path is looked at once, by one automaton for all.
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
/// let blog = URLRouter::new().path("<int:year>/", Refuses);
/// let router = URLRouter::new()
///     .path("chat/<slug:room>/", Refuses)
///     .re_path(r"^old/(?P<year>[0-9]{4})/$", Refuses)
///     .path("blog/", blog);
/// assert!(router.has_route("/chat/lobby/"));
/// assert!(!router.has_route("/chat/"));
/// assert_eq!(
///     router.to_string(),
///     r"/chat/<slug:room>/          Refuses
/// /^old/(?P<year>[0-9]{4})/$  Refuses
/// /blog/<int:year>/           Refuses"
/// );
/// ```
pub struct URLRouter<A: ?Sized = dyn WebSocketApp> {
    entries: Vec<Arc<Entry<A>>>,
    converters: Converters,
    /// The patterns behind which nothing else with the same is reached.
    ends: HashSet<String>,
    table: Table,
    /// All patterns in one, made when the router is first asked.
    set: OnceLock<Arc<Set>>,
}

struct Entry<A: ?Sized> {
    pattern: Pattern,
    kwargs: Vec<(Arc<str>, Box<str>)>,
    app: Box<A>,
}

impl<A: Routed + ?Sized> URLRouter<A> {
    /// A router without routes.
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            converters: Converters::default(),
            ends: HashSet::new(),
            table: Table::default(),
            set: OnceLock::new(),
        }
    }

    /// Adds a route with converters: `chat/<slug:room>/<int:page>/`.
    ///
    /// Converters are `str` (anything but a `/`), `int`, `slug`, `uuid` and `path` (anything), and
    /// those that [`converter`](Self::converter) adds; a name alone is a `str`.
    ///
    /// # Panics
    ///
    /// If the pattern cannot work, or is that of a route before; the message shows where.
    #[must_use]
    #[track_caller]
    pub fn path<T: RouteTo<A>>(self, pattern: &str, app: T) -> Self {
        self.route(Route::path(pattern, app))
    }

    /// Adds a route with a regular expression, which matches anywhere unless it is anchored.
    ///
    /// Its named groups are captured by name. If there are none, the others are captured by
    /// position ([`Scope::args`](crate::Scope::args)). As in Django, an expression that ends with
    /// `$` has to match from the beginning.
    ///
    /// # Panics
    ///
    /// If the expression does not compile, or is that of a route before; the message shows where.
    #[must_use]
    #[track_caller]
    pub fn re_path<T: RouteTo<A>>(self, expression: &str, app: T) -> Self {
        self.route(Route::re_path(expression, app))
    }

    /// Adds a route that has a name, or values of its own.
    ///
    /// # Panics
    ///
    /// As [`path`](Self::path) and [`re_path`](Self::re_path), and if there is a route with the same
    /// name that captures the same.
    #[must_use]
    #[track_caller]
    pub fn route<T: RouteTo<A>>(mut self, route: Route<T>) -> Self {
        if let Err(mistake) = self.add(route) {
            panic!("{mistake}");
        }
        self
    }

    /// Adds a converter, for the routes that follow: `<day:when>`.
    ///
    /// # Panics
    ///
    /// If the expression does not compile, or there is a converter of this name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use channels_runtime::{Answering, Handshake, StatusCode, URLRouter, WebSocketApp};
    /// # struct Calendar;
    /// # impl WebSocketApp for Calendar {
    /// #     fn answer(&self, handshake: Handshake) -> Answering<'_> { handshake.deny(StatusCode::GONE) }
    /// # }
    /// let router = URLRouter::new()
    ///     .converter("day", "[0-9]{8}")
    ///     .path("on/<day:when>/", Calendar);
    /// assert!(router.has_route("/on/20240229/"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn converter(self, name: &str, expression: &str) -> Self {
        self.with_converter(name, expression, None)
    }

    /// Adds a converter that looks at what its expression matches. What it refuses is not matched:
    /// the next route has its turn.
    ///
    /// # Panics
    ///
    /// As [`converter`](Self::converter).
    ///
    /// # Examples
    ///
    /// ```
    /// # use channels_runtime::{Answering, Handshake, StatusCode, URLRouter, WebSocketApp};
    /// # struct Page;
    /// # impl WebSocketApp for Page {
    /// #     fn answer(&self, handshake: Handshake) -> Answering<'_> { handshake.deny(StatusCode::GONE) }
    /// # }
    /// let router = URLRouter::new()
    ///     .converter_with("u8", "[0-9]{1,3}", |text| text.parse::<u8>().is_ok())
    ///     .path("page/<u8:page>/", Page);
    /// assert!(router.has_route("/page/255/"));
    /// assert!(!router.has_route("/page/256/"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn converter_with(
        self,
        name: &str,
        expression: &str,
        check: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with_converter(name, expression, Some(Box::new(check)))
    }

    #[track_caller]
    fn with_converter(mut self, name: &str, expression: &str, check: Option<Check>) -> Self {
        if let Err(mistake) = self.converters.add(name, expression, check) {
            panic!("{mistake}");
        }
        self
    }

    /// Whether a path, from its first `/`, leads to an application.
    pub fn has_route(&self, path: &str) -> bool {
        Routes::new(self).has_route(path)
    }

    /// The path of a named route, from its first `/`, with what has to be escaped escaped: Django's
    /// `reverse()`. Behind the [`root_path`](crate::Scope::root_path), that is.
    ///
    /// Just what the route and those before it capture has to be given. The name of a route inside
    /// of a named one stands behind that name: `blog:post`. An expression can be reversed if it
    /// consists of texts and named groups.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no such name, or a value is missing, does not fit its
    /// converter, or is none that the route captures.
    ///
    /// # Examples
    ///
    /// ```
    /// # use channels_runtime::{Answering, Handshake, Route, StatusCode, URLRouter, WebSocketApp};
    /// # struct Post;
    /// # impl WebSocketApp for Post {
    /// #     fn answer(&self, handshake: Handshake) -> Answering<'_> { handshake.deny(StatusCode::GONE) }
    /// # }
    /// let blog = URLRouter::new().route(Route::path("<int:year>/<str:title>/", Post).name("post"));
    /// let router = URLRouter::new().route(Route::path("blog/", blog).name("blog"));
    /// let path = router.reverse("blog:post", &[("year", &2024), ("title", &"a day")])?;
    /// assert_eq!(path, "/blog/2024/a%20day/");
    /// # Ok::<(), channels_runtime::Error>(())
    /// ```
    pub fn reverse(&self, name: &str, kwargs: &[(&str, &dyn fmt::Display)]) -> Result<String> {
        self.table.reverse(name, kwargs)
    }

    fn add<T: RouteTo<A>>(&mut self, route: Route<T>) -> Result<(), Mistake> {
        let source = route.source;
        let app = route.app.boxed();
        let inner = app.routes();
        let pattern = Pattern::new(&source, &self.converters, inner.is_some())?;
        let refused = |what: String| Mistake::whole(what, source.as_str());
        if self.ends.contains(pattern.key()) {
            let what = "this is never reached: a route before has the same pattern";
            return Err(refused(what.into()));
        }
        if inner.is_none() {
            self.ends.insert(pattern.key().to_owned());
        }
        let line = Line {
            pattern: source.as_str().to_owned(),
            pieces: pattern.pieces().map(<[_]>::to_vec),
            name: route.name,
            kwargs: route.kwargs.clone(),
            app: short_name(type_name::<T>()),
        };
        self.table.add(line, inner).map_err(refused)?;
        self.set = OnceLock::new();
        self.entries.push(Arc::new(Entry {
            pattern,
            kwargs: route.kwargs,
            app,
        }));
        Ok(())
    }

    /// The first application to which what is left of a path leads, and the way there.
    fn find(&self, path: &str) -> Option<(&A, Step)> {
        let candidates = self.set().candidates(path).into_iter();
        candidates
            .filter_map(|index| self.entries.get(index))
            .find_map(|entry| entry.find(path))
    }

    fn set(&self) -> &Set {
        self.set
            .get_or_init(|| Arc::new(Set::new(self.entries.iter().map(|e| e.pattern.hir()))))
    }

    fn check_all(&self, context: &Context) -> Result {
        self.set();
        self.entries
            .iter()
            .try_for_each(|entry| entry.app.check(context))
    }
}

impl<A: Routed + ?Sized> Entry<A> {
    fn find(&self, path: &str) -> Option<(&A, Step)> {
        let Match { kwargs, args, rest } = self.pattern.find(path)?;
        let rest = match self.app.routes() {
            Some(inner) => {
                let rest = rest_for_router(path, rest);
                inner.leads_on(rest).then_some(rest)?
            }
            None => rest,
        };
        let captured = kwargs
            .into_iter()
            .map(|(name, text)| (Arc::clone(name), text.into()));
        let step = Step {
            kwargs: captured.chain(self.kwargs.iter().cloned()).collect(),
            args: args.into_iter().map(Into::into).collect(),
            left: rest.len(),
        };
        Some((&self.app, step))
    }
}

/// Patterns begin behind a `/`. If the outer pattern stops before one, the inner begins behind it;
/// two slashes are never one.
fn rest_for_router<'p>(path: &str, rest: &'p str) -> &'p str {
    let taken = &path[..path.len() - rest.len()];
    if taken.is_empty() || taken.ends_with('/') {
        return rest;
    }
    rest.strip_prefix('/').unwrap_or(rest)
}

impl<A: Routed + ?Sized> Router for URLRouter<A> {
    fn leads_on(&self, rest: &str) -> bool {
        self.find(rest).is_some()
    }

    fn lines(&self) -> &[Arc<Line>] {
        self.table.lines()
    }
}

impl WebSocketApp for URLRouter {
    fn answer(&self, mut handshake: Handshake) -> Answering<'_> {
        match self.find(handshake.path_remaining()) {
            Some((app, step)) => {
                handshake.step(step);
                app.answer(handshake)
            }
            None => handshake.deny(StatusCode::NOT_FOUND),
        }
    }

    fn routes(&self) -> Option<Routes<'_>> {
        Some(Routes::new(self))
    }

    fn check(&self, context: &Context) -> Result {
        self.check_all(context)
    }
}

impl HttpApp for URLRouter<dyn HttpApp> {
    fn answer(&self, mut request: HttpRequest) -> Answering<'_> {
        match self.find(request.path_remaining()) {
            Some((app, step)) => {
                request.step(step);
                app.answer(request)
            }
            None => Box::pin(async { refusal(StatusCode::NOT_FOUND, "not found\n") }),
        }
    }

    fn routes(&self) -> Option<Routes<'_>> {
        Some(Routes::new(self))
    }

    fn check(&self, context: &Context) -> Result {
        self.check_all(context)
    }
}

impl<A: ?Sized> Clone for URLRouter<A> {
    fn clone(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            converters: self.converters.clone(),
            ends: self.ends.clone(),
            table: self.table.clone(),
            set: self.set.clone(),
        }
    }
}

impl<A: Routed + ?Sized> Default for URLRouter<A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: ?Sized> fmt::Display for URLRouter<A> {
    /// The table: a line for each route, through nested routers, with the pattern, the application,
    /// and the name and values of its own, if it has any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table.fmt(f)
    }
}

impl<A: ?Sized> fmt::Debug for URLRouter<A> {
    /// The same table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.table, f)
    }
}
