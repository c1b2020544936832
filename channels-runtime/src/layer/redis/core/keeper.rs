//! What keeps this process' memberships at one host alive, and tells the others that it lives.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::super::gap::gap;
use super::super::outage::Outage;
use super::shared::SharedRef;
use super::station::Station;
use crate::Result;

/// How often a process shows that it lives.
const SIGN: Duration = Duration::from_secs(3);

/// Runs for as long as the layer is open.
pub(super) struct Keeper {
    shared: SharedRef,
    at: usize,
    outage: Outage,
    /// When Redis has last heard of this process.
    heard: Option<SystemTime>,
    /// Since when the members may be gone, and their consumers were not told.
    forgotten_since: Option<SystemTime>,
    renewed: Instant,
}

impl Keeper {
    pub(super) fn new(shared: SharedRef, at: usize) -> Self {
        Self {
            shared,
            at,
            outage: Outage::new("the channel layer cannot tell Redis who is there"),
            heard: None,
            forgotten_since: None,
            renewed: Instant::now(),
        }
    }

    pub(super) async fn run(&mut self) {
        let shared = SharedRef::clone(&self.shared);
        let station = &shared.stations[self.at];
        // Memberships are renewed several times before they expire.
        let renewal = Duration::from_secs(shared.bounds.group_expiry) / 4;
        let mut signs = interval(SIGN.min(renewal));
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let kept = tokio::select! {
                _ = signs.tick() => self.show_life(station, renewal).await,
                () = station.connected() => self.show_life(station, renewal).await,
                () = station.memberships.somebody_left() => station.take_out_leaving().await,
            };
            match kept {
                Ok(()) => self.outage.over(station.host()),
                Err(error) => self.outage.failed(&error),
            }
        }
    }

    /// Shows that the process lives. Where Redis did not know any more, others may have taken its
    /// members out.
    async fn show_life(&mut self, station: &Station, renewal: Duration) -> Result {
        let alive_key = self.shared.alive_key(&self.shared.own_queue);
        let (is_known, mut server) = station.still_shows_life(&alive_key).await?;
        if !is_known {
            if let Some(heard) = self.heard {
                self.forgotten_since.get_or_insert(heard);
                // Where the members are that others may have taken out, at whatever host.
                for station in &self.shared.stations {
                    station.renew_soon();
                }
                // And those that it may have again, if what it knows is older.
                station.memberships.leave_again();
            }
            server = station.show_life(&alive_key).await?;
        }
        self.heard = Some(SystemTime::now());
        station.take_out_leaving().await?;
        if station.has_to_renew() || self.renewed.elapsed() >= renewal {
            station.renew().await?;
            self.renewed = Instant::now();
        }
        // Not before the queue is read there: what comes until then is in the gap.
        if let Some(since) = station.missed_since(self.forgotten_since, &server) {
            self.forgotten_since = None;
            self.shared.tell_of_gap(self.at, since)?;
        }
        Ok(())
    }
}

impl super::shared::Shared {
    /// Tells those who listen at this host, by one of their groups or by the queue.
    fn tell_of_gap(&self, at: usize, since: SystemTime) -> Result {
        let has_queue = self.shard_of_queue(&self.own_queue) == at;
        let memberships = &self.stations[at].memberships;
        self.hub.tell(&gap(since)?, |channel, _| {
            has_queue || memberships.has_channel(channel)
        });
        Ok(())
    }
}
