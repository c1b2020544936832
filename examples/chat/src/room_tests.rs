//! What a room's pages are told, in process: without a port and on a clock of the test's own.

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use serde_json::{Value, json};

/// The application with a layer of its own.
fn app() -> ProtocolTypeRouter {
    crate::app().channel_layer(InMemoryChannelLayer::new())
}

/// Somebody's page.
struct Page {
    socket: WebsocketCommunicator,
}

impl Page {
    async fn open(app: &ProtocolTypeRouter) -> Self {
        let mut socket = WebsocketCommunicator::new(app, "/chat/rust/");
        socket.connect().await.expect("a room is open to all");
        Self { socket }
    }

    /// A page in the room, and its id.
    async fn of(app: &ProtocolTypeRouter, name: &str) -> (Self, String) {
        let mut page = Self::open(app).await;
        page.says(&json!({"type": "hello", "name": name})).await;
        let welcome = page.hears("welcome").await;
        assert_eq!(welcome["you"]["name"], name);
        let id = welcome["you"]["id"].as_str().expect("an id").to_owned();
        (page, id)
    }

    async fn says(&mut self, message: &Value) {
        self.socket
            .send_json(message)
            .await
            .expect("an open socket");
    }

    async fn sends(&mut self, file: &str, data: &[u8]) {
        self.socket
            .send(piece(file, data))
            .await
            .expect("an open socket");
    }

    /// The next message, which has to be of this type.
    async fn hears(&mut self, kind: &str) -> Value {
        let message: Value = self.socket.receive_json().await.expect(kind);
        assert_eq!(message["type"], kind, "{message}");
        message
    }

    /// Ana and Ben, who know of each other.
    async fn two(app: &ProtocolTypeRouter) -> (Self, Self) {
        let (mut ana, id) = Self::of(app, "Ana").await;
        let (mut ben, _) = Self::of(app, "Ben").await;
        assert_eq!(ana.hears("joined").await["who"]["name"], "Ben");
        let here = ben.hears("here").await;
        assert_eq!(here["who"], json!({"id": id, "name": "Ana"}));
        (ana, ben)
    }

    async fn is_closed(&mut self, why: &str) {
        let frame = self.socket.closed().await.expect("the end");
        let frame = frame.expect("a close frame");
        assert_eq!(
            (frame.code, frame.reason.as_ref()),
            (CloseCode::POLICY_VIOLATION, why)
        );
    }
}

fn piece(file: &str, data: &[u8]) -> Message {
    let length = u8::try_from(file.len()).expect("a short id");
    Message::Binary([&[length][..], file.as_bytes(), data].concat().into())
}

#[tokio::test(start_paused = true)]
async fn a_message_has_its_sender_and_time_and_comes_back_to_it() {
    let (mut ana, mut ben) = Page::two(&app()).await;
    ana.says(&json!({"type": "say", "text": "Hi", "ref": 7}))
        .await;
    let [own, heard] = [ana.hears("said").await, ben.hears("said").await];
    assert_eq!(own, heard);
    assert_eq!(own["from"]["name"], "Ana");
    assert_eq!((&own["text"], &own["ref"]), (&json!("Hi"), &json!(7)));
    assert!(own["at"].is_u64(), "{own}");

    ben.says(&json!({"type": "typing"})).await;
    assert_eq!(ana.hears("typing").await["from"]["name"], "Ben");
    assert!(ben.socket.receives_nothing().await);

    ben.socket.vanish();
    assert_eq!(ana.hears("left").await["who"]["name"], "Ben");
}

#[tokio::test(start_paused = true)]
async fn a_new_name_is_told_and_a_bad_one_refused() {
    let (mut ana, mut ben) = Page::two(&app()).await;
    ben.says(&json!({"type": "hello", "name": " Benno "})).await;
    assert_eq!(ben.hears("welcome").await["you"]["name"], "Benno");
    assert_eq!(ana.hears("joined").await["who"]["name"], "Benno");
    for name in ["", " ", "a\nb", &"x".repeat(41)] {
        ben.says(&json!({"type": "hello", "name": name})).await;
        ben.hears("refused").await;
    }
    ben.says(&json!({"type": "say", "text": " ", "ref": 3}))
        .await;
    assert_eq!(ben.hears("refused").await["ref"], 3);
    assert!(ana.socket.receives_nothing().await);
}

#[tokio::test(start_paused = true)]
async fn a_file_reaches_the_others_piece_by_piece() {
    let (mut ana, mut ben) = Page::two(&app()).await;
    let offer = json!({"type": "file", "name": "a.txt", "size": 5, "mime": "text/plain", "ref": 1});
    ana.says(&offer).await;
    let [own, heard] = [ana.hears("file").await, ben.hears("file").await];
    assert_eq!(own, heard);
    let file = own["file"].as_str().expect("an id");
    ana.says(&offer).await;
    assert_eq!(
        ana.hears("refused").await["why"],
        "another file is being sent"
    );

    ana.sends(file, b"He").await;
    ana.sends(file, b"llo").await;
    for data in [&b"He"[..], b"llo"] {
        let got: Message = ben.socket.receive().await.expect("a piece");
        assert_eq!(got, piece(file, data));
    }
    let taken = ana.hears("taken").await;
    assert_eq!(taken, json!({"type": "taken", "file": file, "bytes": 5}));

    ana.says(&offer).await;
    let next = ana.hears("file").await;
    assert_ne!(next["file"], file);
    ana.says(&json!({"type": "cancel"})).await;
    ben.hears("file").await;
    assert_eq!(ben.hears("cancelled").await["file"], next["file"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_breaks_the_rules_is_closed() {
    let app = app();
    let mut early = Page::open(&app).await;
    early.says(&json!({"type": "typing"})).await;
    early.is_closed("expected `hello` first").await;

    let (mut lost, _) = Page::of(&app, "Lost").await;
    lost.sends("nothing", b"data").await;
    lost.is_closed("this piece belongs to no accepted file")
        .await;
}

#[tokio::test]
async fn a_rooms_page_is_at_its_address_and_a_bad_name_has_none() {
    let app = app();
    for (path, status) in [
        ("/room/rust-in-lisbon/", 200),
        ("/room/rust-in-lisbon", 308),
        ("/room/a.b/", 404),
        ("/room/a%0Ab", 404),
        ("/static/room.js", 200),
        ("/static/secret.js", 404),
        ("/chat/rust/", 426),
    ] {
        let got = HttpCommunicator::get(&app, path).response().await;
        assert_eq!(got.expect(path).status().as_u16(), status, "{path}");
    }
}
