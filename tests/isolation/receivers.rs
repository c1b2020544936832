//! Receivers of a layer, which may be a program's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use channels::prelude::*;
use channels::{ChannelLayer, Delivered, GroupName, Receiver};

use crate::bench::{OnDrop, keep_log, on_threads, was_logged};
use crate::support::within;

#[derive(Default)]
struct Counts(AtomicUsize);

impl Receiver for Counts {
    fn deliver(&self, _event: &Event) -> Delivered {
        self.0.fetch_add(1, Ordering::Relaxed);
        Delivered::Queued
    }
}

struct Panics;

impl Receiver for Panics {
    fn deliver(&self, _event: &Event) -> Delivered {
        panic!("the receiver panics")
    }
}

#[test]
fn a_receiver_that_panics_keeps_the_event_from_nobody_else() {
    on_threads(async {
        keep_log();
        let layer = InMemoryChannelLayer::new();
        let group = GroupName::new("g").expect("a name");
        let counts = Arc::new(Counts::default());
        let panics = within(layer.new_channel(Arc::new(Panics)))
            .await
            .expect("a channel");
        let near = within(layer.new_channel(counts.clone()))
            .await
            .expect("a channel");
        for channel in [&panics, &near] {
            layer
                .group_add(group, channel.name())
                .await
                .expect("a member");
        }
        for sent in 1..=3 {
            let event = Event::new("some.event", ()).expect("an event");
            let delivery = within(layer.group_send(group, event, None))
                .await
                .expect("sent");
            assert_eq!(
                (delivery.matched, delivery.queued, delivery.dropped),
                (2, 1, 1)
            );
            assert_eq!(counts.0.load(Ordering::Relaxed), sent);
        }
        assert!(was_logged(&[
            "ERROR",
            "a receiver of a channel panicked",
            "the receiver panics"
        ]));
    });
}

#[test]
fn a_receiver_that_uses_its_layer_when_it_is_dropped_freezes_nobody() {
    struct Holder(#[expect(dead_code, reason = "for its `Drop`")] OnDrop);

    impl Receiver for Holder {
        fn deliver(&self, _event: &Event) -> Delivered {
            Delivered::Queued
        }
    }

    on_threads(async {
        let layer = InMemoryChannelLayer::new();
        let group = GroupName::new("g").expect("a name");
        let used = layer.clone();
        let on_drop = OnDrop::call(move || {
            assert_eq!(used.channel_count(), 0);
            assert_eq!(used.group_count(), 0);
        });
        let channel = within(layer.new_channel(Arc::new(Holder(on_drop))))
            .await
            .expect("a channel");
        layer
            .group_add(group, channel.name())
            .await
            .expect("a member");
        drop(channel);
        assert_eq!(layer.channel_count(), 0);
    });
}
