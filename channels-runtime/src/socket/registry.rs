//! All connections of an application: for pings, and for the shutdown.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::flusher::{Flusher, Shard};
use super::link::Link;
use crate::CloseFrame;
use crate::consumer::DisconnectedBy;
use crate::limits::Limits;
use crate::supervise::supervise;

/// In how many steps the silence of a peer is counted.
const TICKS: u32 = 4;

/// The connections that live. One timer serves them all.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
    next: AtomicU64,
    emptied: Notify,
    flusher: Flusher,
}

#[derive(Debug, Default)]
struct State {
    links: HashMap<u64, Arc<Link>>,
    /// Set by the shutdown: what comes later is refused.
    closing: bool,
    heartbeat: bool,
}

/// A connection's entry; dropping it takes the connection out.
#[derive(Debug)]
pub(crate) struct Registered {
    number: u64,
    registry: Arc<Registry>,
}

impl Registry {
    /// Enters a connection, unless the application shuts down.
    pub(crate) fn register(
        self: &Arc<Self>,
        link: &Arc<Link>,
        limits: &Limits,
    ) -> Option<Registered> {
        let mut state = self.state();
        if state.closing {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        state.links.insert(number, Arc::clone(link));
        let starts_heartbeat = !state.heartbeat && !limits.ping_interval.is_zero();
        state.heartbeat |= starts_heartbeat;
        drop(state);
        if starts_heartbeat {
            let registry = Arc::downgrade(self);
            let (interval, timeout) = (limits.ping_interval, limits.ping_timeout);
            let minimum_rate = limits.minimum_rate;
            tokio::spawn(supervise("heartbeat of sockets", move || {
                heartbeat(Weak::clone(&registry), interval, timeout, minimum_rate)
            }));
        }
        Some(Registered {
            number,
            registry: Arc::clone(self),
        })
    }

    /// Who writes what is relayed to the next connection.
    pub(crate) fn flusher(&self) -> Arc<Shard> {
        self.flusher.assign()
    }

    /// How many connections live.
    pub(crate) fn len(&self) -> usize {
        self.state().links.len()
    }

    /// Whether the application shuts down.
    pub(crate) fn is_closing(&self) -> bool {
        self.state().closing
    }

    /// Closes every connection, and refuses those that come later.
    pub(crate) fn close_all(&self, frame: &CloseFrame) {
        let mut state = self.state();
        state.closing = true;
        let links: Vec<_> = state.links.values().cloned().collect();
        drop(state);
        for link in links {
            if link.is_accepted() {
                link.close(frame.clone(), DisconnectedBy::Shutdown);
            } else {
                link.abandon();
            }
        }
    }

    /// Waits until no connection lives.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// One tick of the heartbeat; false once there is nobody to listen to.
    fn tick(&self, ping_at: u32, lost_at: u32, progress: usize) -> bool {
        let mut state = self.state();
        state.heartbeat = !state.links.is_empty();
        let links: Vec<_> = state.links.values().cloned().collect();
        let goes_on = state.heartbeat;
        drop(state);
        // Without the lock: each link has its own.
        for link in links.iter().filter(|link| link.is_open()) {
            match link.tick(progress) {
                quiet if quiet >= lost_at => link.abandon(),
                quiet if quiet > 0 && quiet.is_multiple_of(ping_at) => link.ping(),
                _ => {}
            }
        }
        goes_on
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn heartbeat(
    registry: Weak<Registry>,
    interval: Duration,
    timeout: Duration,
    minimum_rate: usize,
) {
    let tick = interval / TICKS;
    let lost_at = TICKS.saturating_add(ticks_in(timeout, tick));
    let progress = bytes_in(tick, minimum_rate);
    loop {
        tokio::time::sleep(tick).await;
        match registry.upgrade() {
            Some(registry) if registry.tick(TICKS, lost_at, progress) => {}
            _ => return,
        }
    }
}

/// Bytes that arrive in such a time at such a rate per second, rounded up.
fn bytes_in(duration: Duration, rate: usize) -> usize {
    let bytes = duration.as_millis().saturating_mul(rate as u128);
    usize::try_from(bytes.div_ceil(1000)).unwrap_or(usize::MAX)
}

fn ticks_in(duration: Duration, tick: Duration) -> u32 {
    let ticks = duration.as_nanos().div_ceil(tick.as_nanos().max(1));
    u32::try_from(ticks).unwrap_or(u32::MAX)
}

impl Drop for Registered {
    fn drop(&mut self) {
        let mut state = self.registry.state();
        let removed = state.links.remove(&self.number);
        let empty = state.links.is_empty();
        drop(state);
        drop(removed);
        if empty {
            self.registry.emptied.notify_waiters();
        }
    }
}
