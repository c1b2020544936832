//! A channel whose events wait to be looked at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::super::in_time;
use super::ensure;
use crate::layer::{Channel, Delivered, Receiver};
use crate::{ChannelLayer, ChannelName, Error, ErrorKind, Event, Result};

/// How many events may wait.
const CAPACITY: usize = 10_000;

pub(super) struct Inbox {
    name: ChannelName,
    channel: Option<Channel>,
    ear: Arc<Ear>,
    events: mpsc::Receiver<Event>,
}

struct Ear {
    sender: mpsc::Sender<Event>,
    /// Whether it has no room at present.
    is_full: AtomicBool,
    max_groups: usize,
}

impl Receiver for Ear {
    fn deliver(&self, event: &Event) -> Delivered {
        if self.is_full.load(Ordering::Relaxed) {
            return Delivered::Full;
        }
        match self.sender.try_send(event.clone()) {
            Ok(()) => Delivered::Queued,
            Err(mpsc::error::TrySendError::Full(_)) => Delivered::Full,
            Err(mpsc::error::TrySendError::Closed(_)) => Delivered::Closed,
        }
    }

    fn max_groups(&self) -> usize {
        self.max_groups
    }
}

impl Inbox {
    pub(super) async fn open(layer: &Arc<dyn ChannelLayer>) -> Result<Self> {
        Self::open_for(layer, usize::MAX).await
    }

    /// A channel that may join so many groups.
    pub(super) async fn open_for(layer: &Arc<dyn ChannelLayer>, max_groups: usize) -> Result<Self> {
        let (sender, events) = mpsc::channel(CAPACITY);
        let ear = Arc::new(Ear {
            sender,
            is_full: AtomicBool::new(false),
            max_groups,
        });
        let receiver = Arc::clone(&ear) as Arc<dyn Receiver>;
        let channel = in_time("new_channel", layer.new_channel(receiver)).await??;
        Ok(Self {
            name: channel.name().clone(),
            channel: Some(channel),
            ear,
            events,
        })
    }

    pub(super) fn name(&self) -> &ChannelName {
        &self.name
    }

    pub(super) fn set_full(&self) {
        self.ear.is_full.store(true, Ordering::Relaxed);
    }

    /// Drops the channel: from now on nothing comes.
    pub(super) fn close(&mut self) {
        self.channel = None;
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Result<Event> {
        let next = in_time("an event", self.events.recv()).await?;
        next.ok_or_else(|| Error::new(ErrorKind::Other, "the receiver was dropped"))
    }

    /// Fails unless the next event says this.
    pub(super) async fn hears(&mut self, text: &str) -> Result {
        let heard = text_of(&self.next().await?)?;
        ensure(heard == text, || {
            format!("expected `{text}`, came `{heard}`")
        })
    }

    /// Fails unless the next events say these, in any order.
    pub(super) async fn hears_all(&mut self, texts: &[&str]) -> Result {
        let mut heard = Vec::new();
        for _ in texts {
            heard.push(text_of(&self.next().await?)?);
        }
        heard.sort();
        ensure(heard == texts, || {
            format!("expected {texts:?}, came {heard:?}")
        })
    }

    /// Fails if something has come.
    pub(super) fn check_empty(&mut self) -> Result {
        let Ok(event) = self.events.try_recv() else {
            return Ok(());
        };
        let text = text_of(&event)?;
        ensure(false, || format!("nothing more may come, came `{text}`"))
    }
}

pub(super) fn event(text: &str) -> Result<Event> {
    Event::new("test.said", serde_json::json!({ "text": text }))
}

pub(super) fn text_of(event: &Event) -> Result<String> {
    let json = event.to_json()?;
    let text = json["text"].as_str();
    text.map(str::to_owned)
        .ok_or_else(|| Error::new(ErrorKind::Other, format!("came something else: {json}")))
}
