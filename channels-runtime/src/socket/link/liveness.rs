//! Whether the client of a socket is still there: the heartbeat's view of a connection.

use std::sync::atomic::Ordering;

use super::{Link, Phase};
use crate::transport::Frame;

impl Link {
    /// Something came from the peer.
    #[inline]
    pub(crate) fn heard(&self) {
        self.quiet.store(0, Ordering::Relaxed);
    }

    /// Bytes of an incomplete message came from the peer.
    #[inline]
    pub(crate) fn received(&self, bytes: usize) {
        self.incomplete.fetch_add(bytes, Ordering::Relaxed);
    }

    /// One more tick of the heartbeat without a sign of the peer: how many by now. An incomplete message
    /// is a sign if it came with at least `progress` bytes a tick.
    pub(crate) fn tick(&self, progress: usize) -> u32 {
        let quiet = self.quiet.fetch_add(1, Ordering::Relaxed) + 1;
        let incomplete = self.incomplete.load(Ordering::Relaxed);
        if incomplete > 0 && incomplete >= progress.saturating_mul(quiet as usize) {
            self.incomplete.store(0, Ordering::Relaxed);
            self.heard();
            return 0;
        }
        let memory = self.stats.memory();
        if memory.is_exhausted() && self.state().outbound.stalls() {
            memory.refuse("queued output of a client that does not read");
            return u32::MAX;
        }
        quiet
    }

    /// Queues a ping, unless the socket does not even take what is queued already.
    pub(crate) fn ping(&self) {
        let mut state = self.state();
        if state.phase == Phase::Open && !state.outbound.is_full() {
            state.outbound.push(Frame::ping());
            drop(state);
            self.wake_task();
        }
    }

    /// The peer is silent for too long: there is nobody to shake hands with.
    pub(crate) fn abandon(&self) {
        // Under the lock, which the task takes after it has said how it is woken: so it either is
        // woken or has seen this.
        let state = self.state();
        self.signals.set_abandoned();
        drop(state);
        self.wake_task();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.signals.is_abandoned()
    }
}
