//! A channel as tests have it: what comes waits to be looked at.

use std::sync::Arc;

use channels::{Channel, ChannelLayer, ChannelName, Delivered, Event, GroupName, Receiver, Result};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::within;

pub(crate) struct Inbox {
    channel: Channel,
    events: mpsc::UnboundedReceiver<Event>,
}

struct Ear(mpsc::UnboundedSender<Event>);

impl Receiver for Ear {
    fn deliver(&self, event: &Event) -> Delivered {
        match self.0.send(event.clone()) {
            Ok(()) => Delivered::Queued,
            Err(_) => Delivered::Closed,
        }
    }
}

impl Inbox {
    /// Opens a channel, and makes it a member of groups.
    pub(crate) async fn open(layer: &dyn ChannelLayer, groups: &[&str]) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let channel = within("a channel", layer.new_channel(Arc::new(Ear(sender)))).await;
        let inbox = Self {
            channel: channel.expect("Redis is there"),
            events,
        };
        for group in groups {
            inbox.join(layer, group).await.expect("Redis is there");
        }
        inbox
    }

    pub(crate) fn name(&self) -> &ChannelName {
        self.channel.name()
    }

    pub(crate) async fn join(&self, layer: &dyn ChannelLayer, group: &str) -> Result {
        within("a join", layer.group_add(name(group), self.name())).await
    }

    pub(crate) async fn leave(&self, layer: &dyn ChannelLayer, group: &str) -> Result {
        within("a leave", layer.group_discard(name(group), self.name())).await
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Event {
        let next = within("an event", self.events.recv()).await;
        next.expect("the channel holds the other end")
    }

    /// What the next event says.
    pub(crate) async fn said(&mut self) -> String {
        let event = self.next().await.to_json().expect("JSON");
        event["text"]
            .as_str()
            .unwrap_or_else(|| panic!("{event}"))
            .to_owned()
    }

    /// What the next event says, or nothing if it tells of a gap.
    pub(crate) async fn said_or_gap(&mut self) -> Option<String> {
        let event = self.next().await.to_json().expect("JSON");
        event["text"].as_str().map(str::to_owned)
    }

    /// Fails unless the next so many events say this, in any order.
    pub(crate) async fn hears(&mut self, all: &[&str]) {
        let mut said = Vec::new();
        for _ in all {
            said.push(self.said().await);
        }
        said.sort();
        assert_eq!(said, all);
    }

    /// What has come already.
    pub(crate) fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Fails if something has come.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.try_next().is_none()
    }
}

pub(crate) fn name(group: &str) -> GroupName<'_> {
    GroupName::new(group).expect("a name")
}

pub(crate) fn say(text: &str) -> Event {
    Event::from_json(message(text)).expect("an event")
}

/// The same as a Django site sends it.
pub(crate) fn message(text: &str) -> Value {
    json!({ "type": "chat.message", "text": text })
}

pub(crate) async fn send_to_group(layer: &dyn ChannelLayer, group: &str, text: &str) -> Result {
    let sent = within("a send", layer.group_send(name(group), say(text), None)).await;
    sent.map(drop)
}
