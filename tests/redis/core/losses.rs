//! What must not be lost, and must not be left behind, when a part of Redis is away.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use channels::{
    ChannelLayer, ChannelName, Delivered, ErrorKind, Event, Receiver, RedisChannelLayer,
};

use futures_util::FutureExt as _;

use super::core;
use crate::inbox::{Inbox, name, say, send_to_group};
use crate::process::free_port;
use crate::proxy::Proxy;
use crate::redis::Redis;
use crate::{until, within};

/// Kills the connections that wait for something, again and again, until it is dropped; not those of
/// the user `sender`.
fn killer(redis: &Redis) -> impl Drop {
    struct Killer(tokio::task::JoinHandle<()>);
    impl Drop for Killer {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let port = redis.port.to_string();
    // Their flags say that they track what they have read.
    let script = "while :; do redis-cli -p $0 CLIENT LIST | grep -v user=sender | \
                  sed -n 's/^id=\\([0-9]*\\) .* flags=[a-zA-Z]*t.*/CLIENT KILL ID \\1/p' | \
                  redis-cli -p $0 >/dev/null; sleep 0.01; done";
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", script, &port]).kill_on_drop(true);
    let mut shell = shell.spawn().expect("a shell");
    Killer(tokio::spawn(async move {
        let ended = shell.wait().await;
        panic!("it has ended: {ended:?}");
    }))
}

/// The address for a layer that is not killed.
async fn sender(redis: &Redis) -> String {
    let user = [
        "ACL", "SETUSER", "sender", "on", ">pass", "~*", "&*", "+@all",
    ];
    redis.cli(&user).await;
    format!("sender:pass@{}", receiver(redis))
}

fn receiver(redis: &Redis) -> String {
    format!("{}?capacity=100000", redis.address())
}

async fn kills(redis: &Redis) -> u64 {
    redis.calls("client|kill").await
}

#[tokio::test]
async fn a_killed_connection_loses_nothing_and_repeats_nothing() {
    let redis = Redis::start().await;
    let (one, two) = (core(&sender(&redis).await), core(&receiver(&redis)));
    let mut far = Inbox::open(&two, &["g"]).await;
    let killer = killer(&redis);
    let mut sent = 0;
    while kills(&redis).await < 20 {
        for _ in 0..50 {
            send_to_group(&one, "g", &sent.to_string())
                .await
                .expect("nobody kills the sender");
            sent += 1;
        }
    }
    drop(killer);
    for number in 0..sent {
        assert_eq!(far.said().await, number.to_string());
    }
    assert!(far.is_empty());
}

#[tokio::test]
async fn a_killed_connection_loses_no_job_and_repeats_none() {
    let redis = Redis::start().await;
    let sender = core(&sender(&redis).await);
    let open = || core(&receiver(&redis));
    let tasks = ChannelName::new("tasks").expect("a name");
    let (got, mut all) = tokio::sync::mpsc::unbounded_channel();
    let mut workers = Vec::new();
    for _ in 0..3 {
        let (layer, tasks, got) = (open(), tasks.clone(), got.clone());
        workers.push(tokio::spawn(async move {
            loop {
                let event = layer.receive(&tasks).await.expect("it is open");
                let event = event.to_json().expect("JSON");
                got.send(event["text"].as_str().expect("a text").to_owned())
                    .expect("it is read");
            }
        }));
    }
    let killer = killer(&redis);
    let mut sent = 0;
    while kills(&redis).await < 20 {
        for _ in 0..20 {
            within("a send", sender.send(&tasks, say(&sent.to_string())))
                .await
                .expect("nobody kills the sender");
            sent += 1;
        }
    }
    drop(killer);
    let mut seen = BTreeSet::new();
    for _ in 0..sent {
        let job = within("a job", all.recv()).await.expect("more");
        assert!(seen.insert(job), "one came twice");
    }
    for worker in workers {
        worker.abort();
    }
    assert!(all.try_recv().is_err());
}

#[tokio::test]
async fn a_job_that_was_given_back_is_not_lost_with_an_answer() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.address()).await;
    let tasks = ChannelName::new("tasks").expect("a name");
    let others = ChannelName::new("others").expect("a name");
    let has = async |queue: &str| redis.cli(&["EXISTS", queue]).await.trim() == "1";
    // The second time, its process has seen it before.
    // So long that a busy machine gives up no connection that answers: none is made meanwhile.
    let layer = core(&format!("{}?timeout=3", proxy.address()));
    let sender = core(&redis.address());
    within("a send", sender.send(&tasks, say("job")))
        .await
        .expect("sent");
    // It arrives and nobody waits any more, or it does not arrive.
    for is_lost in [false, true, false, true] {
        {
            let mut receive = pin!(layer.receive(&tasks));
            proxy.swallow_answers(is_lost);
            assert!((&mut receive).now_or_never().is_none());
            until("it is taken", async || !has("asgitasks").await).await;
        }
        proxy.swallow_answers(false);
        until("it is given back", async || has("asgitasks").await).await;
        // The layer knows that as well: the answers of a connection come in order.
        within("a send", layer.send(&others, say("x")))
            .await
            .expect("sent");
    }
    let mut receive = pin!(layer.receive(&tasks));
    proxy.swallow_answers(true);
    assert!((&mut receive).now_or_never().is_none());
    until("it is taken", async || !has("asgitasks").await).await;
    proxy.swallow_answers(false);
    let job = within("the job", receive).await.expect("it is open");
    assert_eq!(job.to_json().expect("JSON")["text"], "job");
}

