//! What waits for workers, by the names of its channels.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::socket::mailbox::EVENT_DROP;
use crate::supervise::discard;
use crate::{ChannelName, Error, ErrorKind, Event, Result};

/// Programs have a few channels for workers. A name that a client chooses must not cost more.
const MAX_QUEUES: usize = 1_000;

/// Memory of all events that wait for workers, in bytes.
const MAX_WEIGHT: usize = 64 * 1024 * 1024;

/// The queues of a layer.
///
/// Their names may be chosen by a client, so their number is bounded, and a queue is dropped when its
/// last event has expired, by a task that runs while there is something to expire. (Outside of a runtime
/// no task runs: there, the next call that looks at all queues drops them.)
///
/// An event may have a destructor of the user's own. It does not run under the lock: what is removed
/// is collected, and dropped when the lock is released. The weight of an event is known, and so no user
/// code, once the event was pushed.
pub(super) struct Queues {
    /// How many events may wait in each.
    capacity: usize,
    /// How many queues there may be.
    most: usize,
    /// How much memory all events may take, in bytes.
    max_weight: usize,
    /// How long an event waits.
    expiry: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: HashMap<ChannelName, Queue>,
    /// Memory that the events of all queues take.
    weight: usize,
    /// Whether a task waits for events to expire.
    is_swept: bool,
    /// When all queues were looked at for the last time.
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

/// What was removed, to be dropped without the lock. Each event's `Drop` is isolated from the others, and
/// from who happens to remove it.
#[derive(Default)]
struct Removed(VecDeque<(Instant, Event)>);

impl Drop for Removed {
    fn drop(&mut self) {
        while let Some((_, event)) = self.0.pop_front() {
            discard(EVENT_DROP, event);
        }
    }
}

impl Queues {
    pub(super) fn new(capacity: usize, expiry: Duration) -> Self {
        Self {
            capacity,
            most: MAX_QUEUES,
            max_weight: MAX_WEIGHT,
            expiry,
            state: Mutex::default(),
        }
    }

    /// Empty queues with the same bounds, but for their number.
    pub(super) fn with_most(&self, most: usize) -> Self {
        let mut queues = Self::new(self.capacity, self.expiry);
        (queues.most, queues.max_weight) = (most, self.max_weight);
        queues
    }

    /// Empty queues with the same bounds, but for the memory of the events.
    pub(super) fn with_max_weight(&self, max_weight: usize) -> Self {
        let mut queues = Self::new(self.capacity, self.expiry);
        (queues.most, queues.max_weight) = (self.most, max_weight);
        queues
    }

    /// Puts an event behind the others.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ChannelFull`] with the event if there is no room: in the channel, for one more
    /// channel, or for the event's memory.
    pub(super) fn push(self: &Arc<Self>, channel: &ChannelName, event: Event) -> Result {
        let now = Instant::now();
        // User code, so before the lock is taken.
        let weight = event.weight();
        let mut removed = Removed::default();
        let mut guard = self.state();
        let state = &mut *guard;
        // To look at all queues for each event that is refused would let a client keep the thread.
        let is_due = |swept| now.duration_since(swept) >= self.pause();
        let has_room = state.has_room(channel, self.most) && self.has_memory(state, weight);
        if !has_room && state.swept.is_none_or(is_due) {
            state.sweep(now, self.expiry, &mut removed);
        }
        if let Err(full) = self.check_room(state, channel, weight, now, &mut removed) {
            drop(guard);
            return Err(Error::new(ErrorKind::ChannelFull, full).with_unsent(event));
        }
        let queue = state.queues.entry(channel.clone()).or_default();
        queue.events.push_back((now, event));
        state.weight += weight;
        let arrived = Arc::clone(&queue.arrived);
        let has_to_sweep = !std::mem::replace(&mut state.is_swept, true);
        drop(guard);
        arrived.notify_one();
        if has_to_sweep {
            self.sweep_later(now);
        }
        Ok(())
    }

    /// What is full, if there is no room for an event.
    fn check_room(
        &self,
        state: &mut State,
        channel: &ChannelName,
        weight: usize,
        now: Instant,
        removed: &mut Removed,
    ) -> Result<(), String> {
        if !state.has_room(channel, self.most) {
            return Err(format!(
                "no room for the channel `{channel}`: events wait for workers in {} others",
                self.most
            ));
        }
        if let Some(queue) = state.queues.get_mut(channel) {
            state.weight -= queue.remove_expired(now, self.expiry, removed);
            if queue.events.len() >= self.capacity {
                return Err(format!(
                    "the channel `{channel}` is full: {} wait for workers",
                    self.capacity
                ));
            }
        }
        if !self.has_memory(state, weight) {
            return Err(format!(
                "no room for an event of {weight} bytes for the channel `{channel}`: those that wait for \
                 workers take {} of {} bytes",
                state.weight, self.max_weight
            ));
        }
        Ok(())
    }

