//! What keeps this process' memberships alive, and tells the others that it lives.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::super::gap::gap;
use super::memberships::Membership;
use super::shared::{ALIVE, Shared, SharedRef, unix_time};
use crate::Result;

/// How often a process shows that it lives.
const SIGN: Duration = Duration::from_secs(3);

/// How many memberships one write holds.
const BATCH: usize = 500;

/// Runs for as long as the layer is open.
pub(super) struct Keeper {
    shared: SharedRef,
    /// When Redis has last heard of this process.
    heard: Option<SystemTime>,
    renewed: Instant,
}

impl Keeper {
    pub(super) fn new(shared: SharedRef) -> Self {
        Self {
            shared,
            heard: None,
            renewed: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut signs = interval(SIGN);
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shared = SharedRef::clone(&self.shared);
        loop {
            let kept = tokio::select! {
                _ = signs.tick() => self.show_life().await,
                () = shared.memberships.somebody_left() => shared.take_out_leaving().await,
            };
            if let Err(error) = kept {
                tracing::warn!(%error, "the channel layer cannot tell Redis who is there");
            }
        }
    }

    /// Shows that the process lives. Where Redis did not know any more, others may have taken its
    /// members out.
    async fn show_life(&mut self) -> Result {
        let before = self.heard;
        let was_known = self.shared.show_life().await?;
        self.heard = Some(SystemTime::now());
        self.shared.take_out_leaving().await?;
        let period = Duration::from_secs(self.shared.bounds.group_expiry) / 4;
        if !was_known || self.renewed.elapsed() >= period {
            self.renewed = Instant::now();
            self.shared.renew().await?;
        }
        if let Some(since) = before.filter(|_| !was_known) {
            self.shared.hub.tell(&gap(since)?, |_, _| true);
        }
        Ok(())
    }
}

impl Shared {
    /// Tells whether every host knew it.
    pub(super) async fn show_life(&self) -> Result<bool> {
        let key = self.alive_key(&self.own_queue);
        let mut was_known = true;
        for host in &self.hosts {
            let mut commands = redis::pipe();
            commands.cmd("EXISTS").arg(&key);
            commands
                .cmd("SET")
                .arg(&key)
                .arg(1)
                .arg("EX")
                .arg(ALIVE.as_secs())
                .ignore();
            let (known,): (bool,) = host.run_all(&commands).await?;
            was_known &= known;
        }
        Ok(was_known)
    }

    /// Enters all memberships again, with today's date.
    pub(super) async fn renew(&self) -> Result {
        let all = self.memberships.all();
        for batch in all.chunks(BATCH) {
            self.enter(batch).await?;
        }
        Ok(())
    }

    /// Enters memberships: `ZADD` and `EXPIRE`, as `channels_redis` does.
    pub(super) async fn enter(&self, memberships: &[Membership]) -> Result {
        let now = unix_time().as_secs_f64();
        self.at_their_hosts(memberships, |commands, Membership { group, channel }| {
            let key = self.keys.group(group);
            commands
                .cmd("ZADD")
                .arg(&key)
                .arg(now)
                .arg(channel)
                .ignore();
            commands
                .cmd("EXPIRE")
                .arg(&key)
                .arg(self.bounds.group_expiry)
                .ignore();
        })
        .await
    }

    pub(super) async fn take_out(&self, memberships: &[Membership]) -> Result {
        self.at_their_hosts(memberships, |commands, Membership { group, channel }| {
            commands
                .cmd("ZREM")
                .arg(self.keys.group(group))
                .arg(channel)
                .ignore();
        })
        .await
    }

    /// Takes out whose channel is gone.
    pub(super) async fn take_out_leaving(&self) -> Result {
        let leaving = self.memberships.take_leaving();
        for (at, batch) in leaving.chunks(BATCH).enumerate() {
            if let Err(error) = self.take_out(batch).await {
                self.memberships.put_back(leaving[at * BATCH..].to_vec());
                return Err(error);
            }
        }
        Ok(())
    }

    async fn at_their_hosts(
        &self,
        memberships: &[Membership],
        add: impl Fn(&mut redis::Pipeline, &Membership),
    ) -> Result {
        for host in &self.hosts {
            let mut commands = redis::pipe();
            for membership in memberships {
                if std::ptr::eq(self.host_of_group(&membership.group), host) {
                    add(&mut commands, membership);
                }
            }
            if !commands.is_empty() {
                host.run_all::<()>(&commands).await?;
            }
        }
        Ok(())
    }
}
