//! Runtimes, callbacks and logs for tests of user code that misbehaves.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, Once, PoisonError, mpsc};
use std::time::Duration;

use channels::Sender;
use tracing_subscriber::fmt::MakeWriter;

/// A test that takes longer is deadlocked.
const DEADLOCK: Duration = Duration::from_secs(60);

/// Runs a test on a runtime with threads of its own. A deadlock is a failure: it keeps the threads, not
/// the test.
pub(crate) fn on_threads(test: impl Future<Output = ()> + Send + 'static) {
    on_threads_with(512, test);
}

/// The same, with that many blocking threads.
pub(crate) fn on_threads_with(blocking: usize, test: impl Future<Output = ()> + Send + 'static) {
    let (ended, waits) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .max_blocking_threads(blocking)
            .enable_all()
            .build()
            .expect("a runtime");
        let result = runtime.block_on(async { tokio::spawn(test).await });
        ended.send(result).expect("the test waits");
        runtime.shutdown_background();
    });
    match waits.recv_timeout(DEADLOCK) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => std::panic::resume_unwind(error.into_panic()),
        Err(error) => panic!("a deadlock: {error}"),
    }
}

/// Calls a function when it is dropped. A duplicate does not.
#[derive(Default)]
pub(crate) struct OnDrop(Option<Callback>);

pub(crate) type Callback = Arc<dyn Fn() + Send + Sync>;

impl OnDrop {
    pub(crate) fn call(callback: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(callback)))
    }
}

impl Clone for OnDrop {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        if let Some(callback) = self.0.take() {
            callback();
        }
    }
}

/// The senders of all sockets of a test.
#[derive(Clone, Default)]
pub(crate) struct Senders(Arc<Mutex<Vec<Sender>>>);

impl Senders {
    pub(crate) fn add(&self, sender: Sender) {
        self.lock().push(sender);
    }

    pub(crate) fn get(&self, at: usize) -> Sender {
        self.lock()[at].clone()
    }

    /// Closes all sockets.
    pub(crate) fn close(&self) {
        let all = self.lock().clone();
        for sender in all {
            sender.close(channels::CloseCode::GOING_AWAY, "closed by user code");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sender>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines that were logged, and what is called with each.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static LISTENERS: Mutex<Vec<Listener>> = Mutex::new(Vec::new());

type Listener = Arc<dyn Fn(&str) + Send + Sync>;

/// Keeps what is logged from here on.
pub(crate) fn keep_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(Lines)
            .init();
    });
}

/// Has user code run inside of the subscriber, for each line.
pub(crate) fn on_line(listener: impl Fn(&str) + Send + Sync + 'static) {
    keep_log();
    let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
    listeners.push(Arc::new(listener));
}

/// Whether a line with all of these was logged.
pub(crate) fn was_logged(parts: &[&str]) -> bool {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines
        .iter()
        .any(|line| parts.iter().all(|part| line.contains(part)))
}

struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line).into_owned();
        let listeners = LISTENERS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        LINES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text.clone());
        for listener in listeners {
            listener(&text);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
