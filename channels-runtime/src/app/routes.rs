//! What a router shows of itself to those who stand around it.

use std::fmt;
use std::sync::Arc;

/// The routes of an application that is a router, or that stands around one.
///
/// A middleware that is written by hand gives those of the application inside, so that routers see
/// through it:
///
/// ```
/// use channels_runtime::{Answering, Handshake, Routes, WebSocketApp};
///
/// struct Logged<A>(A);
///
/// impl<A: WebSocketApp> WebSocketApp for Logged<A> {
///     fn answer(&self, handshake: Handshake) -> Answering<'_> {
///         println!("{}", handshake.scope().path());
///         self.0.answer(handshake)
///     }
///
///     fn routes(&self) -> Option<Routes<'_>> {
///         self.0.routes()
///     }
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Routes<'a>(&'a dyn Router);

/// A router, whatever the protocol of its applications.
pub(crate) trait Router {
    /// Whether what is left of a path leads to an application.
    fn leads_on(&self, rest: &str) -> bool;

    /// The routes, through nested routers to their applications.
    fn lines(&self) -> &[Arc<Line>];
}

/// One way through routers to an application.
#[derive(Debug)]
pub(crate) struct Line {
    /// The patterns as they were written, one behind the other.
    pub(crate) pattern: String,
    /// What a path is built from; none if an expression on the way does not tell.
    pub(crate) pieces: Option<Vec<Piece>>,
    /// The name, behind those of the routers on the way: `blog:post`.
    pub(crate) name: Option<String>,
    /// What the routes add to the captured values.
    pub(crate) kwargs: Vec<(Arc<str>, Box<str>)>,
    /// The application's type.
    pub(crate) app: String,
}

/// A part of a path that is to be built.
#[derive(Clone)]
pub(crate) enum Piece {
    Text(Box<str>),
    Value(Value),
}

/// A value in a path.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) name: Arc<str>,
    pub(crate) fits: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

/// What a route took of a path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kwargs: Vec<(Arc<str>, Box<str>)>,
    pub(crate) args: Vec<Box<str>>,
    /// How many bytes of the path it left.
    pub(crate) left: usize,
}

impl<'a> Routes<'a> {
    pub(crate) fn new(router: &'a dyn Router) -> Self {
        Self(router)
    }

    /// Whether a path leads to an application: a decoded one, from its first `/`.
    pub fn has_route(self, path: &str) -> bool {
        self.0.leads_on(path.strip_prefix('/').unwrap_or(path))
    }

    pub(crate) fn leads_on(self, rest: &str) -> bool {
        self.0.leads_on(rest)
    }

    pub(crate) fn lines(self) -> &'a [Arc<Line>] {
        self.0.lines()
    }
}

impl fmt::Debug for Routes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.lines().iter().map(|line| &line.pattern))
            .finish()
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Value(value) => write!(f, "<{}>", value.name),
        }
    }
}
