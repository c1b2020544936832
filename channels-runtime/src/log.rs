//! Log lines that a peer can cause: at a bounded rate, with values of bounded length.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines that may follow each other without a pause.
const BURST: u32 = 10;

/// Time after which one more line may be written.
const REFILL: Duration = Duration::from_secs(1);

/// Bytes of a value that a log line or an error message shows.
const EXCERPT_BYTES: usize = 200;

/// Bounds how often one kind of line is logged: 10 lines at once, then one per second.
///
/// # Examples
///
/// ```ignore
/// if let Some(suppressed) = self.full_mailboxes.permit() {
///     tracing::warn!(group, suppressed, "mailbox full, event dropped");
/// }
/// ```
#[derive(Debug)]
pub(crate) struct LogLimit(Mutex<Bucket>);

#[derive(Debug)]
struct Bucket {
    permits: u32,
    /// Time of the last refill. `None` until the first line.
    refilled: Option<Instant>,
    suppressed: u64,
}

impl LogLimit {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Bucket {
            permits: BURST,
            refilled: None,
            suppressed: 0,
        }))
    }

    /// Takes a permit for one line. Returns how many lines were suppressed since the previous
    /// permit, or `None` if this line is to be suppressed as well.
    pub(crate) fn permit(&self) -> Option<u64> {
        self.permit_at(Instant::now())
    }

    fn permit_at(&self, now: Instant) -> Option<u64> {
        let mut bucket = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.refill(now);
        if bucket.permits == 0 {
            bucket.suppressed += 1;
            return None;
        }
        bucket.permits -= 1;
        Some(std::mem::take(&mut bucket.suppressed))
    }
}

impl Default for LogLimit {
    fn default() -> Self {
        Self::new()
    }
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let refilled = *self.refilled.get_or_insert(now);
        let elapsed = now.saturating_duration_since(refilled);
        let due = u32::try_from(elapsed.as_nanos() / REFILL.as_nanos()).unwrap_or(u32::MAX);
        if due > 0 {
            self.permits = self.permits.saturating_add(due).min(BURST);
            self.refilled = Some(now);
        }
    }
}

/// Writes a log line of a kind that a client can cause, at the rate of a [`LogLimit`] of its own.
///
/// # Examples
///
/// ```ignore
/// log_limited!(error, %error, consumer, "a handler failed");
/// ```
macro_rules! log_limited {
    ($level:ident, $($line:tt)+) => {{
        static LIMIT: $crate::log::LogLimit = $crate::log::LogLimit::new();
        if let Some(suppressed) = LIMIT.permit() {
            tracing::$level!(suppressed, $($line)+);
        }
    }};
}
pub(crate) use log_limited;

/// Displays a value of a peer in a log line or an error message: control characters are escaped,
/// and a long value is cut after 200 bytes, followed by its length.
pub(crate) struct Excerpt<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(EXCERPT_BYTES)];
        for chunk in shown.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    f.write_char(character)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        if shown.len() < self.0.len() {
            write!(f, "… ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_pass_then_one_per_second() {
        let limit = LogLimit::new();
        let start = Instant::now();
        let passed = (0..1000).filter_map(|_| limit.permit_at(start)).count();
        assert_eq!(passed, 10);
        assert_eq!(limit.permit_at(start + REFILL), Some(990));
        assert_eq!(limit.permit_at(start + REFILL), None);
    }

    #[test]
    fn a_burst_is_available_again_after_a_pause() {
        let limit = LogLimit::new();
        let start = Instant::now();
        while limit.permit_at(start).is_some() {}
        let later = start + REFILL * 100;
        let passed = (0..1000).filter_map(|_| limit.permit_at(later)).count();
        assert_eq!(passed, 10);
    }

    #[test]
    fn an_excerpt_is_one_short_line() {
        let cases: [(&[u8], &str); 4] = [
            (b"https://a.example", "https://a.example"),
            (b"a\r\nb\xff", r"a\r\nb\xff"),
            ("a\u{2028}b".as_bytes(), r"a\u{2028}b"),
            (
                &vec![b'x'; 58_000],
                &format!("{}… (58000 bytes)", "x".repeat(200)),
            ),
        ];
        for (value, shown) in cases {
            assert_eq!(Excerpt(value).to_string(), shown);
        }
    }
}
