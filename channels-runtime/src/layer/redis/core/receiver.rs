//! What comes in: the queue of this process, at one host.

use std::time::SystemTime;

use tokio::time::sleep_until;

use super::super::backoff::Backoff;
use super::super::hosts::Host;
use super::super::member::{Received, To};
use super::super::outage::Outage;
use super::super::refused::Found;
use super::census::Census;
use super::scripts::SERVER;
use super::shared::SharedRef;
use super::watch::Watch;
use crate::supervise::isolate_future;
use crate::{ChannelName, Error, ErrorKind, Event, Result};

/// How many events are read at a time.
const BATCH: usize = 200;

/// Reads the queue of this process at one host, and never gives up.
///
/// Nobody else reads it. So events are read or told first, and removed when they are delivered: a
/// connection that is lost in between loses nothing, and nothing comes twice.
pub(super) struct QueueReader {
    shared: SharedRef,
    at: usize,
    backoff: Backoff,
    outage: Outage,
    /// What is delivered, and perhaps still in the queue.
    delivered: Vec<Vec<u8>>,
    progress: Progress,
    /// The server that was read last, and when.
    server: Option<String>,
    read: SystemTime,
}

/// How far the reader is with what its connection finds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    /// It is told nothing yet. There may be much in the queue: Redis closes the connection of a
    /// subscriber for whom too much waits.
    Behind,
    /// It is told what comes. What came before, or was told and missed, may be in the queue.
    CatchingUp,
    /// All of that is delivered: what is told is what comes next.
    InStep,
}

impl QueueReader {
    pub(super) fn new(shared: SharedRef, at: usize) -> Self {
        Self {
            backoff: Backoff::new(shared.patience),
            outage: Outage::new("the channel layer hears nothing from Redis"),
            shared,
            at,
            delivered: Vec::new(),
            progress: Progress::Behind,
            server: None,
            read: SystemTime::now(),
        }
    }

    pub(super) async fn run(&mut self) {
        loop {
            sleep_until(self.backoff.until()).await;
            let attempt = self.backoff.failed();
            let error = match Watch::open(self.host(), attempt, self.shared.patience).await {
                Ok(watch) => self.read(watch).await,
                Err(error) => error,
            };
            self.outage.failed(&error);
        }
    }

    /// Reads until that fails.
    async fn read(&mut self, mut watch: Watch) -> Error {
        if let Err(error) = self.begin(&mut watch).await {
            return error;
        }
        loop {
            let is_changed = self.deliver_told(&watch).await;
            if !is_changed && self.progress == Progress::InStep && self.delivered.is_empty() {
                watch.told().await;
                continue;
            }
            if let Err(error) = self.next(&mut watch).await {
                return error;
            }
            self.backoff.succeeded();
            self.outage.over(self.shared.stations[self.at].host());
        }
    }

    /// At another server than before the queue may hold what was delivered long ago, and not hold what
    /// came since. So it is emptied, and those who listen are told of a gap.
    async fn begin(&mut self, watch: &mut Watch) -> Result {
        let mut commands = redis::pipe();
        SERVER.add_to(&mut commands, &[] as &[&str]);
        let (server,): (String,) = watch.run(&commands).await?;
        let is_another = self.server.as_ref().is_some_and(|before| *before != server);
        if is_another {
            let mut empty = redis::pipe();
            empty.del(self.key()).ignore();
            watch.run::<()>(&empty).await?;
            self.delivered.clear();
        }
        let until = is_another.then_some(self.read);
        self.shared.stations[self.at].is_read_at(&server, until);
        self.server = Some(server);
        self.progress = Progress::Behind;
        Ok(())
    }

    /// Delivers what the processes of this framework have told when they put it into the queue: it need
    /// not be read first. Tells whether there may be more in the queue.
    async fn deliver_told(&mut self, watch: &Watch) -> bool {
        let heard = watch.take_heard();
        if heard.is_incomplete {
            self.progress = self.progress.min(Progress::CatchingUp);
        }
        // Before it is in step it finds that in the queue, behind what came earlier.
        if self.progress == Progress::InStep {
            let found = self.delivered.len();
            for member in heard.messages {
                // The last read may have found it.
                if !self.delivered[..found].contains(&member) {
                    self.deliver_safely(&member).await;
                    self.delivered.push(member);
                }
            }
        }
        heard.is_changed
    }

