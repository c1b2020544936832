//! What a connection has of its channel layer: its channel, its memberships, its timers and tasks.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::tasks::{TaskHandle, Tasks};
use crate::event::Tick;
use crate::layer::{Channel, ChannelLayer, Receiver};
use crate::supervise::isolate;
use crate::{ChannelName, Error, ErrorKind, Event, GroupName, Result};

/// What sockets and exchanges have in common. Their public methods document it.
#[derive(Debug)]
pub(crate) struct Attachment {
    layer: Arc<dyn ChannelLayer>,
    /// Open for consumers that have handlers for events, from before the first handler.
    channel: Option<Channel>,
    /// The groups that the consumer declares.
    groups: &'static [&'static str],
    tasks: Tasks,
}

impl Attachment {
    pub(crate) fn new(layer: Arc<dyn ChannelLayer>, groups: &'static [&'static str]) -> Self {
        Self {
            layer,
            channel: None,
            groups,
            tasks: Tasks::default(),
        }
    }

    pub(crate) fn layer(&self) -> &Arc<dyn ChannelLayer> {
        &self.layer
    }

    /// Opens the channel, before anything could be sent to it.
    pub(crate) async fn open(&mut self, receiver: Arc<dyn Receiver>) -> Result {
        self.channel = Some(self.layer.new_channel(receiver).await?);
        Ok(())
    }

    /// Takes out what keeps the channel open, for an owner that closes it before the attachment ends.
    pub(crate) fn take_guard(&mut self) -> Option<Box<dyn Any + Send + Sync>> {
        self.channel.as_mut()?.take_guard()
    }

    pub(crate) fn channel_name(&self) -> Result<&ChannelName> {
        self.channel.as_ref().map(Channel::name).ok_or_else(|| {
            let what = "the consumer has no channel, for it handles no event; \
                        give it a `#[handler(\"…\")]` or a `#[fallback]`";
            Error::new(ErrorKind::Config, what)
        })
    }

    pub(crate) async fn join_declared_groups(&self) -> Result {
        for group in self.groups {
            self.group_add(group).await?;
        }
        Ok(())
    }

    pub(crate) async fn group_add(&self, group: &str) -> Result {
        self.layer
            .group_add(GroupName::new(group)?, self.channel_name()?)
            .await
    }

    pub(crate) async fn group_discard(&self, group: &str) -> Result {
        self.layer
            .group_discard(GroupName::new(group)?, self.channel_name()?)
            .await
    }

    pub(crate) async fn group_send(&self, group: &str, event: Event) -> Result {
        let sent = self
            .layer
            .group_send(GroupName::new(group)?, event, None)
            .await;
        sent.map(|_| ())
    }

    pub(crate) async fn group_send_except_self(&self, group: &str, event: Event) -> Result {
        let except = self.channel.as_ref().map(Channel::name);
        let sent = self
            .layer
            .group_send(GroupName::new(group)?, event, except)
            .await;
        sent.map(|_| ())
    }

    pub(crate) async fn channel_send(&self, channel: &ChannelName, event: Event) -> Result {
        self.layer.send(channel, event).await
    }

    pub(crate) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.tasks.spawn(task)
    }

    pub(crate) fn after(
        &mut self,
        receiver: Arc<dyn Receiver>,
        delay: Duration,
        event: Event,
    ) -> TaskHandle {
        self.tasks.spawn(async move {
            tokio::time::sleep(delay).await;
            isolate("a receiver of a channel", || receiver.deliver(&event));
        })
    }

    pub(crate) fn every(
        &mut self,
        receiver: Arc<dyn Receiver>,
        period: Duration,
        event: Event,
    ) -> TaskHandle {
        let tick = Tick::new(event);
        self.tasks.spawn(async move {
            loop {
                tokio::time::sleep(period).await;
                if let Some(event) = tick.next() {
                    // A panic would end the timer.
                    isolate("a receiver of a channel", || receiver.deliver(event));
                }
            }
        })
    }

    /// Waits until every task has ended by itself. Cancel safe.
    pub(crate) async fn tasks_ended(&mut self) {
        self.tasks.ended().await;
    }

    /// Ends what ends with the connection: its tasks, its memberships, its channel.
    pub(crate) fn release(&mut self) {
        self.tasks = Tasks::default();
        self.channel = None;
    }
}
