//! The facts of one connection: what the request said, and what routing and middleware add.

mod authority;
mod cookies;
mod de;
mod headers;
mod kwargs;
mod proxies;
mod set_cookie;
mod state;
mod subprotocols;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use http::header::HOST;
use http::{Extensions, Method, Version, request};
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

pub(crate) use self::authority::{is_authority, is_same_authority};
#[cfg(feature = "auth")]
pub(crate) use self::cookies::latin1;
pub use self::headers::Headers;
#[cfg(feature = "auth")]
pub(crate) use self::headers::Repeated;
pub use self::kwargs::Kwargs;
pub use self::proxies::TrustedProxies;
#[cfg(feature = "auth")]
pub(crate) use self::set_cookie::MAX_COOKIE;
pub use self::set_cookie::{SameSite, SetCookie};
pub use self::state::State;
pub(crate) use self::state::Values;
pub(crate) use self::subprotocols::check_subprotocols;
use self::subprotocols::offered_subprotocols;

use crate::{Error, ErrorKind, Result};

/// What is known of a connection: its request, the route that it took, and what middleware found.
///
/// ASGI's connection scope. The request's facts do not change; routing adds the captured
/// [`kwargs`](Self::kwargs) and [`args`](Self::args), middleware adds values by their type to the
/// [`extensions`](Self::extensions), and the application its [`state`](Self::state).
pub struct Scope(Box<Inner>);

struct Inner {
    method: Method,
    /// The path and the query, as they were sent.
    target: Box<str>,
    /// Where the query begins in `target`, behind its `?`.
    query: Option<NonZeroU32>,
    version: Version,
    is_websocket: bool,
    /// The decoded path, where that is another.
    path: Option<Box<str>>,
    /// Where the root of the application ends in the path.
    root: u32,
    headers: Headers,
    info: ConnectInfo,
    kwargs: Kwargs,
    args: Box<[Box<str>]>,
    state: State,
    extensions: Extensions,
}

