//! The chat in a real browser: Debian's Chromium, driven by its own driver.
//!
//! Each test has a chat of its own on a free port, and two people whose browsers know nothing of
//! each other. A browser that is missing fails the tests. What a page shows is waited for.

#[path = "../support/example.rs"]
mod example;
mod pages;
#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod process;
mod server;
#[path = "../support/window.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod window;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use channels_runtime::testing::WebsocketCommunicator;
use channels_runtime::{Bytes, Message};
use serde_json::json;

use crate::pages::now;
use crate::server::Chat;
use crate::window::{Browsers, Window};

/// The longest that anything takes, on a machine that has much else to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// Fails a test that waits for what does not come.
async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("the deadline for {what}"))
}

/// A chat, and the windows of two people.
struct Stage {
    chat: Chat,
    ana: Window,
    ben: Window,
    browsers: Browsers,
}

impl Stage {
    /// Two windows, and the chat rooms.
    async fn set() -> Self {
        Self::with(Chat::start().await).await
    }

    /// Two windows, both in the lobby.
    async fn in_the_lobby() -> Self {
        let stage = Self::with(Chat::start_lobby().await).await;
        stage.ana.enters_the_lobby(&stage.chat).await;
        stage.ben.enters_the_lobby(&stage.chat).await;
        stage
    }

    async fn with(chat: Chat) -> Self {
        let browsers = Browsers::start().await;
        let (ana, ben) = tokio::join!(browsers.window("Ana"), browsers.window("Ben"));
        Self {
            chat,
            ana,
            ben,
            browsers,
        }
    }

    /// Both are in a room, and see each other.
    async fn in_a_room() -> Self {
        let stage = Self::set().await;
        let Self { chat, ana, ben, .. } = &stage;
        ana.enters(chat, "rust", "Ana").await;
        ben.enters(chat, "rust", "Ben").await;
        stage.together().await;
        stage
    }

    async fn together(&self) {
        self.ana.sees(&["Ana", "Ben"]).await;
        self.ben.sees(&["Ben", "Ana"]).await;
    }
}

#[tokio::test]
async fn two_windows_chat_in_the_lobby() {
    let Stage { ana, ben, .. } = &Stage::in_the_lobby().await;

    let before = now();
    ana.says("Is anybody here?").await;
    for window in [ana, ben] {
        let entry = window.reads("Is anybody here?").await;
        let at = entry["at"].as_u64().expect("a time");
        assert!((before..=now()).contains(&at), "{entry}");
    }
    ben.says("Só eu. 🦀").await;
    for window in [ana, ben] {
        window.reads("Só eu. 🦀").await;
    }
    let left_to_say = ben
        .run("return document.getElementById('text').value")
        .await;
    assert_eq!(left_to_say, "");
}

#[tokio::test]
async fn two_windows_chat_in_a_room() {
    let Stage { chat, ana, ben, .. } = &Stage::set().await;
    ana.open(&chat.url("/")).await;
    ana.types("#room", "Rust in Lisbon").await;
    ana.types("#name", "Ana\n").await;
    ana.reads_notice("You joined as Ana.").await;
    assert_eq!(ana.run("return document.title").await, "#rust-in-lisbon");
    ben.enters(chat, "rust-in-lisbon", "Ben").await;
    ana.reads_notice("Ben joined.").await;
    ana.sees(&["Ana", "Ben"]).await;
    ben.sees(&["Ben", "Ana"]).await;

    ana.notes_typing().await;
    ben.notes_typing().await;
    ana.types("#text", "Hello, ").await;
    ben.read_below("Ana is typing…").await;
    let before = now();
    ana.types("#text", "Ben!\n").await;
    ben.reads_from("Ana", "Hello, Ben!", before).await;
    ana.reads_from("You", "Hello, Ben!", before).await;
    ben.reads_nothing_below().await;
    let notices = ana.run("return notices").await;
    assert_eq!(notices, json!([]), "a notice of one's own");

    let before = now();
    ben.says("Hello, Ana!").await;
    ana.reads_from("Ben", "Hello, Ana!", before).await;

    ben.open(&chat.url("/")).await;
    ana.reads_notice("Ben left.").await;
    ana.sees(&["Ana"]).await;
    ben.goes_back().await;
    ana.sees(&["Ana", "Ben"]).await;
    ben.says("Here I am again.").await;
    ana.reads("Here I am again.").await;
}

