//! The command, against a real Redis.

#[path = "../../tests/support/process.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod process;
#[path = "../../tests/support/redis.rs"]
mod redis;

use std::future::Future;
use std::process::{Output, Stdio};
use std::time::Duration;

use channels::{ChannelLayer as _, ChannelName, RedisChannelLayer};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// The longest that anything takes, on a machine that has much else to do.
const DEADLINE: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("the deadline for {what}"))
}

async fn channels(layer: &str, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_channels"));
    command.args(arguments).env("CHANNEL_LAYERS", layer);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.kill_on_drop(true).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin
        .write_all(input.as_bytes())
        .await
        .expect("it reads, or has ended");
    drop(stdin);
    within("the command", child.wait_with_output())
        .await
        .expect("it runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn what_is_sent_arrives() {
    let server = redis::Redis::start().await;
    let url = format!("redis://{}", server.address());
    let layer = RedisChannelLayer::open(&url).expect("a URL");
    let tasks = ChannelName::new("tasks").expect("a name");
    for (arguments, input) in [
        (
            [
                "send",
                "tasks",
                r#"{"type": "task.run", "text": "by hand"}"#,
            ],
            "",
        ),
        (
            ["send", "tasks", "-"],
            r#"{"type": "task.run", "text": "by hand"}"#,
        ),
    ] {
        let output = channels(&url, &arguments, input).await;
        assert!(output.status.success(), "{}", said(&output));
        let event = within("the event", layer.receive(&tasks))
            .await
            .expect("an event");
        assert_eq!(event.to_json().expect("JSON")["text"], "by hand");
    }
    let output = channels(&url, &["send-group", "g", r#"{"type": "a.b"}"#], "").await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("sent to the group `g`"));
}

#[tokio::test]
async fn a_layer_with_a_password_comes_from_a_file() {
    let server = redis::Redis::start_with(&["requirepass secret"]).await;
    let url = format!("redis://:secret@{}", server.address());
    let file = server.folder().path().join("layer");
    std::fs::write(&file, format!("{url}\n")).expect("written");
    let file = file.display().to_string();
    let event = r#"{"type": "a.b"}"#;
    for (option, value, warns) in [("--layer-file", &file, false), ("--layer", &url, true)] {
        let output = channels("", &["send-group", "g", event, option, value], "").await;
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output).contains("process list"), warns, "{option}");
        assert!(!said(&output).contains("secret@"), "{}", said(&output));
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_told() {
    let nowhere = "redis://127.0.0.1:1?timeout=0.2";
    for (layer, arguments, code, says) in [
        (nowhere, ["send-group", "g", "{type"], 1, "no JSON"),
        (nowhere, ["send-group", "g", "[]"], 1, "event"),
        (nowhere, ["send-group", "g", r#"{"text": 1}"#], 1, "`type`"),
        (nowhere, ["send-group", "g", r#"{"type": "_x"}"#], 1, "`_x`"),
        (
            nowhere,
            ["send", "two words", r#"{"type": "a.b"}"#],
            1,
            "no channel name",
        ),
        (
            nowhere,
            ["send-group", "g", r#"{"type": "a.b"}"#],
            1,
            "cannot be reached",
        ),
        (
            "rediss",
            ["send-group", "g", r#"{"type": "a.b"}"#],
            1,
            "expected a URL of a known scheme",
        ),
        ("memory://", ["send-group", "g", "{}"], 2, "one process"),
        (nowhere, ["shout", "g", "{}"], 2, "usage"),
    ] {
        let output = channels(layer, &arguments, "").await;
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?}: {}",
            said(&output)
        );
        assert!(
            said(&output).contains(says),
            "{arguments:?}: {}",
            said(&output)
        );
    }
}

#[tokio::test]
async fn help_is_no_mistake() {
    let output = channels("", &["--help"], "").await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.starts_with("usage: channels send-group"), "{shown}");
    assert_eq!(said(&output), "");
}
