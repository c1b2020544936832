//! What a test's thread logs.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Dispatch;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The log of this thread, for as long as the value lives. A test's runtime has one thread.
pub(crate) struct Logs {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: Box<dyn std::any::Any>,
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl Logs {
    pub(crate) fn start() -> Self {
        // While a process has one subscriber, tracing asks the subscriber of the thread that first comes to a
        // line whether anybody wants it: a test without one would silence the line for all. With two more,
        // it asks them all.
        static OTHERS: LazyLock<[Dispatch; 2]> =
            LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));
        LazyLock::force(&OTHERS);
        let text = Arc::default();
        let writer = Writer(Arc::clone(&text));
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            text,
            _guard: Box::new(subscriber.set_default()),
        }
    }

    /// How many lines have a text in them.
    pub(crate) fn count(&self, text: &str) -> usize {
        let log = self.text.lock().expect("no test panics here").clone();
        let log = String::from_utf8(log).expect("a text");
        log.lines().filter(|line| line.contains(text)).count()
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().expect("no test panics here");
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
