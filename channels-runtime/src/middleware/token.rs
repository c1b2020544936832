//! Users who come with a token instead of a cookie.

use http::StatusCode;
use http::header::{self, HeaderValue};

use super::session::failed;
use super::{Middleware, Next, Provides};
use crate::app::{Context, Response};
use crate::auth::{Identity, TokenVerifier};
use crate::scope::{DefaultSubprotocol, check_subprotocols};
use crate::{Result, Scope};

/// The subprotocol behind which a browser's script gives its token.
const BEARER: &str = "bearer";

/// Puts the [`Identity`] of whoever comes with a token into the scope.
///
/// A token is given as `Authorization: Bearer …` (RFC 6750 §2.1), or, by a script in a browser, which
/// cannot set headers, as the subprotocol behind `bearer`: `new WebSocket(url, ["bearer", token])`.
/// Then `bearer` is the subprotocol of the socket, if the consumer chooses no other one.
///
/// A token that does not count is a 401. So is an empty one, and one with invalid characters.
/// A malformed list of subprotocols in a handshake is a 400. Several tokens in one request are a 400
/// (RFC 6750 §3.1). Without a token this middleware does nothing: put it around an
/// [`AuthMiddlewareStack`](crate::AuthMiddlewareStack), and users come with either; around anything else,
/// who comes without one is nobody.
///
/// # Examples
///
/// ```
/// use channels_runtime::{
///     Middleware, ProtocolTypeRouter, Result, Scope, Site, TokenAuthMiddleware, TokenVerifier, URLRouter,
///     Verified,
/// };
///
/// struct ApiKeys;
///
/// impl TokenVerifier for ApiKeys {
///     async fn verify(&self, token: &str, _scope: &Scope) -> Result<Option<Verified>> {
///         Ok((token == "let me in").then(|| Verified::user_id("7")))
///     }
/// }
///
/// # fn main() -> Result {
/// let routes = <URLRouter>::new();
/// let app = ProtocolTypeRouter::new()
///     .site(Site::in_memory()?) // or the one with the users
///     .websocket(TokenAuthMiddleware::new(ApiKeys).around(routes));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TokenAuthMiddleware<V> {
    verifier: V,
}

impl<V: TokenVerifier> TokenAuthMiddleware<V> {
    /// Tokens that this verifier takes.
    pub fn new(verifier: V) -> Self {
        Self { verifier }
    }

    /// Who is there; `None` if the token does not count.
    async fn identity(
        &self,
        scope: &Scope,
        context: &Context,
        token: Option<&Token<'_>>,
    ) -> Result<Option<Identity>> {
        let site = context.site()?.clone();
        let Some(token) = token else {
            return Ok(Some(Identity::nobody(site)));
        };
        let verified = self.verifier.verify(token.text(), scope).await?;
        let layer = context.default_layer().cloned();
        Ok(verified.map(|verified| Identity::of_token(site, verified, layer)))
    }
}

impl<V: TokenVerifier> Middleware for TokenAuthMiddleware<V> {
    fn provides(&self) -> Provides {
        Provides::TokenUser
    }

    async fn call(&self, mut next: Next<'_>) -> Response {
        let token = match Token::of(next.scope(), next.asks_for_socket()) {
            Ok(token) => token,
            Err(Unreadable::Malformed) => return refused(),
            Err(Unreadable::Several | Unreadable::Subprotocols) => return invalid(),
        };
        let identity = match self
            .identity(next.scope(), next.context(), token.as_ref())
            .await
        {
            Ok(Some(identity)) => identity,
            Ok(None) => return refused(),
            Err(error) => return failed(&error),
        };
        let is_given = token.is_some();
        let is_subprotocol = matches!(token, Some(Token::Subprotocol(_)));
        let extensions = next.scope_mut().extensions_mut();
        if is_given || extensions.get::<Identity>().is_none() {
            extensions.insert(identity);
        }
        if is_subprotocol {
            extensions.insert(DefaultSubprotocol(BEARER));
        }
        next.run().await
    }

    fn check(&self, context: &Context) -> Result {
        self.verifier.check()?;
        let site = context.site()?;
        if self.verifier.needs_users() {
            site.expect_users();
        }
        site.check()
    }
}

/// A token, by where it was given.
enum Token<'a> {
    Header(&'a str),
    Subprotocol(&'a str),
}

/// Why it is not known which token a request brings.
enum Unreadable {
    /// It has other characters than a token (RFC 6750 §2.1).
    Malformed,
    /// There are several.
    Several,
    /// The list of subprotocols is malformed: the token may stand in it.
    Subprotocols,
}

impl<'a> Token<'a> {
    /// The one token of a request; `None` if it has none. Subprotocols mean nothing where no socket is asked
    /// for.
    fn of(scope: &'a Scope, asks_for_socket: bool) -> Result<Option<Self>, Unreadable> {
        let mut tokens = Vec::new();
        for value in scope.headers().get_all(header::AUTHORIZATION.as_str()) {
            tokens.extend(bearer(value)?.map(Self::Header));
        }
        let mut offered = Vec::new().into_iter();
        if asks_for_socket {
            check_subprotocols(scope).map_err(|_| Unreadable::Subprotocols)?;
            offered = scope.subprotocols().into_iter();
        }
        while offered.any(|name| name == BEARER) {
            tokens.extend(offered.next().map(Self::Subprotocol));
        }
        let token = tokens.pop();
        if tokens.is_empty() {
            Ok(token)
        } else {
            Err(Unreadable::Several)
        }
    }

    fn text(&self) -> &'a str {
        match self {
            Self::Header(token) | Self::Subprotocol(token) => token,
        }
    }
}

/// The token in a header's value; `None` for another scheme. RFC 9110 §11.1: schemes
/// have no case.
fn bearer(value: &str) -> Result<Option<&str>, Unreadable> {
    let (scheme, token) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    match token.trim_matches([' ', '\t']) {
        token if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(token))
        }
        _ => Err(Unreadable::Malformed),
    }
}

/// RFC 6750 §3.1: a token is given by more than one method, or several times, or the request is malformed.
fn invalid() -> Response {
    let why = HeaderValue::from_static("Bearer error=\"invalid_request\"");
    challenge(StatusCode::BAD_REQUEST, why)
}

/// RFC 6750 §3.1.
fn refused() -> Response {
    let why = HeaderValue::from_static("Bearer error=\"invalid_token\"");
    challenge(StatusCode::UNAUTHORIZED, why)
}

fn challenge(status: StatusCode, why: HeaderValue) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response.headers_mut().insert(header::WWW_AUTHENTICATE, why);
    response
}