/// What is sent over a connection that is given up may arrive much later.
#[tokio::test]
async fn a_claim_that_is_late_takes_no_job() {
    let redis = Redis::start().await;
    let proxy = Proxy::start(redis.address()).await;
    let tasks = ChannelName::new("tasks").expect("a name");
    // On a busy machine an answer takes a while: the connection that is held has to be the one in use.
    let layer = core(&format!("{}?timeout=3", proxy.address()));
    let sender = core(&redis.address());
    within("a send", sender.send(&tasks, say("one")))
        .await
        .expect("sent");
    within("a job", layer.receive(&tasks)).await.expect("open");
    let jobs = async || redis.cli(&["ZCARD", "asgitasks"]).await;
    {
        let mut receive = pin!(layer.receive(&tasks));
        assert!((&mut receive).now_or_never().is_none());
        until("it waits for the queue", async || {
            let clients = redis.cli(&["CLIENT", "LIST"]).await;
            clients
                .lines()
                .filter(|it| it.contains("cmd=exists"))
                .count()
                == 1
        })
        .await;
        proxy.hold();
        within("a send", sender.send(&tasks, say("two")))
            .await
            .expect("sent");
        // It looks by itself after a while, waits for the answer, and then asks over a new connection.
        until("it is taken", async || jobs().await.trim() == "0").await;
    }
    until("it is given back", async || jobs().await.trim() == "1").await;
    let evals = redis.calls("eval").await;
    proxy.let_go();
    until("it comes late", async || redis.calls("eval").await > evals).await;
    assert_eq!(jobs().await.trim(), "1");
}

/// Which of three hosts has a name: as `channels_redis` does it.
fn host_of(name: &str) -> usize {
    let mut crc = u32::MAX;
    for byte in name.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1));
        }
    }
    ((!crc & 0xfff) * 3 / 4096) as usize
}

fn host_of_queue(inbox: &Inbox) -> usize {
    let (queue, _) = inbox.name().as_str().split_once('!').expect("two parts");
    host_of(&format!("{queue}!"))
}

/// A layer whose queue is not at the first host, which may be away.
async fn with_a_queue_elsewhere(url: &str) -> (RedisChannelLayer, Inbox) {
    let found = async {
        loop {
            let layer = RedisChannelLayer::open(url).expect("a URL");
            // It has no channels if its queue's host is away.
            if layer.new_channel(Arc::new(Nobody)).await.is_err() {
                continue;
            }
            let inbox = Inbox::open(&layer, &[]).await;
            if host_of_queue(&inbox) != 0 {
                return (layer, inbox);
            }
        }
    };
    within("one of a few", found).await
}

pub(super) struct Nobody;

impl Receiver for Nobody {
    fn deliver(&self, _event: &Event) -> Delivered {
        Delivered::Queued
    }
}

fn group_at(host: usize) -> String {
    let mut groups = (0..).map(|number| format!("g{number}"));
    groups.find(|it| host_of(it) == host).expect("one of many")
}

