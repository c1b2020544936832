//! Beginning anew, and the end.

use super::shared::{ALIVE_KEY, Shared};
use super::station::Station;
use crate::Result;

/// How many keys one step of a search looks at.
const STEP: usize = 1000;

impl Shared {
    /// Forgets everything under the layer's prefix, of all processes: `flush` of `channels_redis`.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn flush(&self) -> Result {
        self.hub.flush().await?;
        self.changes.clear();
        let pattern = self.keys.all();
        for station in &self.stations {
            station.memberships.clear();
            let mut cursor = 0_u64;
            loop {
                let mut scan = redis::cmd("SCAN");
                scan.arg(cursor)
                    .arg("MATCH")
                    .arg(&pattern)
                    .arg("COUNT")
                    .arg(STEP);
                let (next, mut keys): (u64, Vec<Vec<u8>>) = station.commands.run(&scan).await?;
                // Who lives, lives.
                keys.retain(|key| !key.ends_with(ALIVE_KEY.as_bytes()));
                if !keys.is_empty() {
                    station.commands.run::<()>(&redis::Cmd::del(keys)).await?;
                }
                if next == 0 {
                    break;
                }
                cursor = next;
            }
        }
        Ok(())
    }

    /// Takes out what nobody reads any more.
    ///
    /// # Errors
    ///
    /// As [`Connection::run`](super::super::connection::Connection::run).
    pub(super) async fn remove_own_keys(&self, station: &Station) -> Result {
        let keys = [
            self.alive_key(&self.own_queue),
            self.keys.queue(&self.own_queue),
        ];
        station.commands.run(&redis::Cmd::del(&keys)).await
    }

    /// Every call fails from now on.
    pub(super) fn close(&self) {
        self.hub.close();
        self.closed.notify_waiters();
    }

    /// Waits for the end. Cancel safe.
    pub(super) async fn until_closed(&self) {
        let mut closed = std::pin::pin!(self.closed.notified());
        closed.as_mut().enable();
        if self.hub.check_open().is_ok() {
            closed.await;
        }
    }
}
