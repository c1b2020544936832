//! What is logged on a test's thread, where all of its tasks run.

use std::any::Any;
use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Collects lines until it is dropped.
pub(crate) struct Logs {
    lines: Lines,
    _guard: Box<dyn Any>,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Logs {
    pub(crate) fn collect() -> Self {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(lines.clone())
            .finish();
        Self {
            lines,
            _guard: Box::new(subscriber.set_default()),
        }
    }

    pub(crate) fn all(&self) -> String {
        let lines = self.lines.0.lock().expect("no panic");
        String::from_utf8_lossy(&lines).into_owned()
    }

    /// The lines of a level that contain a text.
    pub(crate) fn with(&self, level: &str, text: &str) -> Vec<String> {
        let all = self.all();
        let lines = all.lines().filter(|line| line.contains(text));
        lines
            .filter(|line| line.contains(&format!(" {level} ")))
            .map(str::to_owned)
            .collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
