use serde_json::json;

use super::*;

fn event(event_type: &str, number: u32) -> Event {
    Event::new(event_type, json!({ "number": number })).expect("an event")
}

fn mailbox(capacity: usize, overflow: Overflow, limits: &Limits) -> Mailbox {
    let options = Options {
        mailbox: capacity,
        overflow,
        ..Options::new()
    };
    Mailbox::new(&options, limits, Arc::default())
}

fn push(mailbox: &mut Mailbox, event_type: &str, number: u32) -> Pushed {
    let event = event(event_type, number);
    mailbox.push(&Arriving::new(&event, None)).pushed
}

fn drain(mailbox: &mut Mailbox) -> Vec<u64> {
    std::iter::from_fn(|| mailbox.pop())
        .map(|event| {
            event.to_json().expect("json")["number"]
                .as_u64()
                .expect("number")
        })
        .collect()
}

#[test]
fn each_policy_keeps_what_it_says() {
    let cases = [
        (Overflow::DropNewest, Pushed::DroppedNewest, vec![1, 2]),
        (Overflow::DropOldest, Pushed::DroppedOldest, vec![2, 3]),
        (Overflow::Close, Pushed::MustClose, vec![1, 2]),
        (Overflow::Coalesce, Pushed::Coalesced, vec![2, 3]),
    ];
    for (overflow, pushed, left) in cases {
        let mut mailbox = mailbox(2, overflow, &Limits::default());
        assert_eq!(push(&mut mailbox, "same.type", 1), Pushed::Queued);
        assert_eq!(push(&mut mailbox, "other.type", 2), Pushed::Queued);
        assert_eq!(push(&mut mailbox, "same.type", 3), pushed, "{overflow:?}");
        assert_eq!(drain(&mut mailbox), left, "{overflow:?}");
    }
}

#[test]
fn without_an_event_of_its_key_the_oldest_makes_room() {
    let mut mailbox = mailbox(1, Overflow::Coalesce, &Limits::default());
    push(&mut mailbox, "one.type", 1);
    assert_eq!(push(&mut mailbox, "other.type", 2), Pushed::DroppedOldest);
    assert_eq!(drain(&mut mailbox), [2]);
}

#[test]
fn the_memory_of_the_events_is_bounded() {
    let small = event("small.type", 1).weight();
    let limits = Limits {
        mailbox_bytes: 10_000 + 2 * small,
        ..Limits::default()
    };
    let large = Event::new("large.type", json!({ "text": "x".repeat(9_500) }));
    let large = large.expect("an event");
    for (overflow, pushed, left) in [
        (Overflow::DropNewest, Pushed::DroppedNewest, 1),
        (Overflow::Close, Pushed::MustClose, 1),
        (Overflow::DropOldest, Pushed::DroppedOldest, 1),
        (Overflow::Coalesce, Pushed::Coalesced, 1),
    ] {
        let mut mailbox = mailbox(100, overflow, &limits);
        let mut push_large = || mailbox.push(&Arriving::new(&large, None));
        assert_eq!(push_large().pushed, Pushed::Queued);
        assert_eq!(push_large().pushed, pushed, "{overflow:?}");
        assert_eq!(mailbox.events.len(), left, "{overflow:?}");
        assert_eq!(mailbox.weight, large.weight(), "{overflow:?}");
        // What is small still fits.
        assert_eq!(push(&mut mailbox, "small.type", 1), Pushed::Queued);
        while mailbox.pop().is_some() {}
        assert_eq!(mailbox.weight, 0);
    }
}

#[test]
fn several_old_events_make_room_for_a_large_one() {
    let small = event("small.type", 1).weight();
    let limits = Limits {
        mailbox_bytes: 10 * small,
        ..Limits::default()
    };
    let large = Event::new("large.type", json!({ "text": "x".repeat(8 * small) }));
    let large = large.expect("an event");
    let mut mailbox = mailbox(100, Overflow::DropOldest, &limits);
    for number in 0..10 {
        assert_eq!(push(&mut mailbox, "small.type", number), Pushed::Queued);
    }
    let outcome = mailbox.push(&Arriving::new(&large, None));
    assert_eq!(outcome.pushed, Pushed::DroppedOldest);
    let removed = outcome.removed.0.len();
    assert!(removed >= 8, "{removed}");
    assert!(mailbox.weight <= limits.mailbox_bytes);
}

#[test]
fn without_memory_only_one_event_waits() {
    let stats = Arc::new(Stats::default());
    stats.memory().set_limit(0);
    let mut mailbox = Mailbox::new(&Options::new(), &Limits::default(), Arc::clone(&stats));
    assert_eq!(push(&mut mailbox, "a.b", 1), Pushed::Queued);
    let event = event("a.b", 2);
    let outcome = mailbox.push(&Arriving::new(&event, None));
    let pushed = outcome.report(&stats, "a consumer", &event);
    assert_eq!(pushed, Pushed::DroppedNewest);
    assert_eq!(stats.memory().refusals(), 1);
}

#[test]
fn without_memory_one_old_event_makes_room_for_one_new() {
    let stats = Arc::new(Stats::default());
    let options = Options {
        overflow: Overflow::DropOldest,
        ..Options::new()
    };
    let mut mailbox = Mailbox::new(&options, &Limits::default(), Arc::clone(&stats));
    for number in 0..50 {
        assert_eq!(push(&mut mailbox, "a.b", number), Pushed::Queued);
    }
    stats.memory().set_limit(0);
    assert_eq!(push(&mut mailbox, "a.b", 50), Pushed::DroppedOldest);
    assert_eq!(mailbox.events.len(), 50);
}
