//! Sessions and users: what is loaded and saved when, who is logged in, and whose sockets are closed.

#[path = "../support/mod.rs"]
mod support;

mod checks;
mod foreign;
mod logs;
mod origins;
mod outage;
mod recheck;
mod revoked;
mod sessions;
mod stores;
mod throttle;
mod tokens;
mod undecodable;
mod users;
mod vectors;
mod views;

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use channels::{
    AuthMiddlewareStack, CsrfMiddleware, InMemorySessionStore, InMemoryUserStore, LoginView,
    LogoutView, Middleware, SecretKeys, Site,
};
use http::{HeaderMap, Method, Response, header};

use self::stores::Watched;

/// A site in memory whose stores tell what they are asked, and can be down.
#[derive(Clone)]
struct TestSite {
    site: Site,
    sessions: Watched<InMemorySessionStore>,
    users: Watched<InMemoryUserStore>,
}

impl TestSite {
    fn new() -> Self {
        Self::with(SecretKeys::new("a key for tests"))
    }

    fn with(keys: SecretKeys) -> Self {
        let sessions = Watched::new(InMemorySessionStore::new());
        let users = Watched::new(InMemoryUserStore::default());
        let site = Site::new(keys, sessions.clone(), users.clone()).password_hashers(quick());
        Self {
            site,
            sessions,
            users,
        }
    }

    /// How often the stores were asked since the last call.
    fn queries(&self) -> (usize, usize) {
        (self.sessions.take_queries(), self.users.take_queries())
    }

    fn set_down(&self, down: bool) {
        self.sessions.set_down(down);
        self.users.set_down(down);
    }

    /// Pages and sockets of the site.
    fn app(&self) -> ProtocolTypeRouter {
        let pages = URLRouter::new()
            .path("login/", LoginView::new().redirect_to("/who/"))
            .path("logout/", LogoutView::new())
            .path("who/", Who::app())
            .path("keep/<str:value>/", Keep::app());
        ProtocolTypeRouter::new()
            .channel_layer(InMemoryChannelLayer::new())
            .site(self.site.clone())
            .http(CsrfMiddleware::new().around(AuthMiddlewareStack::new(pages)))
            .websocket(AuthMiddlewareStack::new(sockets()))
    }

    async fn add_user(&self, name: &str, password: &str) -> channels::User {
        let user = self.site.create_user(name, password).await;
        user.expect("a new user")
    }
}

/// Hashers that are quick enough for a test.
fn quick() -> channels::PasswordHashers {
    let few = std::num::NonZeroU32::new(100).expect("more than none");
    channels::PasswordHashers::default().pbkdf2_iterations(few)
}

fn sockets() -> URLRouter {
    URLRouter::new().path("ws/", Asked::app())
}

/// A page that says who asks for it.
#[consumer(http)]
#[derive(Default)]
struct Who;

#[consumer]
impl Who {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let user = http.user().await?;
        http.send_response(StatusCode::OK, user.username().to_owned())
            .await
    }
}

/// A page that puts a value into the session, and shows the one before.
#[consumer(http)]
#[derive(Default)]
struct Keep;

#[consumer]
impl Keep {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let session = http.session()?.clone();
        let before = session.get::<String>("value").await?.unwrap_or_default();
        match http.url_kwarg::<String>("value")?.as_str() {
            "nothing" => {}
            "flush" => session.flush().await?,
            value => session.insert("value", value).await?,
        }
        http.send_response(StatusCode::OK, before).await
    }
}

/// A socket that does what it is told.
#[consumer]
#[derive(Default)]
struct Asked;

#[consumer]
impl Asked {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        match socket.scope().query_string() {
            "visit" => {
                let session = socket.session()?;
                let visits = session.get::<u32>("visits").await?.unwrap_or(0);
                session.insert("visits", &(visits + 1)).await
            }
            "who" => socket.user().await.map(|_| ()),
            _ => Ok(()),
        }
    }

    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        let session = socket.session().cloned();
        let answer = match text.split_once('=') {
            Some((name, value)) => {
                session?.insert(name, value).await?;
                "set".to_owned()
            }
            None => match text.as_str() {
                "who" => format!("[{}]", socket.user().await?.username()),
                "again" => format!("[{}]", socket.refresh_user().await?.username()),
                "try again" => match socket.refresh_user().await {
                    Ok(user) => format!("[{}]", user.username()),
                    Err(error) => format!("{:?}", error.kind()),
                },
                "logout" => {
                    socket.logout().await?;
                    "out".to_owned()
                }
                name => session?.get::<String>(name).await?.unwrap_or_default(),
            },
        };
        socket.send(answer).await
    }
}

/// A browser, as far as cookies go.
struct Browser {
    app: ProtocolTypeRouter,
    cookies: std::collections::BTreeMap<String, String>,
}

impl Browser {
    fn new(app: &ProtocolTypeRouter) -> Self {
        Self {
            app: app.clone(),
            cookies: std::collections::BTreeMap::new(),
        }
    }

    fn cookie(&self) -> String {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        cookies.join("; ")
    }

    fn session_key(&self) -> Option<&str> {
        self.cookies.get("sessionid").map(String::as_str)
    }

    async fn get(&mut self, path: &str) -> Response<Bytes> {
        let request = HttpCommunicator::get(&self.app, path).header("cookie", &self.cookie());
        let response = request.response().await.expect("a response");
        self.take_cookies(response.headers());
        response
    }

    async fn text(&mut self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        String::from_utf8(response.body().to_vec()).expect("a text")
    }

    async fn post(&mut self, path: &str, form: &str) -> Response<Bytes> {
        let request = HttpCommunicator::new(&self.app, Method::POST, path)
            .header("host", "example.com")
            .header("origin", "http://example.com")
            .header("cookie", &self.cookie())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        let response = request.response().await.expect("a response");
        self.take_cookies(response.headers());
        response
    }

    /// Logs in by the page, as a person would.
    async fn log_in(&mut self, name: &str, password: &str) -> StatusCode {
        let token = self.token("/login/").await;
        let form = format!("csrfmiddlewaretoken={token}&username={name}&password={password}");
        self.post("/login/", &form).await.status()
    }

    async fn log_out(&mut self) -> StatusCode {
        let token = self.token("/login/").await;
        let form = format!("csrfmiddlewaretoken={token}");
        self.post("/logout/", &form).await.status()
    }

    /// The token of a page's form.
    async fn token(&mut self, path: &str) -> String {
        let page = self.text(path).await;
        let (_, rest) = page
            .split_once(r#"name="csrfmiddlewaretoken" value=""#)
            .expect("a token");
        rest.split_once('"').expect("its end").0.to_owned()
    }

    /// A socket that is not connected yet, with the browser's cookies.
    fn socket(&self, path: &str) -> WebsocketCommunicator {
        WebsocketCommunicator::new(&self.app, path).header("cookie", &self.cookie())
    }

    async fn open(&mut self, path: &str) -> WebsocketCommunicator {
        let mut socket = self.socket(path);
        let accepted = socket.connect().await.expect("a socket");
        self.take_cookies(&accepted.headers);
        socket
    }

    fn take_cookies(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("a text");
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a pair");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

async fn ask(socket: &mut WebsocketCommunicator, text: &str) -> String {
    socket.send(text).await.expect("sent");
    socket.receive::<String>().await.expect("an answer")
}
