//! The application as a whole: what answers requests, and what answers handshakes.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode, header};
use tower::Service;

use super::channels::ChannelNameRouter;
use super::deadline;
use super::lifespan::Lifespan;
use crate::app::{
    Answering, Body, Context, Handshake, HttpApp, HttpRequest, WebSocketApp, clean, refusal,
    upgrade_required, with_valid_status,
};
use crate::handler_threads::HandlerThreads;
use crate::layer::{ChannelLayer, ChannelLayers};
use crate::limits::Limits;
use crate::log::log_limited;
use crate::pace::PacedBody;
use crate::scope::{TrustedProxies, below};
use crate::stats::Stats;
use crate::supervise::log_safely;
use crate::transport::Upgrade;
use crate::{BoxError, Error, Result};

/// An application: pages for plain requests, consumers for WebSocket handshakes, on one port.
///
/// It is a [`tower::Service`]: give it to [`serve`](crate::serve), or mount it in an axum router
/// with `route_service`. Clones are the same application.
#[derive(Clone)]
pub struct ProtocolTypeRouter {
    http: Option<Arc<dyn HttpApp>>,
    websocket: Option<Arc<dyn WebSocketApp>>,
    channels: Option<Arc<ChannelNameRouter>>,
    pub(super) context: Arc<Context>,
    pub(super) lifespan: Lifespan,
    proxies: Option<Arc<TrustedProxies>>,
    /// What is wrong with the environment's settings, unless the code gives its own.
    misconfigured: Option<Arc<Error>>,
}

impl ProtocolTypeRouter {
    /// An application without routes, with the default limits and the channel layers of the
    /// environment ([`ChannelLayers::from_env`]).
    pub fn new() -> Self {
        let (layers, misconfigured) = match ChannelLayers::from_env() {
            Ok(layers) => (layers, None),
            Err(error) => (ChannelLayers::none(), Some(Arc::new(error))),
        };
        let context = Arc::new(Context::new(layers, Limits::default()));
        Self {
            http: None,
            websocket: None,
            channels: None,
            context,
            lifespan: Lifespan::default(),
            proxies: None,
            misconfigured,
        }
    }

    /// What answers plain requests: any tower service (an axum `Router`, say), an HTTP consumer, or
    /// a [`URLRouter`](crate::URLRouter) of both. It is the default as well: it gets the handshakes
    /// for which no consumer has a route, and on a path that it shares with a socket all requests that
    /// cannot be a handshake, for example a POST with `Upgrade: websocket`.
    ///
    /// A plain request for a path that only a socket has is answered with 426. Where the application has a
    /// route for the path, its own 404 is sent unchanged. A tower service does not report its routes: its
    /// 404 is sent unchanged if it has content or headers.
    #[must_use]
    pub fn http(mut self, app: impl HttpApp) -> Self {
        self.http = Some(Arc::new(app));
        self
    }

    /// What answers WebSocket handshakes: a router, a middleware around one, or one consumer.
    #[must_use]
    pub fn websocket(mut self, app: impl WebSocketApp) -> Self {
        self.websocket = Some(Arc::new(app));
        self
    }

    /// What works on the jobs of which channel: a [`Worker`](crate::Worker) does it, in this process or
    /// another.
    #[must_use]
    pub fn channel(mut self, router: ChannelNameRouter) -> Self {
        self.channels = Some(Arc::new(router));
        self
    }

