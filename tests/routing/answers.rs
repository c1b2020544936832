//! What a client learns of an error that is its own, or nobody's.

use channels::testing::WebsocketCommunicator;

use super::*;

#[derive(Deserialize)]
struct Page {
    room: String,
    page: u8,
}

/// What the consumers of these tests return.
fn outcome(kwargs: Result<Page>) -> Result {
    let Page { room, page } = kwargs?;
    assert!(page > 0, "the tests' pages");
    match room.as_str() {
        "down" => Err(Error::unavailable("the database is down")),
        "own" => Err(Error::other("a mistake")),
        _ => Ok(()),
    }
}

#[consumer]
#[derive(Default)]
struct Socket;

#[consumer]
impl Socket {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        outcome(socket.url_kwargs())?;
        socket.accept().await
    }

    async fn receive(&mut self, socket: &mut WebSocket, _: String) -> Result {
        let _page: bool = socket.url_kwarg("page")?;
        Ok(())
    }
}

/// The same with plain `fn`s.
#[consumer]
#[derive(Default)]
struct Blocking;

#[consumer]
impl Blocking {
    fn connect(&mut self, socket: &mut BlockingWebSocket) -> Result {
        outcome(socket.url_kwargs())
    }
}

#[consumer(http)]
#[derive(Default)]
struct Request;

#[consumer]
impl Request {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let begun = http.scope().query_string() == "begun";
        if begun {
            http.send_headers(StatusCode::OK).await?;
        }
        outcome(http.url_kwargs())?;
        http.send_response(StatusCode::OK, "{}").await
    }
}

#[consumer(http)]
#[derive(Default)]
struct BlockingRequest;

#[consumer]
impl BlockingRequest {
    fn handle(&mut self, http: &mut BlockingHttpExchange) -> Result {
        outcome(http.url_kwargs())?;
        http.send_response(StatusCode::OK, "{}")
    }
}

#[consumer(http)]
#[derive(Default)]
struct Asks;

#[consumer]
impl Asks {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let _nothing_captures_this: String = http.url_kwarg("rome")?;
        Ok(())
    }
}

const PATTERN: &str = "<slug:room>/<str:page>/";

#[tokio::test]
async fn a_handshake_is_refused_by_what_is_wrong() {
    let layer = InMemoryChannelLayer::new();
    let router = URLRouter::new()
        .path(&format!("async/{PATTERN}"), Socket::app())
        .path(&format!("plain/{PATTERN}"), Blocking::app());
    let app = ProtocolTypeRouter::new()
        .channel_layer(layer)
        .websocket(router);
    for prefix in ["async", "plain"] {
        let cases = [
            ("lobby/256", 404, None),
            ("lobby/x", 404, None),
            ("down/1", 503, Some("1")),
            ("own/1", 500, None),
        ];
        for (path, status, retry_after) in cases {
            let mut client = WebsocketCommunicator::new(&app, &format!("/{prefix}/{path}/"));
            let refused = client.connect().await.expect_err(path);
            assert_eq!(refused.status(), status, "{prefix} {path}");
            let header = refused.response().headers().get("retry-after");
            assert_eq!(
                header.map(http::HeaderValue::as_bytes),
                retry_after.map(str::as_bytes)
            );
            assert!(refused.response().body().is_empty());
        }
        let mut client = WebsocketCommunicator::new(&app, &format!("/{prefix}/lobby/255/"));
        client.connect().await.expect("it fits");
    }
}

#[tokio::test]
async fn behind_the_answer_it_is_a_failure_like_any_other() {
    let router = URLRouter::new().path(PATTERN, Socket::app());
    let app = ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .websocket(router);
    let mut client = WebsocketCommunicator::new(&app, "/lobby/1/");
    client.connect().await.expect("it fits");
    client.send("go").await.expect("sent");
    let closed = client.closed().await.expect("closed").expect("a code");
    assert_eq!(closed.code, CloseCode::INTERNAL_ERROR);
}

#[tokio::test]
async fn a_request_is_refused_by_what_is_wrong() {
    let router = URLRouter::new()
        .path(&format!("async/{PATTERN}"), Request::app())
        .path(&format!("plain/{PATTERN}"), BlockingRequest::app())
        .path("asks/", Asks::app());
    let app = app(router).channel_layer(InMemoryChannelLayer::new());
    for prefix in ["async", "plain"] {
        assert_eq!(
            seen(&app, &format!("/{prefix}/lobby/255/")).await,
            json!({})
        );
        assert_eq!(seen(&app, &format!("/{prefix}/lobby/256/")).await, 404);
        assert_eq!(seen(&app, &format!("/{prefix}/own/1/")).await, 500);
        let path = format!("/{prefix}/down/1/");
        let response = HttpCommunicator::get(&app, &path).response().await;
        let response = response.expect("a response");
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
    }
    assert_eq!(seen(&app, "/asks/").await, 500, "the program's own mistake");
    let begun = HttpCommunicator::get(&app, "/async/lobby/256/?begun");
    begun.response().await.expect_err("the body is broken off");
}
