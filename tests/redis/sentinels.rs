//! A real master, its replica, and three Sentinels that watch them.

use std::time::{Duration, Instant};

use crate::redis::Redis;
use crate::until;

pub(crate) struct Sentinels {
    pub(crate) servers: Vec<Redis>,
    sentinels: Vec<Redis>,
}

impl Sentinels {
    pub(crate) async fn start() -> Self {
        let first = Redis::start().await;
        let replica = format!("replicaof 127.0.0.1 {}", first.port);
        let servers = vec![first, Redis::start_with(&[&replica]).await];
        let monitor = format!("sentinel monitor main 127.0.0.1 {} 2", servers[0].port);
        let lines = [
            &*monitor,
            "sentinel down-after-milliseconds main 1000",
            "sentinel failover-timeout main 5000",
        ];
        let sentinels = vec![
            Redis::start_sentinel(&lines).await,
            Redis::start_sentinel(&lines).await,
            Redis::start_sentinel(&lines).await,
        ];
        let started = Self { servers, sentinels };
        started.until_it_is_a_replica(1).await;
        for sentinel in &started.sentinels {
            until("they know each other and the replica", async || {
                let state = sentinel.cli(&["SENTINEL", "MASTER", "main"]).await;
                let after = |name: &str| {
                    let mut lines = state.lines().skip_while(|line| *line != name);
                    lines.nth(1).unwrap_or_default().to_owned()
                };
                after("num-other-sentinels") == "2" && after("num-slaves") == "1"
            })
            .await;
        }
        started
    }

    pub(crate) fn addresses(&self) -> String {
        self.sentinels
            .iter()
            .map(Redis::address)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// Which of the two is the master, as a Sentinel has it.
    pub(crate) async fn master(&self) -> usize {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"];
        let said = self.sentinels[0].cli(&ask).await;
        let first = self.servers[0].port.to_string();
        usize::from(said.lines().nth(1) != Some(&first))
    }

    /// Has the other one take over, if that is possible now.
    pub(crate) async fn fail_over(&self) {
        let before = self.master().await;
        let ask = ["SENTINEL", "FAILOVER", "main"];
        if self.sentinels[0].cli(&ask).await.trim() != "OK" {
            return;
        }
        self.until_the_other_takes_over(before).await;
        self.until_it_is_a_replica(before).await;
    }

    /// Kills the master, and starts it again when the other one has taken over.
    pub(crate) async fn lose_master(&mut self) {
        let master = self.master().await;
        self.servers[master].stop().await;
        self.until_the_other_takes_over(master).await;
        self.servers[master].start_again().await;
        self.until_it_is_a_replica(master).await;
    }

    async fn until_the_other_takes_over(&self, master: usize) {
        until("the other one takes over", async || {
            self.master().await != master
        })
        .await;
    }

    /// Waits until one of the two is a replica that has caught up.
    ///
    /// A Sentinel that was held up for two seconds, by a busy machine, does nothing for half a minute
    /// (TILT): then the server is told by us.
    async fn until_it_is_a_replica(&self, at: usize) {
        let (began, master) = (Instant::now(), self.servers[1 - at].port.to_string());
        until("the replica has caught up", async || {
            if began.elapsed() > Duration::from_secs(25) {
                let follow = ["REPLICAOF", "127.0.0.1", &master];
                self.servers[at].cli(&follow).await;
            }
            let state = self.servers[at].cli(&["INFO", "replication"]).await;
            state.contains("master_link_status:up")
        })
        .await;
    }
}