/// What the server and its proxies know of a connection; it travels in the request's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectInfo {
    pub(crate) client: Option<SocketAddr>,
    pub(crate) server: Option<SocketAddr>,
    /// Whether the client's side of the connection is encrypted.
    pub(crate) secure: bool,
    /// The host that the client asks for, unless it is what `Host` says.
    pub(crate) host: Option<Box<str>>,
    /// Set once the client has closed its side of a connection for plain requests.
    pub(crate) is_half_closed: Option<Arc<AtomicBool>>,
    /// The connection counts until the last of its request and its socket is gone.
    pub(crate) _permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl Scope {
    /// Reads the scope off a handshake's head.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Handshake`] if the path is not UTF-8 once its escapes are decoded.
    pub(crate) fn from_parts(parts: &mut request::Parts) -> Result<Self> {
        let mut scope = Self::from_parts_lossy(parts);
        scope.0.is_websocket = true;
        scope.check_path()?;
        Ok(scope)
    }

    /// The same for a plain request, which may have a path of any bytes: what is not UTF-8 is
    /// replaced.
    pub(crate) fn from_parts_lossy(parts: &mut request::Parts) -> Self {
        let raw = parts.uri.path();
        let path = percent_encoding::percent_decode_str(raw).decode_utf8_lossy();
        let path = (path != raw).then(|| path.into());
        let (target, query) = match parts.uri.query() {
            Some(query) => (
                format!("{raw}?{query}").into(),
                u32::try_from(raw.len() + 1).ok().and_then(NonZeroU32::new),
            ),
            None => (raw.into(), None),
        };
        let mut extensions = std::mem::take(&mut parts.extensions);
        let mut info: ConnectInfo = extensions.remove().unwrap_or_default();
        if info.host.is_none() && !parts.headers.contains_key(HOST) {
            // HTTP/2 names the host in the target, and so may HTTP/1.0.
            info.host = parts.uri.authority().map(|host| host.as_str().into());
        }
        if extensions.is_empty() {
            // An empty map keeps its memory, and most connections add nothing to it.
            extensions = Extensions::new();
        }
        Self(Box::new(Inner {
            method: parts.method.clone(),
            target,
            query,
            version: parts.version,
            is_websocket: false,
            path,
            root: 0,
            headers: Headers::new(&parts.headers),
            info,
            kwargs: Kwargs::default(),
            args: Box::default(),
            state: State::default(),
            extensions,
        }))
    }

    /// Tells whether the path is text.
    pub(crate) fn check_path(&self) -> Result {
        percent_encoding::percent_decode_str(self.raw_path())
            .decode_utf8()
            .map(|_| ())
            .map_err(|error| Error::caused(ErrorKind::Handshake, "the path is not UTF-8", error))
    }

    /// Takes what the application gives: the path under which it lies, and its state. Tells where the
    /// rest of the path begins, behind the `/`.
    pub(crate) fn mount(&mut self, root_path: &str, state: State) -> usize {
        let root = match below(self.path(), root_path) {
            Some(_) => root_path.len(),
            None => 0,
        };
        self.0.root = u32::try_from(root).unwrap_or_default();
        self.0.state = state;
        root + usize::from(self.path()[root..].starts_with('/'))
    }

    /// A scope of a worker: of no request at all.
    pub(crate) fn of_no_request(state: State) -> Self {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        let mut scope = Self::from_parts_lossy(&mut parts);
        scope.0.state = state;
        scope
    }

    /// Takes what a route captured, behind what outer routers have captured.
    pub(crate) fn capture(&mut self, kwargs: Vec<(Arc<str>, Box<str>)>, args: Vec<Box<str>>) {
        for (name, value) in kwargs {
            self.0.kwargs.insert(name, value);
        }
        if !args.is_empty() {
            let mut all = std::mem::take(&mut self.0.args).into_vec();
            all.extend(args);
            self.0.args = all.into();
        }
    }

    /// The request's method; always GET for a WebSocket.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The path with its escapes decoded, from its first `/`; the
    /// [`root_path`](Self::root_path) is a part of it.
    pub fn path(&self) -> &str {
        self.0.path.as_deref().unwrap_or_else(|| self.raw_path())
    }

    /// The path under which the application lies, without a `/` at its end; empty if it has all
    /// paths. See [`ProtocolTypeRouter::root_path`](crate::ProtocolTypeRouter::root_path).
    pub fn root_path(&self) -> &str {
        &self.path()[..self.0.root as usize]
    }

    /// The path as it was sent.
    pub fn raw_path(&self) -> &str {
        match self.0.query {
            Some(query) => &self.0.target[..query.get() as usize - 1],
            None => &self.0.target,
        }
    }

    /// What stands behind the `?`, as it was sent; empty if there is none.
    pub fn query_string(&self) -> &str {
        match self.0.query {
            Some(query) => &self.0.target[query.get() as usize..],
            None => "",
        }
    }

    /// The request's headers.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// The protocol: `ws` or `wss` for a handshake, `http` or `https` for a request.
    ///
    /// Whether it is encrypted is known from a [trusted proxy](TrustedProxies) alone.
    pub fn scheme(&self) -> &'static str {
        match (self.0.is_websocket, self.0.info.secure) {
            (false, false) => "http",
            (false, true) => "https",
            (true, false) => "ws",
            (true, true) => "wss",
        }
    }

    /// Whether the client's connection is encrypted: whether the [scheme](Self::scheme) is `https` or
    /// `wss`.
    pub fn is_secure(&self) -> bool {
        self.0.info.secure
    }

    /// The version of HTTP by which the request came.
    pub fn http_version(&self) -> Version {
        self.0.version
    }

    /// The host that the client asks for, with its port if it names one: what `Host` says, or a
    /// [trusted proxy](TrustedProxies). None in HTTP/1.0, where a client need not say.
    ///
    /// It is valid as to its form (`example.com:8000`, `[::1]`), but any client may ask for any host.
    pub fn host(&self) -> Option<&str> {
        let told = self.0.info.host.as_deref();
        told.or_else(|| self.0.headers.get_only(HOST.as_str()).ok().flatten())
    }

    /// The client's address: the peer's, where the server knows it, or what a
    /// [trusted proxy](TrustedProxies) says.
    pub fn client(&self) -> Option<SocketAddr> {
        self.0.info.client
    }

    /// The address on which the connection came in, where the server knows it.
    pub fn server(&self) -> Option<SocketAddr> {
        self.0.info.server
    }

    /// The subprotocols that the client offers, in its order. Each is a token (RFC 9110 §5.6.2).
    pub fn subprotocols(&self) -> Vec<&str> {
        offered_subprotocols(&self.0.headers)
    }

    /// What the routes captured by name.
    pub fn kwargs(&self) -> &Kwargs {
        &self.0.kwargs
    }

    /// What the routes captured by position, outer ones first: the groups of a `re_path` that has no
    /// named groups. One that took no part in the match is empty.
    pub fn args(&self) -> &[Box<str>] {
        &self.0.args
    }

    /// A captured part of the path, as a value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the route has no such name, [`ErrorKind::Route`] if the text is no
    /// `T`: returned from `connect` or `handle`, that is a 404.
    pub fn url_kwarg<T: FromStr>(&self, name: &str) -> Result<T> {
        self.0.kwargs.parse(name)
    }

    /// The captured parts of the path, as the fields of a struct.
    ///
    /// # Errors
    ///
    /// As [`Kwargs::read`]. An [`ErrorKind::Route`] that is returned from `connect` or `handle` is a
    /// 404.
    ///
    /// # Examples
    ///
    /// ```
    /// use channels_runtime::{Result, WebSocket};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Page {
    ///     room: String,
    ///     page: u32,
    /// }
    ///
    /// fn connect(socket: &WebSocket) -> Result { // chat/<slug:room>/<int:page>/
    ///     let Page { room, page } = socket.url_kwargs()?;
    ///     println!("page {page} of {room}");
    ///     Ok(())
    /// }
    /// ```
    pub fn url_kwargs<T: DeserializeOwned>(&self) -> Result<T> {
        self.0.kwargs.read()
    }

    /// A value that all connections of the application share, by its type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is none: see
    /// [`ProtocolTypeRouter::on_startup`](crate::ProtocolTypeRouter::on_startup).
    pub fn state<T: std::any::Any>(&self) -> Result<&T> {
        self.0.state.require()
    }

    /// Set once the client has closed its side, where the server notices that.
    pub(crate) fn half_closed(&self) -> Option<&Arc<AtomicBool>> {
        self.0.info.is_half_closed.as_ref()
    }

    pub(crate) fn shared_state(&self) -> &State {
        &self.0.state
    }

    /// What middleware added, by its type.
    pub fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    /// The same, to add to it.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.0.extensions
    }
}

impl fmt::Debug for Scope {
    /// Shows the path, not the headers: these hold cookies and tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("method", &self.0.method)
            .field("path", &self.path())
            .field("client", &self.0.info.client)
            .field("kwargs", &self.0.kwargs)
            .finish_non_exhaustive()
    }
}

/// What of a path lies below a root, which ends where a segment does.
pub(crate) fn below<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    path.strip_prefix(root)
        .filter(|rest| root.is_empty() || rest.is_empty() || rest.starts_with('/'))
}

/// The subprotocol of a socket whose consumer chooses none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DefaultSubprotocol(pub(crate) &'static str);

#[cfg(test)]
mod tests;
