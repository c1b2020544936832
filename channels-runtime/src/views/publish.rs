//! Sending events from other programs, over HTTP.

use std::fmt;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::login::not_allowed;
use crate::app::{Answering, Body, Context, HttpApp, HttpRequest, Response};
use crate::http::read_body;
use crate::log::{Excerpt, LogLimit};
use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result, Scope};

/// The shortest key: what is shorter is guessed.
const SHORTEST: usize = 16;

/// Takes events from other programs and sends them to a group or a channel: for scripts, other languages
/// and whoever looks after a site.
///
/// `POST` with an event as JSON (`{"type": "chat.message", …}`) and `Authorization: Bearer KEY`. The
/// route says where it goes: its `group` or its `channel`. The answer is 202 with what became of it, or
/// an error with an explanation, both JSON.
///
/// It is there only where a program routes to it. Over TLS alone, or where nobody listens: the key
/// travels with each request.
///
/// # Examples
///
/// ```
/// use channels_runtime::{PublishView, URLRouter};
///
/// # fn main() -> channels_runtime::Result {
/// let publish = PublishView::new(["a key that nobody guesses"])?
///     .allow(|name| name.starts_with("news."));
/// let pages = URLRouter::new()
///     .path("publish/groups/<str:group>/", publish.clone())
///     .path("publish/channels/<str:channel>/", publish);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PublishView {
    keys: Arc<[[u8; 32]]>,
    layer: Option<String>,
    allows: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl PublishView {
    /// Takes events of whoever has one of these keys: give two while a key changes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] without a key, and for one that has fewer than 16 characters.
    pub fn new<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Result<Self> {
        let mut digests = Vec::new();
        for key in keys {
            let key = key.as_ref();
            if key.chars().count() < SHORTEST {
                let what = format!("a key to publish with has at least {SHORTEST} characters");
                return Err(Error::new(ErrorKind::Config, what));
            }
            digests.push(digest(key));
        }
        if digests.is_empty() {
            let what = "without a key nobody could publish";
            return Err(Error::new(ErrorKind::Config, what));
        }
        Ok(Self {
            keys: digests.into(),
            layer: None,
            allows: Arc::new(|_| true),
        })
    }

    /// Sends to the groups and channels alone for whose names this is true; others are a 403.
    #[must_use]
    pub fn allow(self, allows: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            allows: Arc::new(allows),
            ..self
        }
    }

    /// Sends over the layer of this alias, instead of `default`.
    #[must_use]
    pub fn layer(self, alias: impl Into<String>) -> Self {
        Self {
            layer: Some(alias.into()),
            ..self
        }
    }

    async fn respond(&self, request: HttpRequest) -> Response {
        let (scope, body, context) = request.into_parts();
        if *scope.method() != Method::POST {
            return not_allowed("POST");
        }
        if !self.knows(&scope) {
            return unauthorized();
        }
        // With the bytes replaced, the path would name another group.
        if let Err(error) = scope.check_path() {
            let what = json!({ "error": error.to_string() });
            return answer_with(StatusCode::BAD_REQUEST, &what);
        }
        let body = match read_body(body, scope.headers(), &context).await {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        match self.publish(&scope, &context, &body).await {
            Ok(answer) => answer_with(StatusCode::ACCEPTED, &answer),
            Err(error) => explain(&error),
        }
    }

    async fn publish(&self, scope: &Scope, context: &Context, body: &[u8]) -> Result<Value> {
        let event = serde_json::from_slice(body).map_err(|error| {
            let what = format!("the body is no JSON: {error}");
            Error::new(ErrorKind::InvalidPayload, what)
        })?;
        let event = Event::from_json(event)?;
        let layer = match &self.layer {
            Some(alias) => context.layers.get(alias)?,
            None => context.layers.default_layer()?,
        };
        let kwargs = scope.kwargs();
        if let Some(group) = kwargs.get("group") {
            let group = GroupName::new(self.allowed(group)?)?;
            let sent = layer.group_send(group, event, None).await?;
            return Ok(json!({ "matched": sent.matched, "dropped": sent.dropped }));
        }
        let Some(channel) = kwargs.get("channel") else {
            let what = "the route of a `PublishView` has a `group` or a `channel`";
            return Err(Error::new(ErrorKind::Config, what));
        };
        layer
            .send(&ChannelName::new(self.allowed(channel)?)?, event)
            .await?;
        Ok(json!({}))
    }

    fn allowed<'a>(&self, name: &'a str) -> Result<&'a str> {
        if (self.allows)(name) {
            return Ok(name);
        }
        let what = format!("nothing may be published to `{}`", name.escape_debug());
        Err(Error::new(ErrorKind::Deny, what))
    }

    /// Whether the request has a key. All keys are compared, in constant time.
    fn knows(&self, scope: &Scope) -> bool {
        // Two keys in one request are none: another reader may have judged the other one.
        let given = scope.headers().get_only(header::AUTHORIZATION.as_str());
        let given = given.ok().flatten();
        let key = given.and_then(|given| given.split_once(' '));
        let Some((_, key)) = key.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
            return false;
        };
        let given = digest(key.trim());
        let known = self.keys.iter().map(|known| known.ct_eq(&given));
        known
            .fold(subtle::Choice::from(0), |any, one| any | one)
            .into()
    }
}

impl HttpApp for PublishView {
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        Box::pin(self.respond(request))
    }

    fn check(&self, context: &Context) -> Result {
        match &self.layer {
            Some(alias) => context.layers.get(alias).map(|_| ()),
            None => context.layers.default_layer().map(|_| ()),
        }
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn unauthorized() -> Response {
    let what = json!({ "error": "`Authorization: Bearer KEY` with a key that is known" });
    let mut response = answer_with(StatusCode::UNAUTHORIZED, &what);
    let challenge = HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}

fn explain(error: &Error) -> Response {
    let status = match error.kind() {
        ErrorKind::InvalidPayload
        | ErrorKind::EventType
        | ErrorKind::Decode
        | ErrorKind::Encode
        | ErrorKind::Name => StatusCode::BAD_REQUEST,
        ErrorKind::Deny => StatusCode::FORBIDDEN,
        _ if error.is_of_dependency() => StatusCode::SERVICE_UNAVAILABLE,
        _ => {
            log_failure(error);
            let what = json!({ "error": "the event cannot be sent" });
            return answer_with(StatusCode::INTERNAL_SERVER_ERROR, &what);
        }
    };
    let mut response = answer_with(status, &json!({ "error": error.to_string() }));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

fn log_failure(error: &Error) {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(suppressed) = LIMIT.permit() {
        let (text, source) = (error.to_string(), error.source_text());
        let (error, source) = (Excerpt(text.as_bytes()), Excerpt(source.as_bytes()));
        tracing::error!(%error, %source, suppressed, "cannot publish an event, responding with 500");
    }
}

fn answer_with(status: StatusCode, answer: &Value) -> Response {
    let mut response = Response::new(Body::from(format!("{answer}\n")));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

impl fmt::Debug for PublishView {
    /// Shows nothing of the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishView")
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}
