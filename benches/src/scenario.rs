//! What is measured: each scenario runs against a fresh process of each peer.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::load::{Check, Echo, Fan, Idle, Storm, Swarm};
use crate::measure::{Metrics, Window};
use crate::peers::Peer;

/// One row of the tables.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name in tables and on the command line.
    pub name: &'static str,
    /// What it is, for people.
    pub what: &'static str,
    /// The figure that the tables compare.
    pub figure: Figure,
    /// Whether a quick run has it.
    pub quick: bool,
    load: Load,
    path: &'static str,
}

/// Which figure of a scenario is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Microseconds of the server's CPU time for each message.
    Cpu,
    /// Bytes of the server's memory for each socket.
    Bytes,
    /// How many times longer the others wait when one does not read.
    Slowdown,
}

#[derive(Clone, Copy, Debug)]
enum Load {
    Echo(Echo),
    Fan(Fan),
    Idle(usize),
    Storm(Storm),
    Slow(Fan),
}

/// How thorough a run is.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How long each load runs.
    pub window: Window,
    /// How long idle sockets are held.
    pub hold: Duration,
    /// How many files a process may open.
    pub files: u64,
    /// Which core the server has.
    pub core: usize,
}

/// All of them, in the order of the tables.
pub const ALL: [Scenario; 21] = [
    echo(
        "echo-64",
        "echo, 64 B, 64 connections",
        64,
        64,
        Check::Text,
        true,
    ),
    echo(
        "echo-1k",
        "echo, 1 KiB, 64 connections",
        64,
        1024,
        Check::Text,
        false,
    ),
    echo(
        "echo-16k",
        "echo, 16 KiB, 64 connections",
        64,
        16 * 1024,
        Check::Binary,
        true,
    ),
    echo(
        "echo-1m",
        "echo, 1 MiB, 8 connections",
        8,
        1024 * 1024,
        Check::Binary,
        true,
    ),
    echo(
        "echo-64-1k",
        "echo, 64 B, 1,000 connections",
        1000,
        64,
        Check::Text,
        false,
    ),
    echo(
        "echo-64-10k",
        "echo, 64 B, 10,000 connections",
        10_000,
        64,
        Check::Text,
        false,
    ),
    echo(
        "echo-64-50k",
        "echo, 64 B, 50,000 connections",
        50_000,
        64,
        Check::Text,
        false,
    ),
    Scenario {
        path: "/json/",
        ..echo(
            "json-64",
            "JSON in and out, 64 B, 64 connections",
            64,
            64,
            Check::Json,
            false,
        )
    },
    fan(
        "relay-1",
        "group of 1,000, relayed, 1 in flight",
        "/relay/",
        1000,
        1,
        true,
    ),
    fan(
        "relay-4",
        "group of 1,000, relayed, 4 in flight",
        "/relay/",
        1000,
        4,
        false,
    ),
    fan(
        "chat-1",
        "group of 1,000, a handler each, 1 in flight",
        "/chat/",
        1000,
        1,
        true,
    ),
    fan(
        "chat-4",
        "group of 1,000, a handler each, 4 in flight",
        "/chat/",
        1000,
        4,
        true,
    ),
    fan(
        "chat-10k",
        "group of 10,000, a handler each, 1 in flight",
        "/chat/",
        10_000,
        1,
        false,
    ),
    idle("idle-1k", "1,000 idle sockets in a group", 1000, true),
    idle("idle-10k", "10,000 idle sockets in a group", 10_000, false),
    idle("idle-19k", "19,000 idle sockets in a group", 19_000, false),
    idle("idle-50k", "50,000 idle sockets in a group", 50_000, false),
    idle(
        "idle-100k",
        "100,000 idle sockets in a group",
        100_000,
        false,
    ),
    Scenario {
        name: "storm-1k",
        what: "1,000 clients connect at once",
        figure: Figure::Cpu,
        quick: true,
        load: Load::Storm(Storm { clients: 1000 }),
        path: "/chat/",
    },
    Scenario {
        name: "storm-10k",
        what: "10,000 clients connect at once",
        figure: Figure::Cpu,
        quick: false,
        load: Load::Storm(Storm { clients: 10_000 }),
        path: "/chat/",
    },
    Scenario {
        name: "slow",
        what: "group of 1,000, 16 KiB, and one that never reads",
        figure: Figure::Slowdown,
        quick: true,
        load: Load::Slow(Fan {
            members: 1000,
            in_flight: 1,
            size: 16 * 1024,
            deaf: true,
            every: None,
        }),
        path: "/chat/",
    },
];

