//! What the processes of this framework send is told to the receiver, and need not be read; what a
//! Django site sends is read. Both come in order, and once.

use channels::{ChannelLayer, RedisChannelLayer};

use super::core;
use crate::inbox::{Inbox, say, send_to_group};
use crate::redis::Redis;
use crate::{until, within};

/// A layer of which messages can be made by hand.
fn json(address: &str) -> RedisChannelLayer {
    core(&format!("{address}?format=json&capacity=10000"))
}

/// The queue of an inbox' process.
fn queue(inbox: &Inbox) -> String {
    let (queue, _) = inbox.name().as_str().split_once('!').expect("two parts");
    format!("asgi{queue}!")
}

/// The bytes of a message for an inbox, without what makes each another one.
fn message(inbox: &Inbox, text: &str) -> String {
    let message = serde_json::json!({
        "type": "chat.message", "text": text, "__asgi_channel__": [inbox.name().as_str()],
    });
    message.to_string()
}

/// Puts messages into the queue of an inbox as a Django site does: nobody is told. They say a letter
/// and a number, and something so long.
async fn put(redis: &Redis, inbox: &Inbox, numbers: std::ops::Range<usize>, length: usize) {
    let script = "for number = ARGV[1], ARGV[2] do
            local time = redis.call('TIME')
            local now = time[1] .. '.' .. string.format('%06d', time[2])
            local text = 'django ' .. string.format('%d', number) .. string.rep(' ', ARGV[4])
            local message = string.gsub(ARGV[3], 'TEXT', text)
            redis.call('ZADD', KEYS[1], now, string.format('%012d', number) .. message)
        end";
    let (first, last) = (numbers.start.to_string(), (numbers.end - 1).to_string());
    let (length, message) = (length.to_string(), message(inbox, "TEXT"));
    let command = [
        "EVAL",
        script,
        "1",
        &queue(inbox),
        &first,
        &last,
        &message,
        &length,
    ];
    assert_eq!(redis.cli(&command).await.trim(), "");
}

#[tokio::test]
async fn what_is_told_is_not_read() {
    let redis = Redis::start().await;
    let layer = json(&redis.address());
    let mut inbox = Inbox::open(&layer, &[]).await;
    let told = format!("123456789012{}", message(&inbox, "told"));
    until("it is heard", async || {
        redis.cli(&["PUBLISH", &queue(&inbox), &told]).await;
        inbox.try_next().is_some()
    })
    .await;
    layer.close().await.expect("it closes");
}