#[tokio::test]
async fn a_host_that_is_away_makes_nobody_dead_at_the_others() {
    let servers = [
        Redis::start().await,
        Redis::start().await,
        Redis::start().await,
    ];
    let [first, second, third] = servers.each_ref().map(Redis::address);
    let nowhere = format!("127.0.0.1:{}", free_port());
    let url = format!("redis://{nowhere},{second},{third}?timeout=0.2");
    let (two, mut far) = with_a_queue_elsewhere(&url).await;
    let one = core(&format!("{first},{second},{third}"));
    for host in [1, 2] {
        let group = group_at(host);
        far.join(&two, &group).await.expect("it is there");
        let sent = within("a send", one.group_send(name(&group), say("x"), None)).await;
        assert_eq!(sent.expect("sent").matched, 1);
        far.hears(&["x"]).await;
    }
    let error = far.join(&two, &group_at(0)).await.expect_err("it is away");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_group_send_reaches_the_hosts_that_are_there() {
    let mut servers = [
        Redis::start().await,
        Redis::start().await,
        Redis::start().await,
    ];
    let addresses = servers.each_ref().map(Redis::address).join(",");
    let url = format!("redis://{addresses}?timeout=0.2");
    let group = group_at(2);
    let mut members = Vec::new();
    // Until there is one at each host.
    while (0..3).any(|host| {
        !members
            .iter()
            .any(|(_, inbox)| host_of_queue(inbox) == host)
    }) {
        let layer = RedisChannelLayer::open(&url).expect("a URL");
        let inbox = Inbox::open(&layer, &[&group]).await;
        members.push((layer, inbox));
    }
    servers[0].stop().await;
    let error = send_to_group(&core(&format!("{addresses}?timeout=0.2")), &group, "x")
        .await
        .expect_err("one host is away");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    error.into_unsent::<Event>().expect("it comes back");
    for (_, inbox) in &mut members {
        if host_of_queue(inbox) != 0 {
            inbox.hears(&["x"]).await;
        }
    }
    // Nor does it keep those who close from clearing the others.
    for (layer, _) in &members {
        within("a close", layer.close()).await.expect("closed");
    }
    for server in &servers[1..] {
        assert_eq!(server.cli(&["KEYS", "*group*"]).await.trim(), "");
        let alive = server.cli(&["KEYS", "*:alive"]).await;
        assert_eq!(alive.trim(), "");
    }
}

#[tokio::test]
async fn a_join_that_failed_leaves_no_member() {
    let redis = Redis::start().await;
    let layer = core(&format!("{}?timeout=0.5", redis.address()));
    let inbox = Inbox::open(&layer, &[]).await;
    redis.signal("STOP");
    let error = inbox.join(&layer, "g").await.expect_err("it sleeps");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    redis.signal("CONT");
    until("it was executed", async || redis.calls("zadd").await > 0).await;
    until("it is taken out", async || {
        redis.cli(&["EXISTS", "asgi:group:g"]).await.trim() == "0"
    })
    .await;
    // Later joins are others.
    inbox.join(&layer, "g").await.expect("joined");
    assert_eq!(redis.cli(&["ZCARD", "asgi:group:g"]).await.trim(), "1");
}

#[tokio::test]
async fn a_leave_that_failed_happens_later() {
    let redis = Redis::start().await;
    let layer = core(&format!("{}?timeout=0.2", redis.address()));
    let inbox = Inbox::open(&layer, &["g"]).await;
    redis.cli(&["RENAME", "asgi:group:g", "aside"]).await;
    redis.cli(&["SET", "asgi:group:g", "no set"]).await;
    inbox.leave(&layer, "g").await.expect_err("no set");
    redis.cli(&["RENAME", "aside", "asgi:group:g"]).await;
    until("it is taken out", async || {
        redis.cli(&["EXISTS", "asgi:group:g"]).await.trim() == "0"
    })
    .await;
}

#[tokio::test]
async fn memberships_are_renewed_before_they_expire() {
    let redis = Redis::start().await;
    let layer = core(&format!("{}?group_expiry=1", redis.address()));
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sent = within("a send", layer.group_send(name("g"), say("x"), None)).await;
        assert_eq!(sent.expect("sent").matched, 1);
        inbox.hears(&["x"]).await;
    }
}

#[tokio::test]
async fn a_member_that_is_no_text_harms_nobody() {
    let redis = Redis::start().await;
    let layer = core(&redis.address());
    let mut inbox = Inbox::open(&layer, &["g"]).await;
    let add = r"return redis.call('ZADD', KEYS[1], 99999999999, '\255\254')";
    assert_eq!(
        redis.cli(&["EVAL", add, "1", "asgi:group:g"]).await.trim(),
        "1"
    );
    let sent = within("a send", layer.group_send(name("g"), say("x"), None)).await;
    assert_eq!(sent.expect("sent").matched, 1);
    inbox.hears(&["x"]).await;
}