    /// One event may be larger than all may be together.
    fn has_memory(&self, state: &State, weight: usize) -> bool {
        state.weight == 0 || state.weight.saturating_add(weight) <= self.max_weight
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
        let mut removed = Removed::default();
        let mut state = self.state();
        for queue in state.queues.values_mut() {
            removed.0.append(&mut queue.events);
        }
        state.weight = 0;
        state.keep_used();
        drop(state);
    }

    /// Forgets what waits, and lets those who wait for it learn that nothing will come.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let queues = std::mem::take(&mut state.queues);
        state.weight = 0;
        drop(state);
        for queue in queues.into_values() {
            queue.arrived.notify_waiters();
            drop(Removed(queue.events));
        }
    }

    /// How many there are in which something waits, or for which somebody does.
    pub(super) fn len(&self) -> usize {
        self.sweep().0
    }

    /// Drops what has expired. Returns how many queues are left, and when the next event expires.
    fn sweep(&self) -> (usize, Option<Instant>) {
        let mut removed = Removed::default();
        let mut state = self.state();
        state.sweep(Instant::now(), self.expiry, &mut removed);
        let arrivals = (state.queues.values()).filter_map(|queue| queue.events.front());
        let next = arrivals.map(|(came, _)| *came + self.expiry).min();
        let left = state.queues.len();
        state.is_swept &= next.is_some();
        drop(state);
        (left, next)
    }

    /// Sweeps as often as something may expire, until nothing waits any more.
    fn sweep_later(self: &Arc<Self>, since: Instant) {
        let sweeper = Sweeper(Arc::downgrade(self));
        let Ok(runtime) = Handle::try_current() else {
            return; // The next push asks again.
        };
        // Once in a while is enough: an expired event is not delivered, it only takes memory.
        let (first, pause) = (
            since + self.expiry,
            self.expiry.max(Duration::from_millis(10)) / 2,
        );
        runtime.spawn(async move {
            let mut due = Some(first);
            while let Some(at) = due {
                sleep_until(at).await;
                let Some(queues) = sweeper.0.upgrade() else {
                    return;
                };
                due = queues
                    .sweep()
                    .1
                    .map(|next| next.max(Instant::now() + pause));
            }
        });
    }

    /// How long no queue is looked at again. An expired event is not delivered, it only takes memory.
    fn pause(&self) -> Duration {
        (self.expiry / 2).clamp(Duration::from_millis(10), Duration::from_secs(30))
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queues {
    fn drop(&mut self) {
        self.flush();
    }
}

/// The task that drops what has expired. If it ends before its time, as its runtime does, the next push
/// starts another one.
struct Sweeper(Weak<Queues>);

impl Drop for Sweeper {
    fn drop(&mut self) {
        if let Some(queues) = self.0.upgrade() {
            queues.state().is_swept = false;
        }
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
        let mut removed = Removed::default();
        let mut state = self.queues.state();
        if state.closed {
            return Err(Error::new(ErrorKind::Layer, "the channel layer is closed"));
        }
        let State { queues, weight, .. } = &mut *state;
        let Some(queue) = queues.get_mut(self.channel) else {
            return Ok(None);
        };
        *weight -= queue.remove_expired(Instant::now(), self.queues.expiry, &mut removed);
        let event = queue.events.pop_front().map(|(_, event)| event);
        *weight -= event.as_ref().map_or(0, Event::weight);
        let is_rest = !queue.events.is_empty();
        drop(state);
        if is_rest {
            // A wake-up may have come before its reader was there: the next one is told.
            self.arrived.notify_one();
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
    fn has_room(&self, channel: &ChannelName, most: usize) -> bool {
        self.queues.len() < most || self.queues.contains_key(channel)
    }

    fn sweep(&mut self, now: Instant, expiry: Duration, removed: &mut Removed) {
        self.swept = Some(now);
        for queue in self.queues.values_mut() {
            self.weight -= queue.remove_expired(now, expiry, removed);
        }
        self.keep_used();
    }

    /// Drops the queues that are empty and that nobody reads.
    fn keep_used(&mut self) {
        self.queues
            .retain(|_, queue| !queue.events.is_empty() || Arc::strong_count(&queue.arrived) > 1);
        if self.queues.len() <= self.queues.capacity() / 4 {
            self.queues.shrink_to_fit();
        }
    }
}

impl Queue {
    /// Takes out what has expired, and returns its weight.
    fn remove_expired(&mut self, now: Instant, expiry: Duration, removed: &mut Removed) -> usize {
        let is_old = |(came, _): &mut (Instant, Event)| now.duration_since(*came) >= expiry;
        let mut weight = 0;
        while let Some(expired) = self.events.pop_front_if(is_old) {
            weight += expired.1.weight();
            removed.0.push_back(expired);
        }
        weight
    }
}

#[cfg(test)]
#[path = "queues_tests.rs"]
mod tests;
