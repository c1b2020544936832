//! A membership counts when an event is sent, not when it arrives.

use channels::{ChannelLayer as _, Event};

use super::core;
use crate::inbox::{Inbox, name, say, send_to_group};
use crate::redis::Redis;
use crate::within;

/// What an event says, which no gap does.
fn said(event: &Event) -> String {
    event.to_json().expect("JSON")["text"].to_string()
}

/// The reader of the receiving process gets the events only after the membership has changed: both
/// tasks share a thread.
#[tokio::test]
async fn who_joins_or_leaves_after_a_send_changes_nothing() {
    let redis = Redis::start().await;
    let (sender, receiver) = (core(&redis.address()), core(&redis.address()));
    let mut always = Inbox::open(&receiver, &["g"]).await;
    let mut other = Inbox::open(&receiver, &[]).await;
    for round in 0..300 {
        let (one, two) = (format!("{round} without"), format!("{round} with"));
        send_to_group(&sender, "g", &one).await.expect("sent");
        other.join(&receiver, "g").await.expect("joined");
        send_to_group(&sender, "g", &two).await.expect("sent");
        other.leave(&receiver, "g").await.expect("left");
        assert_eq!(
            [always.said().await, always.said().await],
            [one, two.clone()]
        );
        assert_eq!(other.said().await, two, "round {round}");
        let more = other.try_next();
        assert!(
            more.is_none(),
            "round {round}: {:?}",
            more.map(|it| said(&it))
        );
    }
    sender.close().await.expect("it closes");
    receiver.close().await.expect("it closes");
}

/// The events wait in the queue, since nobody may publish: the reader finds several at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_many_come_and_go() {
    let redis = Redis::start().await;
    let url = format!("{}?capacity=100000", redis.address());
    let (sender, receiver) = (core(&url), core(&url));
    let mut others = Vec::new();
    for _ in 0..20 {
        others.push((Inbox::open(&receiver, &[]).await, Vec::new()));
    }
    let mut last = Inbox::open(&receiver, &["end"]).await;
    for event in 0..400 {
        let at = event % 20;
        let (inbox, expected) = &mut others[at];
        // Each is a member for every second visit's events.
        if (event / 20) % 2 == 0 {
            inbox.join(&receiver, "g").await.expect("joined");
            expected.push(true);
        } else {
            inbox.leave(&receiver, "g").await.expect("left");
            expected.push(false);
        }
        let sent = sender.group_send(name("g"), say(&event.to_string()), None);
        within("a send", sent).await.expect("sent");
    }
    send_to_group(&sender, "end", "end").await.expect("sent");
    last.hears(&["end"]).await;
    for (at, (inbox, changes)) in others.iter_mut().enumerate() {
        let is_member = |event: usize| {
            // The last change of this one up to and with the event.
            let visits = (event + 20 - at) / 20;
            visits > 0 && changes[visits - 1]
        };
        let expected: Vec<_> = (0..400).filter(|it| is_member(*it)).collect();
        let mut got = Vec::new();
        while let Some(event) = inbox.try_next() {
            got.push(
                said(&event)
                    .trim_matches('"')
                    .parse::<usize>()
                    .expect("a number"),
            );
        }
        assert_eq!(got, expected, "channel {at}");
    }
    sender.close().await.expect("it closes");
    receiver.close().await.expect("it closes");
}

/// Who has left gets what was sent before, while its channel is open.
#[tokio::test]
async fn the_left_out_channel_stays_left_out() {
    let redis = Redis::start().await;
    let (sender, receiver) = (core(&redis.address()), core(&redis.address()));
    let mut one = Inbox::open(&receiver, &["g"]).await;
    let mut two = Inbox::open(&receiver, &["g"]).await;
    for round in 0..100 {
        let text = round.to_string();
        let except = two.name().clone();
        let sent = sender.group_send(name("g"), say(&text), Some(&except));
        within("a send", sent).await.expect("sent");
        one.leave(&receiver, "g").await.expect("left");
        two.leave(&receiver, "g").await.expect("left");
        assert_eq!(one.said().await, text);
        assert!(two.is_empty(), "round {round}");
        one.join(&receiver, "g").await.expect("joined");
        two.join(&receiver, "g").await.expect("joined");
    }
    sender.close().await.expect("it closes");
    receiver.close().await.expect("it closes");
}
