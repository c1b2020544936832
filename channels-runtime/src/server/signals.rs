//! The signals that tell a process to stop: Ctrl-C and, on Unix, SIGTERM.
//!
//! | signal | effect |
//! |---|---|
//! | first | the shutdown begins |
//! | second | the shutdown waits no longer for connections and jobs |
//! | third | the process exits at once, with the status 128 + number of the signal |
//!
//! A thread of its own listens: the runtime of the program may be blocked, or be ending while it waits
//! for blocking work. A process that has once listened for signals is not ended by them any more (the
//! handler stays installed), so somebody has to.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{io, process, thread};

use tokio::sync::{oneshot, watch};

/// Which signal of a shutdown exits the process.
const EXIT: u32 = 3;

/// Signals that the process has received since it listens; `None` until then.
static RECEIVED: OnceLock<watch::Sender<u32>> = OnceLock::new();

/// Signals received before the shutdown that is waited for: the count of the next one begins there.
static BEFORE: AtomicU32 = AtomicU32::new(0);

/// The signals of one shutdown.
#[derive(Debug)]
pub(crate) struct StopSignals {
    received: watch::Receiver<u32>,
    before: u32,
}

impl StopSignals {
    /// Listens from now on: the next signal is the first.
    pub(crate) async fn listen() -> Self {
        let (ready, is_ready) = oneshot::channel();
        let received = RECEIVED.get_or_init(|| start(ready)).subscribe();
        // An error: the process listens already, or cannot, which is logged.
        let _ = is_ready.await;
        let before = *received.borrow();
        BEFORE.store(before, Ordering::Relaxed);
        Self { received, before }
    }

    /// Waits for the first signal. Cancel safe.
    pub(crate) async fn first(&self) {
        self.reach(1).await;
    }

    /// Waits for the second signal. Cancel safe.
    pub(crate) async fn second(&self) {
        self.reach(2).await;
    }

    async fn reach(&self, count: u32) {
        let mut received = self.received.clone();
        let count = self.before.wrapping_add(count);
        // The sender is a static.
        let _ = received.wait_for(|received| *received >= count).await;
    }
}

/// Starts the thread that listens, which says when it does.
fn start(ready: oneshot::Sender<()>) -> watch::Sender<u32> {
    let received = watch::Sender::new(0);
    let counted = received.clone();
    let name = "channels-signals".to_owned();
    let started = thread::Builder::new().name(name).spawn(move || {
        if let Err(error) = listen(&counted, ready) {
            tracing::error!(%error, "cannot listen for Ctrl-C and SIGTERM");
        }
    });
    if let Err(error) = started {
        tracing::error!(%error, "cannot start the thread that listens for Ctrl-C and SIGTERM");
    }
    received
}

fn listen(received: &watch::Sender<u32>, ready: oneshot::Sender<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let mut signals = Signals::new()?;
        drop(ready);
        loop {
            let signal = signals.next().await;
            received.send_modify(|received| *received += 1);
            let count = *received.borrow() - BEFORE.load(Ordering::Relaxed);
            match count {
                0 | 1 => tracing::info!(signal, "shutting down"),
                count if count < EXIT => {
                    tracing::warn!(signal, "second signal, the grace period ends");
                }
                _ => {
                    tracing::error!(signal, "third signal, exiting");
                    process::exit(128 + signal);
                }
            }
        }
    })
}

/// The number of SIGINT.
const INTERRUPT: i32 = 2;

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal, and returns its number.
    async fn next(&mut self) -> i32 {
        const TERMINATE: i32 = 15;
        tokio::select! {
            _ = self.interrupt.recv() => INTERRUPT,
            _ = self.terminate.recv() => TERMINATE,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for a signal, and returns its number.
    async fn next(&mut self) -> i32 {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for Ctrl-C");
            std::future::pending::<()>().await;
        }
        INTERRUPT
    }
}
