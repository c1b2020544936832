//! The facts of one connection: what the request said, and what routing and middleware add.

mod cookies;
mod headers;
mod kwargs;
mod set_cookie;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{Extensions, Method, request};
use tokio::sync::OwnedSemaphorePermit;

#[cfg(feature = "auth")]
pub(crate) use self::cookies::latin1;
pub use self::headers::Headers;
pub use self::kwargs::Kwargs;
#[cfg(feature = "auth")]
pub(crate) use self::set_cookie::MAX_COOKIE;
pub use self::set_cookie::{SameSite, SetCookie};

use crate::{Error, ErrorKind, Result};

/// What is known of a connection: its request, the route that it took, and what middleware found.
///
/// ASGI's connection scope. The request's facts do not change; routing adds the captured
/// [`kwargs`](Self::kwargs), middleware adds values by their type to the
/// [`extensions`](Self::extensions).
pub struct Scope(Box<Inner>);

struct Inner {
    method: Method,
    /// The path and the query, as they were sent.
    target: Box<str>,
    /// Where the query begins in `target`, behind its `?`.
    query: Option<u32>,
    /// The decoded path, where that is another.
    path: Option<Box<str>>,
    headers: Headers,
    info: ConnectInfo,
    kwargs: Kwargs,
    extensions: Extensions,
}

/// What the server knows of a connection; it travels in the request's extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectInfo {
    pub(crate) client: Option<SocketAddr>,
    pub(crate) server: Option<SocketAddr>,
    /// The connection counts until the last of its request and its socket is gone.
    pub(crate) _permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl Scope {
    /// Reads the scope off a request's head.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Handshake`] if the path is not UTF-8 once its escapes are decoded.
    pub(crate) fn from_parts(parts: &mut request::Parts) -> Result<Self> {
        let scope = Self::from_parts_lossy(parts);
        scope.check_path()?;
        Ok(scope)
    }

    /// The same, for those who may have paths of any bytes: what is not UTF-8 is replaced.
    pub(crate) fn from_parts_lossy(parts: &mut request::Parts) -> Self {
        let raw = parts.uri.path();
        let path = percent_encoding::percent_decode_str(raw).decode_utf8_lossy();
        let path = (path != raw).then(|| path.into());
        let (target, query) = match parts.uri.query() {
            Some(query) => (
                format!("{raw}?{query}").into(),
                u32::try_from(raw.len() + 1).ok(),
            ),
            None => (raw.into(), None),
        };
        let mut extensions = std::mem::take(&mut parts.extensions);
        let info = extensions.remove().unwrap_or_default();
        if extensions.is_empty() {
            // An empty map keeps its memory, and most connections add nothing to it.
            extensions = Extensions::new();
        }
        Self(Box::new(Inner {
            method: parts.method.clone(),
            target,
            query,
            path,
            headers: Headers::new(&parts.headers),
            info,
            kwargs: Kwargs::default(),
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

    /// The request's method; always GET for a WebSocket.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The path with its escapes decoded, from its first `/`.
    pub fn path(&self) -> &str {
        self.0.path.as_deref().unwrap_or_else(|| self.raw_path())
    }

    /// The path as it was sent.
    pub fn raw_path(&self) -> &str {
        match self.0.query {
            Some(query) => &self.0.target[..query as usize - 1],
            None => &self.0.target,
        }
    }

    /// What stands behind the `?`, as it was sent; empty if there is none.
    pub fn query_string(&self) -> &str {
        match self.0.query {
            Some(query) => &self.0.target[query as usize..],
            None => "",
        }
    }

    /// The request's headers.
    pub fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// The peer's address, where the server knows it.
    pub fn client(&self) -> Option<SocketAddr> {
        self.0.info.client
    }

    /// The address on which the connection came in, where the server knows it.
    pub fn server(&self) -> Option<SocketAddr> {
        self.0.info.server
    }

    /// The subprotocols that the client offers, in its order.
    pub fn subprotocols(&self) -> Vec<&str> {
        offered_subprotocols(&self.0.headers)
    }

    /// What the route captured.
    pub fn kwargs(&self) -> &Kwargs {
        &self.0.kwargs
    }

    pub(crate) fn kwargs_mut(&mut self) -> &mut Kwargs {
        &mut self.0.kwargs
    }

    /// A captured part of the path, as a value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Route`] if the route has no such name, or the text is no `T`.
    pub fn url_kwarg<T: FromStr>(&self, name: &str) -> Result<T> {
        self.0.kwargs.parse(name)
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

/// RFC 6455 §11.3.4: the header may stand several times, each with a list.
fn offered_subprotocols(headers: &Headers) -> Vec<&str> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL.as_str())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope_of(target: &str) -> Scope {
        scope(http::Request::get(target)).expect("a scope")
    }

    fn scope(request: request::Builder) -> Result<Scope> {
        Scope::from_parts(&mut request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn the_request_is_read_once() {
        let request = http::Request::get("/chat/%C3%A9t%C3%A9/?page=2")
            .header("sec-websocket-protocol", "v2, v1")
            .header("sec-websocket-protocol", "v0,,");
        let scope = scope(request).expect("a scope");
        assert_eq!(scope.path(), "/chat/été/");
        assert_eq!(scope.raw_path(), "/chat/%C3%A9t%C3%A9/");
        assert_eq!(scope.query_string(), "page=2");
        assert_eq!(scope.subprotocols(), ["v2", "v1", "v0"]);
        let plain = scope_of("/chat/?");
        assert_eq!(
            (plain.path(), plain.raw_path(), plain.query_string()),
            ("/chat/", "/chat/", "")
        );
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        assert!(scope(http::Request::get("/%FF/")).is_err());
    }
}
