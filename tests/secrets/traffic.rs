//! Types that a program meets while it serves: a request with a secret in each place where one is sent.

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use channels::*;

use super::support::{Running, within};
use super::{CANARY, Shown};

struct Tokens;

impl TokenVerifier for Tokens {
    async fn verify(&self, token: &str, _: &Scope) -> Result<Option<Verified>> {
        assert_eq!(token, CANARY);
        Ok(Some(Verified::user(user())))
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

pub(super) fn user() -> User {
    UserRecord {
        id: "7".into(),
        username: "alice".into(),
        password: CANARY.into(),
        is_active: true,
        ..UserRecord::default()
    }
    .into()
}

/// Shows what passes.
struct Watching(Shown);

impl Middleware for Watching {
    async fn call(&self, next: Next<'_>) -> Response {
        self.0.note("Next", &next);
        self.0.note("Scope", next.scope());
        self.0.note("Headers", next.scope().headers());
        self.0.note("Context", next.context());
        let extensions = next.scope().extensions();
        self.0.note("Identity", &extensions.get::<Identity>());
        if let Some(token) = extensions.get::<CsrfToken>() {
            token.value().expect("a token");
            self.0.note("CsrfToken", token);
        }
        next.run().await
    }
}

/// Shows what comes to an application.
struct Last<A>(Shown, A);

impl<A: WebSocketApp> WebSocketApp for Last<A> {
    fn answer(&self, handshake: Handshake) -> Answering<'_> {
        self.0.note("Handshake", &handshake);
        self.1.answer(handshake)
    }
}

impl<A: HttpApp> HttpApp for Last<A> {
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        self.0.note("HttpRequest", &request);
        self.1.answer(request)
    }
}

impl<A: ChannelApp> ChannelApp for Last<A> {
    fn work(&self, shift: Shift) -> Working<'_> {
        self.0.note("Shift", &shift);
        self.1.work(shift)
    }
}

#[consumer]
pub(super) struct Socket {
    shown: Shown,
}

#[consumer]
impl Socket {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let shown = &self.shown;
        shown.note("WebSocket", socket);
        shown.note("Session", socket.session()?);
        socket.session()?.insert("secret", CANARY).await?;
        shown.note("Session", socket.session()?);
        shown.note("User", &socket.user().await?);
        let deny = socket.deny(StatusCode::FORBIDDEN);
        shown.note("Deny", &deny.header("set-cookie", CANARY).body(CANARY));
        let accept = socket.accept().header("set-cookie", CANARY);
        shown.note("Accept", &accept);
        accept.await
    }

    async fn receive(&mut self, socket: &mut WebSocket, _: String) -> Result {
        socket.send(CANARY).await?;
        self.shown.note("Sender", &socket.sender());
        self.shown.note("WebSocket", socket);
        Ok(())
    }

    fn disconnect(&mut self, socket: &mut BlockingWebSocket) {
        self.shown.note("BlockingWebSocket", socket);
        let session = socket.session().expect("a session");
        self.shown.note("BlockingSession", &session);
    }
}

#[derive(Debug, Deserialize)]
struct Fields {
    password: String,
}

#[consumer(http)]
struct Page {
    shown: Shown,
}

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange, form: Form<Fields>) -> Result {
        assert_eq!(form.0.password, CANARY);
        let shown = &self.shown;
        shown.note("Form", &form);
        shown.note("HttpExchange", http);
        let sent = http.send_response(StatusCode::OK, CANARY);
        shown.note("SendResponse", &sent.header("set-cookie", CANARY));
        let sent = http.event_stream().header("set-cookie", CANARY);
        shown.note("SendEventStream", &sent);
        let sent = http
            .send_headers(StatusCode::OK)
            .header("set-cookie", CANARY);
        shown.note("SendHeaders", &sent);
        sent.await?;
        http.send_body(CANARY).await?;
        shown.note("HttpSender", &http.sender());
        shown.note("HttpExchange", http);
        http.end()
    }

    fn disconnect(&mut self, http: &mut BlockingHttpExchange) {
        self.shown.note("BlockingHttpExchange", http);
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("a.job")]
pub(super) struct Work {
    pub(super) secret: String,
}

#[consumer(channel)]
struct Jobs {
    shown: Shown,
}

#[consumer]
impl Jobs {
    #[handler("a.job")]
    fn work(&mut self, job: &mut BlockingJob, event: Work) -> Result {
        assert_eq!(event.secret, CANARY);
        self.shown.note("BlockingJob", job);
        Ok(())
    }
}

#[consumer(channel)]
struct AsyncJobs {
    shown: Shown,
}

#[consumer]
impl AsyncJobs {
    #[handler("a.job")]
    async fn work(&mut self, job: &mut Job, _: Work) -> Result {
        self.shown.note("Job", job);
        Ok(())
    }
}

pub(super) fn site() -> Site {
    let keys = SecretKeys::new(CANARY).fallback(CANARY);
    Site::new(
        keys,
        InMemorySessionStore::new(),
        InMemoryUserStore::default(),
    )
}

