//! What comes in: the queue of this process, at one host.

use std::collections::{HashSet, VecDeque};

use tokio::time::sleep_until;

use super::super::connection::Backoff;
use super::super::hosts::Host;
use super::super::outage::Outage;
use super::shared::SharedRef;
use super::watch::Watch;
use crate::{Error, ErrorKind, Result};

/// How many events are read at a time.
const BATCH: isize = 200;

/// How many of the last events are remembered.
const LATELY: usize = 4096;

/// Reads the queue of this process at one host, and never gives up.
///
/// Nobody else reads it. So events are read first, and removed when they are delivered: a connection
/// that is lost in between loses nothing, and nothing comes twice.
pub(super) struct QueueReader {
    shared: SharedRef,
    at: usize,
    backoff: Backoff,
    outage: Outage,
    /// What is delivered, and perhaps still in the queue.
    delivered: Vec<Vec<u8>>,
    lately: Lately,
}

/// What was delivered lately. A Redis that comes back with older data has it in the queue again.
#[derive(Default)]
struct Lately {
    all: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl QueueReader {
    pub(super) fn new(shared: SharedRef, at: usize) -> Self {
        Self {
            backoff: Backoff::new(shared.patience),
            outage: Outage::new("the channel layer hears nothing from Redis"),
            shared,
            at,
            delivered: Vec::new(),
            lately: Lately::default(),
        }
    }

    pub(super) async fn run(mut self) {
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
        self.shared.stations[self.at].has_connected();
        loop {
            match self.next(&mut watch).await {
                Ok(true) => {}
                Ok(false) => watch.changed().await,
                Err(error) => return error,
            }
            self.backoff.succeeded();
            self.outage.over(self.shared.stations[self.at].host());
        }
    }

    /// Delivers what is in the queue; tells whether there was something.
    async fn next(&mut self, watch: &mut Watch) -> Result<bool> {
        let key = self.shared.keys.queue(&self.shared.own_queue);
        let mut commands = redis::pipe();
        if !self.delivered.is_empty() {
            commands.zrem(&key, &self.delivered).ignore();
        }
        commands.zrange(&key, 0, BATCH - 1);
        let (members,): (Vec<Vec<u8>>,) = watch.run(&commands).await?;
        for member in &members {
            if self.lately.is_new(member, self.shared.bounds.random_prefix) {
                self.deliver(member);
            }
        }
        self.delivered = members;
        Ok(!self.delivered.is_empty())
    }

    fn deliver(&self, member: &[u8]) {
        let lifetime = Some(self.shared.lifetime());
        match self.shared.members.read(member, lifetime) {
            Ok(received) if received.channels.is_empty() => {
                let what = "a message in a process' queue that names no channel";
                self.shared.dropped(&Error::new(ErrorKind::Decode, what));
            }
            Ok(received) => {
                for channel in &received.channels {
                    // If its mailbox is full, the receiver has counted that.
                    self.shared.hub.deliver(channel, &received.event);
                }
            }
            Err(error) => self.shared.dropped(&error),
        }
    }

    fn host(&self) -> &Host {
        self.shared.stations[self.at].host()
    }
}

impl Lately {
    /// Remembers an event by its random bytes. If those are fewer than eight, it may be any.
    fn is_new(&mut self, member: &[u8], random_prefix: usize) -> bool {
        let random = member.first_chunk().filter(|it| it.len() <= random_prefix);
        let Some(number) = random.map(|it| u64::from_ne_bytes(*it)) else {
            return true;
        };
        if !self.all.insert(number) {
            return false;
        }
        self.in_order.push_back(number);
        if self.in_order.len() > LATELY
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.all.remove(&oldest);
        }
        true
    }
}
