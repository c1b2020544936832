//! A real Redis Cluster.

use crate::redis::{FREE_PORT, Redis};
use crate::until;

/// Three masters, each with so many replicas.
pub(crate) struct Nodes {
    pub(crate) all: Vec<Redis>,
}

impl Nodes {
    pub(crate) async fn start(replicas: usize) -> Self {
        let mut all = Vec::new();
        // Where nobody can take over, nobody who is slow on a busy machine is given up either.
        let patience = if replicas == 0 { 30_000 } else { 1000 };
        let patience = format!("cluster-node-timeout {patience}");
        for _ in 0..3 * (1 + replicas) {
            // Unless it is told, the port of the bus is ten thousand higher, and may not exist.
            let bus = format!("cluster-port {FREE_PORT}");
            let lines = [
                &*bus,
                "cluster-enabled yes",
                &*patience,
                "cluster-require-full-coverage no",
                "repl-diskless-sync-delay 0",
            ];
            all.push(Redis::start_with(&lines).await);
        }
        let nodes = Self { all };
        let addresses = nodes.all.iter().map(Redis::address);
        let addresses: Vec<_> = addresses.collect();
        let replicas = replicas.to_string();
        let mut create = vec!["--cluster", "create"];
        create.extend(addresses.iter().map(String::as_str));
        create.extend(["--cluster-replicas", &replicas, "--cluster-yes"]);
        let said = nodes.all[0].cli(&create).await;
        assert!(said.contains("[OK] All 16384 slots covered"), "{said}");
        nodes.until_they_agree().await;
        nodes
    }

    /// Waits until all of them know all others, and replicas have caught up.
    async fn until_they_agree(&self) {
        for node in &self.all {
            until("the nodes know each other", async || {
                let state = node.cli(&["CLUSTER", "INFO"]).await;
                let size = format!("cluster_known_nodes:{}\r", self.all.len());
                state.contains("cluster_state:ok") && state.contains(&size)
            })
            .await;
            until("it has caught up", async || {
                let state = node.cli(&["INFO", "replication"]).await;
                state.contains("role:master") || state.contains("master_link_status:up")
            })
            .await;
        }
    }

    pub(crate) fn addresses(&self) -> String {
        let addresses: Vec<_> = self.all.iter().map(Redis::address).collect();
        addresses.join(",")
    }

    /// The master that has a topic.
    pub(crate) async fn master_of(&self, topic: &str) -> usize {
        let master = self.master_of_as(0, topic).await;
        master.expect("somebody has its slot")
    }

    /// The master that has a topic, as a node sees it.
    async fn master_of_as(&self, witness: usize, topic: &str) -> Option<usize> {
        let slot = self.all[witness].cli(&["CLUSTER", "KEYSLOT", topic]).await;
        let slot: u16 = slot.trim().parse().expect("a number");
        let slots = self.all[witness].cli(&["CLUSTER", "SLOTS"]).await;
        // First slot, last slot, host, port, id, nothing; then the replicas, and the next ones.
        let numbers: Vec<_> = slots.lines().collect();
        let port = numbers.windows(4).find_map(|lines| {
            let [first, last, "127.0.0.1", port] = lines else {
                return None;
            };
            let (first, last) = (first.parse::<u16>().ok()?, last.parse::<u16>().ok()?);
            (first..=last).contains(&slot).then_some(*port)
        });
        let port = port?;
        self.all.iter().position(|it| it.port.to_string() == port)
    }

    async fn slot_of(&self, topic: &str) -> u16 {
        let slot = self.all[0].cli(&["CLUSTER", "KEYSLOT", topic]).await;
        slot.trim().parse().expect("a number")
    }

    /// All masters that have slots, as a node sees it that is there.
    pub(crate) async fn masters(&self) -> Vec<usize> {
        let nodes = self.all[0].cli(&["CLUSTER", "NODES"]).await;
        let masters = nodes.lines().filter(|line| {
            // Id, address, flags, and at last the slots.
            let fields: Vec<_> = line.split_whitespace().collect();
            fields[2].contains("master") && !fields[2].contains("fail") && fields.len() > 8
        });
        let is_one = |line: &&str, redis: &Redis| line.contains(&format!(":{}@", redis.port));
        let masters: Vec<_> = masters.collect();
        let all = 0..self.all.len();
        all.filter(|at| masters.iter().any(|line| is_one(line, &self.all[*at])))
            .collect()
    }

    /// Kills a topic's master, and starts it again when its replica has taken over.
    pub(crate) async fn lose(&mut self, master: usize, topic: &str) {
        self.all[master].stop().await;
        let witness = usize::from(master == 0);
        until("the replica takes over", async || {
            self.master_of_as(witness, topic).await != Some(master)
        })
        .await;
        self.all[master].start_again().await;
        self.until_they_agree().await;
    }

    /// Moves a topic's slot from one master to another.
    pub(crate) async fn move_topic(&self, topic: &str, to: usize) {
        let slot = self.slot_of(topic).await.to_string();
        let from = self.master_of(topic).await;
        let id = async |at: usize| self.all[at].cli(&["CLUSTER", "MYID"]).await;
        let (source, target) = (id(from).await, id(to).await);
        // Without the first step the new owner has no newer epoch than the old one.
        for (at, state, node) in [
            (to, "IMPORTING", &source),
            (from, "MIGRATING", &target),
            (to, "NODE", &target),
            (from, "NODE", &target),
        ] {
            let set = ["CLUSTER", "SETSLOT", &slot, state, node.trim()];
            assert_eq!(self.all[at].cli(&set).await.trim(), "OK");
        }
    }

    /// How often a command was executed, at all masters.
    pub(crate) async fn calls(&self, command: &str) -> u64 {
        let mut calls = 0;
        for node in &self.all {
            calls += node.calls(command).await;
        }
        calls
    }
}
