//! A process with a real layer of `channels_redis`.

use std::process::Stdio;

use channels::ChannelName;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::within;

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django/.venv/bin/python");
const PEER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis/peer.py");

pub(crate) const PUBSUB: &str = "channels_redis.pubsub.RedisPubSubChannelLayer";

/// It ends with this value, and with this process: then its input ends.
pub(crate) struct Peer {
    channel: ChannelName,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    got: Vec<Value>,
    _process: Child,
}

impl Peer {
    /// Starts one with a layer by its class and options.
    pub(crate) async fn start(class: &str, options: &Value) -> Self {
        Self::start_at(0, class, options).await
    }

    /// With a clock that is wrong by so many seconds.
    pub(crate) async fn start_at(skew: i64, class: &str, options: &Value) -> Self {
        let mut command = Command::new(PYTHON);
        command.args([PEER, class, &options.to_string(), &skew.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.kill_on_drop(true).spawn().unwrap_or_else(|error| {
            panic!("{error}: the tests need tests/django/.venv, which tools/test makes")
        });
        let stdin = process.stdin.take().expect("it is piped");
        let stdout = process.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let ready = next(&mut lines).await;
        let channel = ready["ready"].as_str().expect("a name");
        Self {
            channel: ChannelName::new(channel).expect("ours take it"),
            stdin,
            lines,
            got: Vec::new(),
            _process: process,
        }
    }

    /// The channel that it has.
    pub(crate) fn channel(&self) -> &ChannelName {
        &self.channel
    }

    /// Makes that channel a member of a group.
    pub(crate) async fn join(&mut self, group: &str) {
        self.call(json!(["group_add", group, null])).await;
    }

    pub(crate) async fn group_send(&mut self, group: &str, message: Value) {
        self.call(json!(["group_send", group, message])).await;
    }

    pub(crate) async fn send(&mut self, channel: &ChannelName, message: Value) {
        self.call(json!(["send", channel, message])).await;
    }

    async fn call(&mut self, call: Value) {
        let line = format!("{call}\n");
        let written = self.stdin.write_all(line.as_bytes()).await;
        written.expect("it reads");
        loop {
            let said = next(&mut self.lines).await;
            if said.get("done").is_some() {
                return;
            }
            self.got.push(said["got"].clone());
        }
    }

    /// The next so many messages that it gets.
    pub(crate) async fn next(&mut self, count: usize) -> Vec<Value> {
        while self.got.len() < count {
            let said = next(&mut self.lines).await;
            self.got.push(said["got"].clone());
        }
        self.got.drain(..count).collect()
    }

    /// Fails unless the next so many messages say this, in any order.
    pub(crate) async fn hears(&mut self, all: &[&str]) {
        let messages = self.next(all.len()).await;
        let mut said: Vec<_> = messages.iter().map(|it| it["text"].as_str()).collect();
        said.sort_unstable();
        assert_eq!(said, all.iter().map(|&text| Some(text)).collect::<Vec<_>>());
    }
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = within("a line of the peer", lines.next_line()).await;
    let line = line.expect("it is UTF-8").expect("the peer has not ended");
    serde_json::from_str(&line).expect("JSON")
}