    /// The path under which the application lies, decoded: `/app`. Routes match what is behind it,
    /// which begins with a `/` or is empty; other paths are answered with 404. A tower service gets
    /// its request as it came, with the whole path.
    ///
    /// ASGI's `root_path`, Django's `SCRIPT_NAME`. A `/` at the end does not matter.
    #[must_use]
    pub fn root_path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        let root = if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        };
        self.change().root_path = root.into();
        self
    }

    /// The channel layers, instead of the environment's.
    #[must_use]
    pub fn channel_layers(mut self, layers: ChannelLayers) -> Self {
        self.change().layers = layers;
        self.misconfigured = None;
        self
    }

    /// One channel layer under the alias `default`, instead of the environment's.
    #[must_use]
    pub fn channel_layer(self, layer: impl ChannelLayer) -> Self {
        self.channel_layers(ChannelLayers::new(layer))
    }

    /// The limits, instead of the defaults.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        let context = self.change();
        context.stats.memory().set_limit(limits.memory_bytes);
        context.threads = Arc::new(HandlerThreads::new(&limits));
        context.limits = Arc::new(limits);
        self
    }

    /// The proxies that are believed who the client is, by their addresses and networks; nobody by
    /// default. Which of their headers, says [`TrustedProxies`].
    ///
    /// It needs the peer's address, which [`serve`](crate::serve) knows: an application that is mounted
    /// elsewhere believes nobody.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: impl Into<TrustedProxies>) -> Self {
        self.proxies = Some(Arc::new(proxies.into()));
        self
    }

    /// The site whose sessions and users these are, instead of the environment's.
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn site(mut self, site: crate::Site) -> Self {
        self.change().site = Arc::new(site.into());
        self
    }

    /// The layers, limits and counters that all connections share.
    pub fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn shared_context(&self) -> &Arc<Context> {
        &self.context
    }

    pub(crate) fn channels(&self) -> Option<&ChannelNameRouter> {
        self.channels.as_deref()
    }

    /// What all connections will share, while the application is being built.
    pub(super) fn change(&mut self) -> &mut Context {
        Arc::make_mut(&mut self.context)
    }

    /// Tells at start-up what could only fail later. [`serve`](crate::serve) calls it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config).
    pub fn check(&self) -> Result {
        if let Some(error) = &self.misconfigured {
            return Err(Error::new(error.kind(), error.to_string()));
        }
        if let Some(proxies) = &self.proxies {
            proxies.check()?;
        }
        if let Some(app) = &self.http {
            app.check(&self.context)?;
        }
        if let Some(channels) = &self.channels {
            channels.check(&self.context)?;
        }
        self.websocket
            .as_ref()
            .map_or(Ok(()), |app| app.check(&self.context))
    }

    /// Answers a request, as a service does.
    pub(crate) fn respond<B>(&self, request: Request<B>) -> Responding
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let app = self.clone();
        Box::pin(async move {
            let stats = Arc::clone(&app.context.stats);
            let request =
                request.map(|body| Body::new(PacedBody::new(Box::pin(body), &app.context.limits)));
            Ok(isolated(&stats, app.answer(request)).await)
        })
    }

    async fn answer(self, mut request: Request<Body>) -> Response<Body> {
        let path = match self.admit(&mut request) {
            Ok(path) => path,
            Err(refusal) => return *refusal,
        };
        let Some(app) = self.sockets(&request, &path) else {
            return self.answer_plain(request, &path).await;
        };
        let upgrade = Upgrade::Hyper(hyper::upgrade::on(&mut request));
        let response = match Handshake::from_request(request, upgrade, Arc::clone(&self.context)) {
            Ok(handshake) => deadline::answer(&**app, handshake).await,
            Err(refusal) => *refusal,
        };
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => response,
            _ => with_valid_status(response),
        }
    }

    /// Answers a handshake whose stream hyper does not have. None for a request that is something
    /// else, or wrong: hyper has to read it, and [`respond`](Self::respond) to answer.
    pub(crate) fn shake_hands(
        &self,
        mut request: Request<Body>,
        upgrade: Upgrade,
    ) -> Option<Answering<'_>> {
        let path = self.admit(&mut request).ok()?;
        let app = self.sockets(&request, &path)?;
        let handshake = Handshake::from_request(request, upgrade, Arc::clone(&self.context));
        let handshake = handshake.ok()?;
        let answer = deadline::answer(&**app, handshake);
        Some(Box::pin(isolated(&self.context.stats, answer)))
    }

    /// Looks at a request before anybody else does. Gives its path below the root, decoded.
    fn admit(&self, request: &mut Request<Body>) -> Result<String, Box<Response<Body>>> {
        clean(request)?;
        if let Some(proxies) = &self.proxies {
            let applied = proxies.apply(request);
            applied.map_err(|what| {
                let text = format!("{what}\n");
                Box::new(refusal(StatusCode::BAD_REQUEST, text))
            })?;
        }
        let path = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8_lossy();
        match below(&path, &self.context.root_path) {
            Some(path) => Ok(path.to_owned()),
            None => Err(Box::new(refusal(StatusCode::NOT_FOUND, "not found\n"))),
        }
    }

    /// The application for handshakes, if the request is one for it. A handshake that no consumer has a
    /// route for goes to the `http` application, if there is one, which may have sockets of its own. So
    /// does a request that cannot be a handshake, where the `http` application may have the path.
    fn sockets(&self, request: &Request<Body>, path: &str) -> Option<&Arc<dyn WebSocketApp>> {
        let app = self.websocket.as_ref()?;
        if !Handshake::is_wanted(request.headers()) {
            return None;
        }
        let is_ours = match &self.http {
            None => true,
            Some(_) if !self.has_route(path) => false,
            Some(http) => {
                let may_have_page = http.routes().is_none_or(|routes| routes.has_route(path));
                Handshake::is_possible(request) || !may_have_page
            }
        };
        is_ours.then_some(app)
    }

    /// Whether a path below the root leads to a consumer of sockets.
    fn has_route(&self, path: &str) -> bool {
        self.websocket
            .as_ref()
            .is_some_and(|app| app.routes().is_none_or(|routes| routes.has_route(path)))
    }

    async fn answer_plain(&self, request: Request<Body>, path: &str) -> Response<Body> {
        let Some(app) = &self.http else {
            return self.not_found(path);
        };
        if let Err(refusal) = Handshake::check_body(&request) {
            return *refusal;
        }
        let has_route = app.routes().map(|routes| routes.has_route(path));
        let request = HttpRequest::new(request, Arc::clone(&self.context));
        let response = deadline::respond(&**app, request).await;
        let is_missing = match has_route {
            Some(has_route) => !has_route,
            None => is_bare(&response),
        };
        if response.status() == StatusCode::NOT_FOUND && is_missing && self.has_route(path) {
            return upgrade_required(WEBSOCKETS_ONLY);
        }
        match response.status() {
            // A service that upgrades by itself.
            StatusCode::SWITCHING_PROTOCOLS => response,
            _ => with_valid_status(response),
        }
    }

    /// The answer to a plain request where there is no `http` application.
    fn not_found(&self, path: &str) -> Response<Body> {
        if self.has_route(path) {
            return upgrade_required(WEBSOCKETS_ONLY);
        }
        refusal(StatusCode::NOT_FOUND, "not found\n")
    }
}

const WEBSOCKETS_ONLY: &str = "this path takes WebSockets only\n";

/// Whether a 404 is the one of a service without a route, as far as anybody can know: it has no content,
/// and no header but those that describe none. A service does not report its routes.
fn is_bare(response: &Response<Body>) -> bool {
    let mut names = response.headers().keys();
    http_body::Body::is_end_stream(response.body())
        && names.all(|name| matches!(*name, header::CONTENT_LENGTH | header::DATE))
}

/// Answers with 500 where middleware, a router or an application panics.
async fn isolated(stats: &Stats, answer: impl Future<Output = Response<Body>>) -> Response<Body> {
    let answered = AssertUnwindSafe(answer).catch_unwind().await;
    answered.unwrap_or_else(|panic| {
        stats.panicked();
        log_safely(panic, |panic| {
            log_limited!(
                error,
                panic,
                "the application panicked, responding with 500"
            );
        });
        refusal(StatusCode::INTERNAL_SERVER_ERROR, "")
    })
}

/// An answer on its way.
pub(crate) type Responding =
    Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for ProtocolTypeRouter
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Responding;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.respond(request)
    }
}

impl Default for ProtocolTypeRouter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ProtocolTypeRouter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtocolTypeRouter")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}