/// A service behind all middleware, which logs what it gets as many do.
fn service(shown: &Shown) -> axum::Router {
    let shown = shown.clone();
    axum::Router::new().fallback(move |request: axum::extract::Request| {
        shown.note("http::Request", &request.headers());
        async { "" }
    })
}

pub(super) fn app(shown: &Shown) -> ProtocolTypeRouter {
    let make = |shown: &Shown| {
        let shown = shown.clone();
        move || shown.clone()
    };
    let (sockets, pages, jobs) = (make(shown), make(shown), make(shown));
    let socket = Socket::app_with(move |_| Socket { shown: sockets() });
    let page = Page::app_with(move |_| Page { shown: pages() });
    let work = Jobs::app_with({
        let jobs = jobs.clone();
        move |_| Jobs { shown: jobs() }
    });
    let others = AsyncJobs::app_with(move |_| AsyncJobs { shown: jobs() });
    shown.note("ConsumerApp", &page);
    let watch = || Watching(shown.clone());
    let route = Last(shown.clone(), socket);
    let sockets = URLRouter::new().path("ws/", route);
    shown.note("URLRouter", &sockets);
    let login = LoginView::new();
    shown.note("LoginView", &login);
    shown.note("LogoutView", &LogoutView::new());
    let publish = PublishView::new([format!("{CANARY}-that-is-long")]).expect("a key");
    shown.note("PublishView", &publish);
    let login = login.page({
        let shown = shown.clone();
        move |form: &LoginForm| {
            let mut form = form.clone();
            form.csrf_token = CANARY.into();
            form.username = CANARY.into();
            shown.note("LoginForm", &form);
            String::new()
        }
    });
    let pages = URLRouter::new()
        .path("page/", Last(shown.clone(), page))
        .path("login/", login)
        .path("service/", service(shown));
    let tokens = TokenAuthMiddleware::new(Tokens);
    shown.note("TokenAuthMiddleware", &tokens);
    let sockets = tokens.around(AuthMiddlewareStack::new(watch().around(sockets)));
    let csrf = CsrfMiddleware::new();
    shown.note("CsrfMiddleware", &csrf);
    let pages = AuthMiddlewareStack::new(csrf.around(watch().around(pages)));
    let channels = ChannelNameRouter::new()
        .channel("work", Last(shown.clone(), work))
        .channel("others", others);
    shown.note("ChannelNameRouter", &channels);
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .site(site())
        .websocket(sockets)
        .http(pages)
        .channel(channels)
}

/// Secrets in each place of a request where they are sent.
pub(super) async fn visit(shown: &Shown, app: &ProtocolTypeRouter) {
    let server = Running::start(app).await;
    let cookie = format!("sessionid={CANARY}; csrftoken={}", "a".repeat(32));
    let path = format!("/ws/?token={CANARY}");
    for mut socket in [
        WebsocketCommunicator::new(app, &path),
        WebsocketCommunicator::at(server.address, &path),
    ] {
        socket = socket
            .header("cookie", &cookie)
            .header("x-api-key", CANARY)
            .subprotocols(&["bearer", CANARY]);
        shown.note("WebsocketCommunicator", &socket);
        let accepted = socket.connect().await.expect("a socket");
        shown.note("Accepted", &accepted);
        socket.send("go").await.expect("sent");
        assert_eq!(socket.receive::<String>().await.expect("an answer"), CANARY);
        shown.note("WebsocketCommunicator", &socket);
        let _ = socket.close(CloseCode::NORMAL, "bye").await;
    }
    for path in ["/page/", "/service/"] {
        let request = HttpCommunicator::post(app, &format!("{path}?token={CANARY}"))
            .header("cookie", &cookie)
            .header("authorization", &format!("Bearer {CANARY}"))
            .header("proxy-authorization", &format!("Bearer {CANARY}"))
            .header("x-csrftoken", &"a".repeat(32))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("password={CANARY}"));
        shown.note("HttpCommunicator", &request);
        let response = request.open().await.expect("a response");
        assert_eq!(response.status(), StatusCode::OK);
        shown.note("StreamingResponse", &response);
        response.into_response().await.expect("a body");
    }
    let login = HttpCommunicator::get(app, "/login/").header("cookie", &cookie);
    login.response().await.expect("a page");
    let refused = WebsocketCommunicator::new(app, "/nowhere/").connect().await;
    shown.note("Refused", &refused.expect_err("no route"));
}

pub(super) async fn work(app: &ProtocolTypeRouter, shown: &Shown) {
    let worker = Worker::new(app.clone());
    shown.note("Worker", &worker);
    let layer = app.context().layers().get("default").expect("a layer");
    for channel in ["work", "others"] {
        let channel = ChannelName::new(channel).expect("a name");
        let event = Event::from(Work {
            secret: CANARY.into(),
        });
        shown.note("Event", &event);
        layer.send(&channel, event).await.expect("sent");
    }
    let done = async {
        loop {
            if shown.has("Job") && shown.has("BlockingJob") {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    within(worker.run_until(done)).await.expect("a clean end");
}
