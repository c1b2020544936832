//! The opening handshake (RFC 6455 §4.2), from the request to its answer.

use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use tokio::time::Instant;

use super::{Answering, Body, Context, Step};
use crate::scope::Scope;
use crate::transport::{Upgrade, accept_key};

/// A timeout so long that there is no such time is one of a year.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// A request to open a WebSocket, on its way through routers and middleware to its consumer.
#[derive(Debug)]
pub struct Handshake {
    scope: Scope,
    key: HeaderValue,
    upgrade: Upgrade,
    context: Arc<Context>,
    /// Where that begins in the path which no router has taken yet.
    rest: usize,
    /// When it has to be answered.
    deadline: Instant,
}

impl Handshake {
    /// Whether a request wants to be a WebSocket: whatever else is wrong with it.
    pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
        has_token(headers, &header::UPGRADE, "websocket")
    }

    /// The same of a request whose headers are in a scope already.
    pub(crate) fn is_wanted_in(scope: &Scope) -> bool {
        let values = scope.headers().get_all(header::UPGRADE.as_str());
        contains_token(values, "websocket")
    }

    /// Reads a request, whose stream will come by `upgrade`.
    ///
    /// # Errors
    ///
    /// The response for a request that is no valid handshake.
    pub(crate) fn from_request<B>(
        request: Request<B>,
        upgrade: Upgrade,
        context: Arc<Context>,
    ) -> Result<Self, Box<Response<Body>>> {
        let key = check(&request)?;
        let mut scope = Scope::from_parts(&mut request.into_parts().0)
            .map_err(|error| Box::new(refusal(StatusCode::BAD_REQUEST, error.to_string())))?;
        let rest = scope.mount(&context.root_path, context.state.clone());
        let timeout = context.limits.handshake_timeout.min(LONGEST_TIMEOUT);
        let deadline = Instant::now() + timeout;
        Ok(Self {
            scope,
            key,
            upgrade,
            context,
            rest,
            deadline,
        })
    }

    /// When it has to be answered: the limits' `handshake_timeout` after its head.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What is known of the connection so far.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The same, to add to it.
    pub fn scope_mut(&mut self) -> &mut Scope {
        &mut self.scope
    }

    /// What all connections of the application share.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The part of the path that no router has taken yet, without the `/` before it.
    pub fn path_remaining(&self) -> &str {
        &self.scope.path()[self.rest..]
    }

    /// Goes on along a route that was found for the remaining path.
    pub(crate) fn step(&mut self, step: Step) {
        self.rest = self.scope.path().len() - step.left;
        self.scope.capture(step.kwargs, step.args);
    }

    /// Answers with a refusal.
    pub fn deny(self, status: StatusCode) -> Answering<'static> {
        Box::pin(async move { refusal(status, "") })
    }

    pub(crate) fn into_parts(self) -> (Scope, HeaderValue, Upgrade, Arc<Context>) {
        (self.scope, self.key, self.upgrade, self.context)
    }
}

/// The 101 for a handshake's key.
pub(crate) fn switching_protocols(
    key: &HeaderValue,
    subprotocol: Option<HeaderValue>,
    headers: HeaderMap,
) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = headers;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(subprotocol) = subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
}

/// After how many seconds a client may come back to what is unavailable (RFC 9110 §10.2.3).
pub(crate) const RETRY_AFTER: &str = "1";

/// A response with a status and a line of text.
pub(crate) fn refusal(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let text = text.into();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, plain);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    }
    response
}

/// Checks what RFC 6455 §4.2.1 asks of a client.
fn check<B>(request: &Request<B>) -> Result<HeaderValue, Box<Response<Body>>> {
    let bad = |what: &str| {
        Err(Box::new(refusal(
            StatusCode::BAD_REQUEST,
            format!("{what}\n"),
        )))
    };
    let headers = request.headers();
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return bad("a WebSocket is opened by a GET of HTTP/1.1");
    }
    if !has_token(headers, &header::CONNECTION, "upgrade") {
        return bad("the header `Connection` must contain `Upgrade`");
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        let mut response = refusal(
            StatusCode::UPGRADE_REQUIRED,
            "use version 13 of WebSocket\n",
        );
        let version = HeaderValue::from_static("13");
        response
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_VERSION, version);
        return Err(Box::new(response));
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => Ok(key.clone()),
        _ => bad("the header `Sec-WebSocket-Key` must be 16 bytes in base64, once"),
    }
}

/// Sixteen bytes in base64: 22 characters and two of padding.
fn is_key(key: &HeaderValue) -> bool {
    let (key, padding) = key.as_bytes().split_at(key.len().min(22));
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 22 && key.iter().all(is_base64) && padding == b"=="
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter();
    contains_token(values.filter_map(|value| value.to_str().ok()), token)
}

fn contains_token<'a>(values: impl Iterator<Item = &'a str>, token: &str) -> bool {
    values
        .flat_map(|list| list.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}