#[tokio::test]
async fn a_file_arrives_byte_for_byte() {
    let stage = Stage::in_a_room().await;
    let Stage { ana, ben, .. } = &stage;
    let bytes = noise(5_000_000);
    let path = stage.browsers.file("noise é.bin", &bytes);

    ben.run(WATCH_PROGRESS).await;
    ana.types("#files", text(&path)).await;
    for window in [ana, ben] {
        let file = window.sees_file("done").await;
        assert_eq!(file["name"], "noise é.bin");
        assert_eq!(file["status"], "5.0 MB");
    }
    let seen = ben.run("return watched.size").await;
    assert!(seen.as_u64().expect("a number") > 1, "no progress was seen");

    ben.clicks("#log .file a").await;
    let saved = ben.downloads.join("noise é.bin");
    let length = || std::fs::metadata(&saved).map_or(0, |file| file.len());
    within("the download", async {
        while length() < 5_000_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let arrived = std::fs::read(&saved).expect("the file");
    assert!(arrived == bytes, "the file is not the one that was sent");

    ana.says("Did you get it?").await;
    ben.reads("Did you get it?").await;
}

#[tokio::test]
async fn a_member_who_does_not_read_slows_the_sender_down() {
    let stage = Stage::in_a_room().await;
    let Stage { chat, ana, ben, .. } = &stage;
    let mut slow = WebsocketCommunicator::at(chat.address(), "/chat/rust/");
    slow.connect().await.expect("a member");
    let hello = json!({"type": "hello", "name": "Slow"});
    slow.send_json(&hello).await.expect("a connection");
    ana.sees(&["Ana", "Ben", "Slow"]).await;

    let bytes = noise(19_000_000);
    let path = stage.browsers.file("noise.bin", &bytes);
    ana.types("#files", text(&path)).await;
    let bar = "document.querySelector('#log progress')";
    let moving = format!("{bar} && {bar}.value > 0 && {bar}.max - {bar}.value");
    let left = ana.until("some of it has gone", &moving).await;
    assert!(left.as_u64().expect("a number") > 0, "nobody waited");
    ana.sees_file("moving").await;
    ben.sees_file("moving").await;

    let mut got = 0;
    while got < bytes.len() {
        let Message::Binary(piece) = slow.receive().await.expect("a message") else {
            continue;
        };
        let data = data(&piece);
        assert!(bytes[got..].starts_with(data), "not what comes at {got}");
        got += data.len();
    }
    ana.sees_file("done").await;
    ben.sees_file("done").await;
}

#[tokio::test]
async fn windows_come_back_when_the_server_does() {
    let mut stage = Stage::in_a_room().await;
    stage.chat.stop().await;
    stage.ana.reads_how_it_closed(RESTART).await;
    stage.ben.reads_how_it_closed(RESTART).await;
    // What is said meanwhile waits.
    stage.ana.says("Are you still there?").await;
    let waits = "document.querySelector('.message .status')?.textContent === \
        'waits for the connection'";
    stage.ana.until("the message waits", waits).await;

    let before = now();
    stage.chat.start_again().await;
    stage.together().await;
    let Stage { ana, ben, .. } = &stage;
    for window in [ana, ben] {
        window.is_connected().await;
        window.reads_notice("You are back.").await;
    }
    ana.reads_from("You", "Are you still there?", before).await;
    ben.says("Here I am.").await;
    ana.reads_from("Ben", "Here I am.", before).await;
}

const MARKUP: &str = "<script>ran = true</script><img src=x onerror='ran = true'> &amp; <b>";

#[tokio::test]
async fn markup_stays_text_in_the_lobby() {
    let Stage { ana, ben, .. } = &Stage::in_the_lobby().await;
    ana.says(MARKUP).await;
    nothing_ran([ana, ben], MARKUP).await;
}

#[tokio::test]
async fn the_lobby_reconnects_when_the_server_restarts() {
    let mut stage = Stage::in_the_lobby().await;
    stage.chat.stop().await;
    for window in [&stage.ana, &stage.ben] {
        window.state_is(RESTART).await;
    }
    stage.chat.start_again().await;
    for window in [&stage.ana, &stage.ben] {
        window.state_is("connected").await;
    }
    stage.ana.says("Back again.").await;
    stage.ben.reads("Back again.").await;
}

#[tokio::test]
async fn markup_stays_text_in_a_room() {
    let stage = Stage::set().await;
    let Stage { chat, ana, ben, .. } = &stage;
    let name = "<img src=x onerror='ran = true'>";
    ana.enters(chat, "rust", name).await;
    ben.enters(chat, "rust", "<b>Ben</b>").await;
    ben.reads_notice("You joined as <b>Ben</b>.").await;
    ben.sees(&["<b>Ben</b>", name]).await;
    ben.notes_typing().await;
    ana.types("#text", "soon").await;
    ben.read_below(&format!("{name} is typing…")).await;
    let path = stage.browsers.file(
        "<img onerror='ran = true'>.html",
        b"<script>ran = true</script>",
    );
    ana.types("#files", text(&path)).await;
    let file = ben.sees_file("done").await;
    assert_eq!(file["name"], "<img onerror='ran = true'>.html");
    ana.types("#text", &format!("er or later {MARKUP}\n")).await;
    nothing_ran([ana, ben], &format!("sooner or later {MARKUP}")).await;
}

/// All of them read the text, and nothing in it became an element or ran.
async fn nothing_ran(windows: [&Window; 2], text: &str) {
    for window in windows {
        window.reads(text).await;
        let state =
            "return [typeof ran, document.querySelectorAll('body :is(script, img, b)').length]";
        let seen = window.run(state).await;
        assert_eq!(seen, json!(["undefined", 0]), "{text}");
    }
}

#[tokio::test]
async fn the_state_tells_how_the_connection_ended() {
    let mut stage = Stage::set().await;
    stage.ana.enters(&stage.chat, "lisbon", "Ana").await;
    stage.ben.enters(&stage.chat, "rust", "Ben").await;
    for window in [&stage.ana, &stage.ben] {
        window.is_connected().await;
    }

    stage.chat.stop().await;
    for window in [&stage.ana, &stage.ben] {
        window.reads_how_it_closed(RESTART).await;
        window.state_is("closed").await;
    }
    stage.ben.sees(&["Ben"]).await;
    stage.chat.start_again().await;
    for window in [&stage.ana, &stage.ben] {
        window.is_connected().await;
    }

    stage.chat.kill().await;
    for window in [&stage.ana, &stage.ben] {
        window.reads_how_it_closed("1006 connection lost").await;
        window.state_is("closed").await;
    }
}

#[test]
fn a_missing_browser_is_told() {
    let missing = process::find("no-such-browser", "its-package").expect_err("there is none");
    assert!(missing.contains("apt-get install its-package"), "{missing}");
}

/// How a page calls the end of a server that was stopped.
const RESTART: &str = "1012 service restart: the server restarts";

/// Notes in `watched` which values progress bars of the page get.
const WATCH_PROGRESS: &str = r#"
    window.watched = new Set();
    const note = () => document.querySelectorAll("progress").forEach((bar) => watched.add(bar.value));
    new MutationObserver(note).observe(document.body, {
        subtree: true, childList: true, attributeFilter: ["value"],
    });
"#;

/// Bytes without a pattern, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}

/// What is in a piece of a file: behind one byte n, and n bytes of the file's id.
fn data(piece: &Bytes) -> &[u8] {
    &piece[1 + usize::from(piece[0])..]
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of this test")
}
