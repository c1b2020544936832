//! The opening handshake (RFC 6455 §4.2), from the request to its answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use tokio::time::Instant;

use super::{Answering, Body, Context, Step};
use crate::log::LogLimit;
use crate::scope::{Scope, check_subprotocols};
use crate::transport::{Upgrade, accept_key};

/// A timeout so long that there is no such time is one of a year.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// A request to open a WebSocket, on its way through routers and middleware to its consumer.
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
    /// Whether a request asks for an upgrade to WebSocket, valid or not.
    pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
        has_token(headers, &header::UPGRADE, b"websocket")
    }

    /// The same for a request whose headers are in a scope.
    pub(crate) fn is_wanted_in(scope: &Scope) -> bool {
        let values = scope.headers().get_all_bytes(header::UPGRADE.as_str());
        contains_token(values, b"websocket")
    }

    /// Whether a request can be a handshake: `Upgrade` means nothing in a request of HTTP/1.0 (RFC 9110
    /// §7.8), and a WebSocket is opened with GET (RFC 6455 §4.1).
    pub(crate) fn is_possible<B>(request: &Request<B>) -> bool {
        request.method() == Method::GET && request.version() >= Version::HTTP_11
    }

    /// Refuses a handshake for sockets of the `http` application if it declares a body: hyper takes the
    /// bytes of a body for the first frames.
    ///
    /// # Errors
    ///
    /// The 400, after which the connection is closed.
    pub(crate) fn check_body<B>(request: &Request<B>) -> Result<(), Box<Response<Body>>> {
        if Self::is_wanted(request.headers()) && Self::is_possible(request) {
            return check_body(request.headers());
        }
        Ok(())
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
            .map_err(|error| bad_request(&error.to_string()))?;
        check_subprotocols(&scope).map_err(bad_request)?;
        if !matches!(upgrade, Upgrade::Direct(_))
            && scope.headers().contains(header::EXPECT.as_str())
        {
            return Err(Box::new(expectation_failed()));
        }
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

impl fmt::Debug for Handshake {
    /// Shows the scope, which shows no header values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
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
    with_valid_status(response)
}

/// Replaces a response whose status no client understands, or that is not final, with a 500: the
/// statuses of final responses are 200 to 599 (RFC 9110 §15).
pub(crate) fn with_valid_status(response: Response<Body>) -> Response<Body> {
    static INVALID: LogLimit = LogLimit::new();
    let status = response.status();
    if (200..600).contains(&status.as_u16()) {
        return response;
    }
    if let Some(suppressed) = INVALID.permit() {
        tracing::error!(
            status = status.as_u16(),
            suppressed,
            "invalid status of a response (expected 200 to 599), responding with 500"
        );
    }
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "")
}

#[expect(
    clippy::unnecessary_box_returns,
    reason = "a response is large, and these are errors of a `Result`"
)]
fn bad_request(what: &str) -> Box<Response<Body>> {
    Box::new(refusal(StatusCode::BAD_REQUEST, format!("{what}\n")))
}

/// RFC 9110 §7.8: a 100 must precede the 101, and hyper sends none for a request without content. A
/// final response is the other answer that §10.1.1 allows; the client then repeats the handshake without
/// `Expect`.
fn expectation_failed() -> Response<Body> {
    let text = "send the handshake without the header `Expect`\n";
    refusal(StatusCode::EXPECTATION_FAILED, text)
}

/// Checks what RFC 6455 §4.2.1 requires of a client.
fn check<B>(request: &Request<B>) -> Result<HeaderValue, Box<Response<Body>>> {
    let headers = request.headers();
    if request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return Err(bad_request("a WebSocket is opened by a GET of HTTP/1.1"));
    }
    check_body(headers)?;
    if !has_token(headers, &header::CONNECTION, b"upgrade") {
        return Err(bad_request(
            "the header `Connection` must contain `Upgrade`",
        ));
    }
    check_version(headers)?;
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => Ok(key.clone()),
        _ => Err(bad_request(
            "the header `Sec-WebSocket-Key` must be 16 bytes in base64, once",
        )),
    }
}

/// Refuses a handshake that declares a body: one reader takes the bytes after the head for the body,
/// another for frames. The connection is closed, since nobody knows where the next request begins.
fn check_body(headers: &HeaderMap) -> Result<(), Box<Response<Body>>> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let is_empty = lengths.all(|length| length.as_bytes() == b"0");
    if is_empty && !headers.contains_key(header::TRANSFER_ENCODING) {
        return Ok(());
    }
    let mut refused = bad_request("a handshake must not have a body");
    let close = HeaderValue::from_static("close");
    refused.headers_mut().insert(header::CONNECTION, close);
    Err(refused)
}

/// RFC 6455 §4.4, §11.3.5: version 13, and the header occurs once.
fn check_version(headers: &HeaderMap) -> Result<(), Box<Response<Body>>> {
    let mut versions = headers.get_all(header::SEC_WEBSOCKET_VERSION).iter();
    match (versions.next(), versions.next()) {
        (_, Some(_)) => Err(bad_request(
            "the header `Sec-WebSocket-Version` occurs twice",
        )),
        (Some(version), None) if version == "13" => Ok(()),
        _ => {
            let mut response = upgrade_required("use version 13 of WebSocket\n");
            let version = HeaderValue::from_static("13");
            let headers = response.headers_mut();
            headers.insert(header::SEC_WEBSOCKET_VERSION, version);
            Err(Box::new(response))
        }
    }
}

/// A 426, which names the protocol to upgrade to in `Upgrade` and, since that is a header of this
/// connection alone, in `Connection` (RFC 9110 §7.8, §15.5.22).
pub(crate) fn upgrade_required(text: &str) -> Response<Body> {
    let mut response = refusal(StatusCode::UPGRADE_REQUIRED, text);
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    response
}

/// Sixteen bytes in base64: 22 characters and two of padding.
fn is_key(key: &HeaderValue) -> bool {
    let (key, padding) = key.as_bytes().split_at(key.len().min(22));
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 22 && key.iter().all(is_base64) && padding == b"=="
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    let values = headers.get_all(name).iter();
    contains_token(values.map(HeaderValue::as_bytes), token)
}

/// Compares bytes: a member that is not text must not hide those next to it.
fn contains_token<'a>(mut values: impl Iterator<Item = &'a [u8]>, token: &[u8]) -> bool {
    values.any(|list| {
        list.split(|&byte| byte == b',')
            .any(|value| value.trim_ascii().eq_ignore_ascii_case(token))
    })
}
