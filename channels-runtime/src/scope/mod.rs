//! The facts of one connection: what the request said, and what routing and middleware add.

mod kwargs;

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use http::header::{HeaderMap, SEC_WEBSOCKET_PROTOCOL};
use http::{Extensions, Method, Request, Uri, Version, request};

pub use self::kwargs::Kwargs;

use crate::{Error, ErrorKind, Result};

/// What is known of a connection: its request, the route that it took, and what middleware found.
///
/// ASGI's connection scope. The request's facts do not change; routing adds the captured
/// [`kwargs`](Self::kwargs), middleware adds values by their type to the
/// [`extensions`](Self::extensions).
pub struct Scope(Box<Inner>);

struct Inner {
    method: Method,
    version: Version,
    uri: Uri,
    path: String,
    headers: HeaderMap,
    addresses: Addresses,
    subprotocols: Vec<String>,
    kwargs: Kwargs,
    extensions: Extensions,
}

/// The two ends of a connection, as the server put them into the request's extensions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Addresses {
    pub(crate) client: Option<SocketAddr>,
    pub(crate) server: Option<SocketAddr>,
}

impl Scope {
    /// Reads the scope off a request's head.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Handshake`] if the path is not UTF-8 once its escapes are decoded.
    pub(crate) fn from_parts(parts: request::Parts) -> Result<Self> {
        let scope = Self::from_parts_lossy(parts);
        scope.check_path()?;
        Ok(scope)
    }

    /// The same, for those who may have paths of any bytes: what is not UTF-8 is replaced.
    pub(crate) fn from_parts_lossy(parts: request::Parts) -> Self {
        let path = percent_encoding::percent_decode_str(parts.uri.path())
            .decode_utf8_lossy()
            .into_owned();
        Self(Box::new(Inner {
            path,
            method: parts.method,
            version: parts.version,
            addresses: parts.extensions.get().copied().unwrap_or_default(),
            subprotocols: offered_subprotocols(&parts.headers),
            uri: parts.uri,
            headers: parts.headers,
            kwargs: Kwargs::default(),
            extensions: parts.extensions,
        }))
    }

    /// Tells whether the path is text.
    pub(crate) fn check_path(&self) -> Result {
        percent_encoding::percent_decode_str(self.raw_path())
            .decode_utf8()
            .map(|_| ())
            .map_err(|error| Error::caused(ErrorKind::Handshake, "the path is not UTF-8", error))
    }

    /// The request as it came, with what middleware added.
    pub(crate) fn into_request<B>(self, body: B) -> Request<B> {
        let inner = *self.0;
        let mut request = Request::new(body);
        *request.method_mut() = inner.method;
        *request.version_mut() = inner.version;
        *request.uri_mut() = inner.uri;
        *request.headers_mut() = inner.headers;
        *request.extensions_mut() = inner.extensions;
        request
    }

    /// The request's method; always GET for a WebSocket.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The path with its escapes decoded, from its first `/`.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The path as it was sent.
    pub fn raw_path(&self) -> &str {
        self.0.uri.path()
    }

    /// What stands behind the `?`, as it was sent; empty if there is none.
    pub fn query_string(&self) -> &str {
        self.0.uri.query().unwrap_or_default()
    }

    /// The request's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The peer's address, where the server knows it.
    pub fn client(&self) -> Option<SocketAddr> {
        self.0.addresses.client
    }

    /// The address on which the connection came in, where the server knows it.
    pub fn server(&self) -> Option<SocketAddr> {
        self.0.addresses.server
    }

    /// The subprotocols that the client offers, in its order.
    pub fn subprotocols(&self) -> &[String] {
        &self.0.subprotocols
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
            .field("path", &self.0.path)
            .field("client", &self.0.addresses.client)
            .field("kwargs", &self.0.kwargs)
            .finish_non_exhaustive()
    }
}

/// RFC 6455 §11.3.4: the header may stand several times, each with a list.
fn offered_subprotocols(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(request: request::Builder) -> Result<Scope> {
        Scope::from_parts(request.body(()).expect("a request").into_parts().0)
    }

    #[test]
    fn the_request_is_read_once() {
        let request = Request::get("/chat/%C3%A9t%C3%A9/?page=2")
            .header("sec-websocket-protocol", "v2, v1")
            .header("sec-websocket-protocol", "v0,,");
        let scope = scope(request).expect("a scope");
        assert_eq!(scope.path(), "/chat/été/");
        assert_eq!(scope.raw_path(), "/chat/%C3%A9t%C3%A9/");
        assert_eq!(scope.query_string(), "page=2");
        assert_eq!(scope.subprotocols(), ["v2", "v1", "v0"]);
    }

    #[test]
    fn a_path_that_is_no_text_is_refused() {
        assert!(scope(Request::get("/%FF/")).is_err());
    }
}
