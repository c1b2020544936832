//! The way in for other programs over HTTP.

mod support;

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use channels::{Bytes, PublishView};
use http::{Method, Response, header};
use serde_json::{Value, json};

use self::support::within;

#[consumer(groups("news.all"))]
#[derive(Default)]
struct Reader;

#[consumer]
impl Reader {
    #[handler("news.item")]
    async fn item(&mut self, socket: &mut WebSocket, Payload(item): Payload<Value>) -> Result {
        socket.send_json(&item["text"]).await
    }
}

const KEY: &str = "a key that nobody guesses";

fn app() -> (ProtocolTypeRouter, InMemoryChannelLayer) {
    let layer = InMemoryChannelLayer::with_queues(1, std::time::Duration::from_secs(60));
    let publish = PublishView::new(["the old key, still good", KEY]).expect("keys");
    let publish = publish.allow(|name| name != "private");
    let pages = URLRouter::new()
        .path("groups/<str:group>/", publish.clone())
        .path("channels/<str:channel>/", publish.clone())
        .path("nowhere/", publish);
    let app = ProtocolTypeRouter::new()
        .channel_layer(layer.clone())
        .http(pages)
        .websocket(URLRouter::new().path("ws/", Reader::app()));
    (app, layer)
}

async fn post(app: &ProtocolTypeRouter, path: &str, key: &str, body: &str) -> Response<Bytes> {
    let request = HttpCommunicator::new(app, Method::POST, path).body(body.to_owned());
    let request = match key {
        "" => request,
        key => request.header("authorization", key),
    };
    within(request.response()).await.expect("a response")
}

fn bearer() -> String {
    format!("Bearer {KEY}")
}

#[tokio::test]
async fn what_is_published_arrives() {
    let (app, _) = app();
    let mut reader = WebsocketCommunicator::new(&app, "/ws/");
    within(reader.connect()).await.expect("a socket");
    let item = r#"{"type": "news.item", "text": "extra"}"#;
    for key in [bearer(), "bearer the old key, still good".to_owned()] {
        let response = post(&app, "/groups/news.all/", &key, item).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let answer: Value = serde_json::from_slice(response.body()).expect("JSON");
        assert_eq!(answer, json!({"matched": 1, "dropped": 0}));
        let text: String = within(reader.receive_json()).await.expect("the item");
        assert_eq!(text, "extra");
    }
}

#[tokio::test]
async fn doubles_keep_their_last_digit() {
    let (app, _) = app();
    let mut reader = WebsocketCommunicator::new(&app, "/ws/");
    within(reader.connect()).await.expect("a socket");
    for step in 0..500 {
        let double = 1_700_000_000.0 + f64::from(step) * 0.137_931_7;
        let item = format!(r#"{{"type": "news.item", "text": {double:?}}}"#);
        let response = post(&app, "/groups/news.all/", &bearer(), &item).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let read: f64 = within(reader.receive_json()).await.expect("the item");
        assert_eq!(read.to_bits(), double.to_bits());
    }
}

#[tokio::test]
async fn a_channel_may_be_full() {
    let (app, layer) = app();
    let job = r#"{"type": "job.run"}"#;
    assert_eq!(
        post(&app, "/channels/tasks/", &bearer(), job)
            .await
            .status(),
        StatusCode::ACCEPTED
    );
    let full = post(&app, "/channels/tasks/", &bearer(), job).await;
    assert_eq!(full.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(full.headers().contains_key(header::RETRY_AFTER));
    let tasks = ChannelName::new("tasks").expect("a name");
    within(layer.receive(&tasks)).await.expect("the job");
}

#[tokio::test]
async fn what_cannot_be_published_is_told() {
    let (app, layer) = app();
    let good = r#"{"type": "news.item"}"#;
    let long = format!(
        r#"{{"type": "news.item", "text": "{}"}}"#,
        "x".repeat(20_000_000)
    );
    let key = bearer();
    for (path, key, body, status, says) in [
        ("/groups/g/", "", good, 401, "Bearer"),
        ("/groups/g/", "Bearer", good, 401, "Bearer"),
        (
            "/groups/g/",
            "Bearer another key, as long as that",
            good,
            401,
            "Bearer",
        ),
        (
            "/groups/g/",
            "Basic a key that nobody guesses",
            good,
            401,
            "Bearer",
        ),
        ("/groups/%FF/", &key, good, 400, "UTF-8"),
        ("/groups/g/", &key, "", 400, "no JSON"),
        ("/groups/g/", &key, "{\"type\": ", 400, "line 1"),
        ("/groups/g/", &key, "[1]", 400, "object"),
        ("/groups/g/", &key, "{}", 400, "`type`"),
        ("/groups/g/", &key, r#"{"type": 1}"#, 400, "string"),
        (
            "/groups/g/",
            &key,
            r#"{"type": "websocket.close"}"#,
            400,
            "websocket",
        ),
        ("/groups/private/", &key, good, 403, "private"),
        ("/channels/two%20words/", &key, good, 400, "no channel name"),
        ("/groups/g/", &key, &long, 413, ""),
        ("/nowhere/", &key, good, 500, "cannot be sent"),
    ] {
        let response = post(&app, path, key, body).await;
        let said = String::from_utf8_lossy(response.body()).into_owned();
        assert_eq!(response.status().as_u16(), status, "{path} {said}");
        assert!(said.contains(says), "{path} {status}: {said}");
        assert!(!said.contains(KEY), "{said}");
    }
    let read = within(HttpCommunicator::get(&app, "/groups/g/").response()).await;
    assert_eq!(
        read.expect("a response").status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    // Two keys, or one with bytes that no key has, are none.
    for values in [
        &[KEY.as_bytes(), KEY.as_bytes()][..],
        &[KEY.as_bytes(), b"another"],
        &[b"\xff"],
        &[format!("{KEY}\u{ff}").as_bytes()],
    ] {
        let mut request = HttpCommunicator::post(&app, "/groups/g/").body(good);
        for value in values {
            let value = [b"Bearer ", *value].concat();
            request = request.header_bytes("authorization", &value);
        }
        let response = within(request.response()).await.expect("a response");
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{values:?}");
    }
    layer.close().await.expect("closed");
    let response = post(&app, "/groups/g/", &key, good).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn keys_that_are_guessed_are_refused() {
    let none: [&str; 0] = [];
    for error in [
        PublishView::new(none).expect_err("no key"),
        PublishView::new([""]).expect_err("empty"),
        PublishView::new([KEY, "short"]).expect_err("short"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}
