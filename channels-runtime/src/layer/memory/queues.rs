//! What waits for workers, by the names of its channels.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::{ChannelName, Error, ErrorKind, Event, Result};

/// The queues of a layer.
pub(super) struct Queues {
    /// How many events may wait in each.
    capacity: usize,
    /// How long an event waits.
    expiry: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: HashMap<ChannelName, Queue>,
    /// When the queues that nobody reads were looked at.
    swept: Option<Instant>,
    closed: bool,
}

#[derive(Default)]
struct Queue {
    /// When each came, the oldest first.
    events: VecDeque<(Instant, Event)>,
    /// Who waits is woken in turn; one that goes away passes it on.
    arrived: Arc<Notify>,
}

impl Queues {
    pub(super) fn new(capacity: usize, expiry: Duration) -> Self {
        Self {
            capacity,
            expiry,
            state: Mutex::default(),
        }
    }

    /// Puts an event behind the others.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChannelFull`] with the event if there is no room.
    pub(super) fn push(&self, channel: &ChannelName, event: Event) -> Result {
        let now = Instant::now();
        let mut state = self.state();
        state.sweep(now, self.expiry);
        let queue = state.queues.entry(channel.clone()).or_default();
        queue.forget_expired(now, self.expiry);
        if queue.events.len() >= self.capacity {
            let full = format!(
                "the channel `{channel}` is full: {} wait for workers",
                self.capacity
            );
            return Err(Error::new(ErrorKind::ChannelFull, full).with_unsent(event));
        }
        queue.events.push_back((now, event));
        queue.arrived.notify_one();
        Ok(())
    }

    /// Takes the oldest event, and waits for one.
    ///
    /// Cancel safe: an event is taken at the last moment.
    pub(super) async fn pop(&self, channel: &ChannelName) -> Result<Event> {
        let reader = Reader {
            queues: self,
            channel,
            arrived: Arc::clone(
                &self
                    .state()
                    .queues
                    .entry(channel.clone())
                    .or_default()
                    .arrived,
            ),
        };
        loop {
            let mut arrived = pin!(reader.arrived.notified());
            // From here on nothing is missed.
            arrived.as_mut().enable();
            if let Some(event) = reader.take()? {
                return Ok(event);
            }
            arrived.await;
        }
    }

    /// Forgets what waits.
    pub(super) fn flush(&self) {
        for queue in self.state().queues.values_mut() {
            queue.events.clear();
        }
    }

    /// Forgets what waits, and lets those who wait for it learn that nothing will come.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        for (_, queue) in state.queues.drain() {
            queue.arrived.notify_waiters();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.state().queues.len()
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits for an event.
struct Reader<'a> {
    queues: &'a Queues,
    channel: &'a ChannelName,
    arrived: Arc<Notify>,
}

impl Reader<'_> {
    fn take(&self) -> Result<Option<Event>> {
        let mut state = self.queues.state();
        if state.closed {
            return Err(Error::new(ErrorKind::Layer, "the channel layer is closed"));
        }
        let Some(queue) = state.queues.get_mut(self.channel) else {
            return Ok(None);
        };
        queue.forget_expired(Instant::now(), self.queues.expiry);
        let event = queue.events.pop_front().map(|(_, event)| event);
        if !queue.events.is_empty() {
            // A wake-up may have come before its reader was there: the next one is told.
            queue.arrived.notify_one();
        }
        Ok(event)
    }
}

impl Drop for Reader<'_> {
    /// A queue that is empty and has no other reader is not kept.
    fn drop(&mut self) {
        let mut state = self.queues.state();
        let is_last = Arc::strong_count(&self.arrived) == 2;
        let is_empty = |queue: &Queue| queue.events.is_empty();
        if is_last && state.queues.get(self.channel).is_some_and(is_empty) {
            state.queues.remove(self.channel);
        }
    }
}

impl State {
    /// Once in a while, lets go what waits in queues that nobody reads.
    fn sweep(&mut self, now: Instant, expiry: Duration) {
        if self
            .swept
            .is_some_and(|swept| now.duration_since(swept) < expiry)
        {
            return;
        }
        self.swept = Some(now);
        self.queues.retain(|_, queue| {
            queue.forget_expired(now, expiry);
            !queue.events.is_empty() || Arc::strong_count(&queue.arrived) > 1
        });
    }
}

impl Queue {
    fn forget_expired(&mut self, now: Instant, expiry: Duration) {
        let is_old = |(came, _): &(Instant, Event)| now.duration_since(*came) >= expiry;
        while self.events.front().is_some_and(is_old) {
            self.events.pop_front();
        }
    }
}