const fn echo(
    name: &'static str,
    what: &'static str,
    connections: usize,
    size: usize,
    check: Check,
    quick: bool,
) -> Scenario {
    let echo = Echo {
        connections,
        size,
        in_flight: 1,
        check,
    };
    Scenario {
        name,
        what,
        figure: Figure::Cpu,
        quick,
        load: Load::Echo(echo),
        path: "/echo/",
    }
}

const fn fan(
    name: &'static str,
    what: &'static str,
    path: &'static str,
    members: usize,
    in_flight: usize,
    quick: bool,
) -> Scenario {
    let fan = Fan {
        members,
        in_flight,
        size: 64,
        deaf: false,
        every: None,
    };
    Scenario {
        name,
        what,
        figure: Figure::Cpu,
        quick,
        load: Load::Fan(fan),
        path,
    }
}

const fn idle(name: &'static str, what: &'static str, connections: usize, quick: bool) -> Scenario {
    let load = Load::Idle(connections);
    Scenario {
        name,
        what,
        figure: Figure::Bytes,
        quick,
        load,
        path: "/idle/",
    }
}

impl Scenario {
    /// How many sockets it needs.
    pub fn connections(&self) -> usize {
        match self.load {
            Load::Echo(echo) => echo.connections,
            Load::Fan(fan) | Load::Slow(fan) => fan.members,
            Load::Idle(connections) => connections,
            Load::Storm(storm) => storm.clients,
        }
    }

    /// How many bytes its messages have.
    pub fn size(&self) -> Option<usize> {
        match self.load {
            Load::Echo(echo) => Some(echo.size),
            Load::Fan(fan) | Load::Slow(fan) => Some(fan.size),
            Load::Idle(_) | Load::Storm(_) => None,
        }
    }

    /// Starts the peer and measures it.
    ///
    /// # Errors
    ///
    /// That the machine does not allow it, that the peer does not start, or that it does not do
    /// its work.
    pub fn run(&self, peer: &Peer, effort: Effort, log: &Path) -> Result<Metrics> {
        let needed = self.connections() as u64 + 200;
        ensure!(
            needed <= effort.files,
            "needs {needed} open files, this machine allows {}",
            effort.files
        );
        let server = peer.start(effort.core, None, log)?;
        let pid = server.pid();
        let swarm = || Swarm::new(&[server.address], self.path);
        match self.load {
            Load::Echo(echo) => echo.run(&mut swarm()?, pid, effort.window),
            Load::Fan(fan) => fan.run(&mut swarm()?, &[pid], effort.window),
            Load::Idle(connections) => Idle {
                connections,
                hold: effort.hold,
            }
            .run(&mut swarm()?, pid),
            Load::Storm(storm) => storm.run([swarm()?, swarm()?], pid),
            Load::Slow(fan) => {
                // Long enough that the kernel's buffers fill and the server's own queue is met.
                let warm = effort.window.warm + Duration::from_secs(2);
                let window = Window {
                    warm,
                    ..effort.window
                };
                let without = Fan { deaf: false, ..fan }.run(&mut swarm()?, &[pid], window)?;
                let mut metrics = fan.run(&mut swarm()?, &[pid], window)?;
                metrics.insert("p99_without_us", without["p99_us"]);
                metrics.insert("slowdown", metrics["p99_us"] / without["p99_us"]);
                Ok(metrics)
            }
        }
    }
}

impl Figure {
    /// The metric behind it.
    pub fn metric(self) -> &'static str {
        match self {
            Self::Cpu => "cpu_us",
            Self::Bytes => "bytes",
            Self::Slowdown => "slowdown",
        }
    }
}