#[tokio::test]
async fn whoever_sends_tells_the_processes_of_this_framework() {
    let redis = Redis::start().await;
    let layer = core(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    let add = [
        "ZADD",
        "asgi:group:g",
        "99999999999",
        "specific.0123!django",
    ];
    assert_eq!(redis.cli(&add).await.trim(), "1");
    for number in 1..=3 {
        send_to_group(&layer, "g", "to all").await.expect("sent");
        let sent = within("a send", layer.send(inbox.name(), say("to one"))).await;
        sent.expect("sent");
        assert_eq!(redis.calls("publish").await, 2 * number);
        for said in ["to all", "to one"] {
            assert_eq!(inbox.said().await, said);
        }
    }
    layer.close().await.expect("it closes");
}

/// While connections are lost all the time, so that the one who listens has missed something.
#[tokio::test]
async fn each_sender_is_heard_in_order_and_once() {
    const EVENTS: usize = 2000;
    let redis = Redis::start().await;
    let receiver = [
        "ACL", "SETUSER", "receiver", "on", ">pass", "~*", "&*", "+@all",
    ];
    assert_eq!(redis.cli(&receiver).await.trim(), "OK");
    let (one, two) = (
        json(&redis.address()),
        json(&format!("receiver:pass@{}", redis.address())),
    );
    let mut inbox = Inbox::open(&two, &["g"]).await;

    let ours = async {
        for number in 0..EVENTS {
            let text = format!("ours {number}");
            send_to_group(&one, "g", &text).await.expect("sent");
        }
    };
    let theirs = async {
        for first in (0..EVENTS).step_by(20) {
            put(&redis, &inbox, first..first + 20, 0).await;
        }
    };
    let kills = async {
        for _ in 0..50 {
            redis.cli(&["CLIENT", "KILL", "USER", "receiver"]).await;
            until("it is back", async || {
                let clients = redis.cli(&["CLIENT", "LIST"]).await;
                clients.contains("user=receiver") && clients.contains("sub=1")
            })
            .await;
        }
    };
    tokio::join!(ours, theirs, kills);

    let (mut ours, mut theirs) = (0, 0);
    while ours + theirs < 2 * EVENTS {
        let text = inbox.said().await;
        let (sender, number) = text.split_once(' ').expect("two words");
        let next = if sender == "ours" {
            &mut ours
        } else {
            &mut theirs
        };
        assert_eq!(number, next.to_string(), "of {sender}");
        *next += 1;
    }
    until("nothing is left", async || {
        redis.cli(&["EXISTS", &queue(&inbox)]).await.trim() == "0"
    })
    .await;
    assert!(inbox.is_empty());
}

/// Topics are those of a server, whatever the database.
#[tokio::test]
async fn two_databases_of_one_server_tell_once() {
    let redis = Redis::start().await;
    let open = |first: u8| {
        let url = |database| format!("redis://{}/{database}", redis.address());
        let mut layer = RedisChannelLayer::builder();
        for database in [first, first + 1] {
            layer = layer.url(&url(database)).expect("a URL");
        }
        layer.build().expect("it is right")
    };
    for first in 0..4 {
        let (one, two) = (open(first), open(first));
        let mut inbox = Inbox::open(&two, &["g"]).await;
        for number in 0..10 {
            let text = number.to_string();
            send_to_group(&one, "g", &text).await.expect("sent");
            let sent = within("a send", one.send(inbox.name(), say(&text))).await;
            sent.expect("sent");
            for _ in 0..2 {
                assert_eq!(inbox.said().await, text);
            }
        }
        assert!(inbox.is_empty());
    }
}

#[tokio::test]
async fn replicas_are_not_told() {
    const LENGTH: usize = 100_000;
    let (redis, replica) = (Redis::start().await, Redis::start().await);
    let port = redis.port.to_string();
    let answer = replica.cli(&["REPLICAOF", "127.0.0.1", &port]).await;
    assert_eq!(answer.trim(), "OK");
    let replication = async || redis.cli(&["INFO", "replication"]).await;
    until("it follows", async || {
        replication().await.contains("state=online")
    })
    .await;
    let offset = async || -> usize {
        let said = replication().await;
        let mut lines = said.lines();
        let offset = lines.find_map(|it| it.strip_prefix("master_repl_offset:"));
        offset
            .expect("it has one")
            .trim()
            .parse()
            .expect("a number")
    };
    let layer = core(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    let before = offset().await;
    let text = "x".repeat(LENGTH);
    send_to_group(&layer, "g", &text).await.expect("sent");
    assert_eq!(inbox.said().await, text);
    until("it is removed", async || {
        redis.cli(&["EXISTS", &queue(&inbox)]).await.trim() == "0"
    })
    .await;
    // It is put into the queue, and is named when it is removed.
    let grown = offset().await - before;
    assert!((2 * LENGTH..3 * LENGTH).contains(&grown), "{grown}");
}

/// Events come while the receiver's runtime does nothing, more than wait to be looked at.
#[tokio::test]
async fn what_is_told_too_fast_is_read() {
    const EVENTS: usize = 3000;
    let redis = Redis::start().await;
    let layer = json(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    for _ in 0..3 {
        let address = redis.address();
        let sender = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let layer = json(&address);
                for number in 0..EVENTS {
                    let text = number.to_string();
                    send_to_group(&layer, "g", &text).await.expect("sent");
                }
            });
        });
        sender.join().expect("no panic");
        for number in 0..EVENTS {
            assert_eq!(inbox.said().await, number.to_string());
        }
    }
    assert!(inbox.is_empty());
}

/// Redis closes the connection of a subscriber for whom too much waits, so much as would be read at once.
#[tokio::test]
async fn more_than_a_subscriber_may_have_waiting_is_read_all_the_same() {
    let redis = Redis::start_with(&["client-output-buffer-limit pubsub 1mb 0 0"]).await;
    let layer = json(&redis.address());
    let mut inbox = Inbox::open(&layer, &[]).await;
    for first in (0..500).step_by(100) {
        let numbers = first..first + 100;
        put(&redis, &inbox, numbers.clone(), 100_000).await;
        for number in numbers {
            assert_eq!(inbox.said().await.trim(), format!("django {number}"));
        }
    }
    within("the end", layer.close()).await.expect("it closes");
}