    /// Removes what is delivered, and delivers what else is in the queue.
    async fn next(&mut self, watch: &mut Watch) -> Result {
        let key = self.key();
        let mut commands = redis::pipe();
        if !self.delivered.is_empty() {
            commands.zrem(&key, &self.delivered).ignore();
        }
        commands.zrange(&key, 0, BATCH.cast_signed() - 1);
        let (members,): (Vec<Vec<u8>>,) = watch.run(&commands).await?;
        for member in &members {
            self.deliver_safely(member).await;
        }
        let is_all = members.len() < BATCH;
        self.delivered = members;
        self.read = SystemTime::now();
        if is_all {
            self.advance(watch).await?;
        }
        Ok(())
    }

    /// All that was in the queue is delivered.
    async fn advance(&mut self, watch: &mut Watch) -> Result {
        self.progress = match self.progress {
            Progress::Behind => {
                // Elsewhere nobody tells anything; and topics know no databases, which hosts may be.
                let own_queue = &self.shared.own_queue;
                if self.at == self.shared.shard_of_queue(own_queue) {
                    watch.subscribe(&self.key()).await?;
                }
                Progress::CatchingUp
            }
            Progress::CatchingUp | Progress::InStep => Progress::InStep,
        };
        Ok(())
    }

    /// A message whose delivery panics counts as delivered: else it would come again, and panic again.
    async fn deliver_safely(&self, member: &[u8]) {
        isolate_future("the delivery of a message from Redis", self.deliver(member)).await;
    }

    async fn deliver(&self, member: &[u8]) {
        let lifetime = Some(self.shared.lifetime());
        let Received { event, to } = match self.shared.members.read(member, lifetime) {
            Ok(received) => received,
            Err((error, to)) => {
                let found = to.as_ref().map_or(self.found(), To::found);
                return self.shared.refused.dropped(found, &error);
            }
        };
        match to {
            To::Channels(channels) if channels.is_empty() => {
                let what = "a message in the queue of a process has to name a channel";
                let error = Error::new(ErrorKind::Decode, what);
                self.shared.refused.dropped(self.found(), &error);
            }
            To::Channels(channels) => self.deliver_to(&channels, &event),
            To::Group {
                name,
                census,
                except,
            } => {
                self.deliver_to_group(&name, census, except.as_ref(), &event)
                    .await;
            }
        }
    }

    /// A message that does not name its channels.
    fn found(&self) -> Found<'_> {
        Found::channel(&self.shared.own_queue)
    }

    fn deliver_to(&self, channels: &[String], event: &Event) {
        for channel in channels {
            // If its mailbox is full, the receiver has counted that.
            self.shared.hub.deliver(channel, event);
        }
    }

    /// The members that the sender has counted are mostly the members of now. If a channel has come or
    /// gone since, that is undone; if that does not explain the difference, Redis knows the members of
    /// now.
    async fn deliver_to_group(
        &self,
        group: &str,
        census: Census,
        except: Option<&ChannelName>,
        event: &Event,
    ) {
        let members = self.shared.hub.snapshot(group, except);
        if Census::of_numbers(members.numbers()) == census {
            return members.deliver(event);
        }
        let changes = &self.shared.changes;
        let sent_to = changes.members_at(group, census, members.numbers(), members.except());
        if let Some(numbers) = sent_to {
            for number in numbers {
                self.shared.hub.deliver_to_number(number, event);
            }
            return;
        }
        match self.shared.roster(group).await {
            Ok(roster) => {
                let mut channels = roster.channels_of(&self.shared.own_queue);
                channels.retain(|it| except.is_none_or(|except| except.as_str() != it));
                self.deliver_to(&channels, event);
            }
            Err(error) => {
                tracing::debug!(%error, "the members of a group are not known");
                members.deliver(event);
            }
        }
    }

    fn key(&self) -> String {
        self.shared.keys.queue(&self.shared.own_queue)
    }

    fn host(&self) -> &Host {
        self.shared.stations[self.at].host()
    }
}
