//! Log lines about dropped messages: the first one of each kind, then at a low rate.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::log::LogLimit;

/// How long further lines of a kind are suppressed.
const REPEAT: Duration = Duration::from_secs(60);

/// How many kinds are remembered: 32 bytes each. When there are more, the oldest are forgotten.
const KINDS: usize = 64;

/// Bounds how often messages of one kind are logged: one line, then one per minute with the number
/// of those that were suppressed. All kinds together stay within a [`LogLimit`].
///
/// One event for 10,000 members that do not handle it is one line. A caller never waits for another
/// one: while the table is in use, a line is suppressed.
#[derive(Debug, Default)]
pub(crate) struct DropLog {
    kinds: Mutex<HashMap<u64, Kind>>,
    limit: LogLimit,
    /// Suppressed while the table was in use.
    unseen: AtomicU64,
}

#[derive(Debug)]
struct Kind {
    logged: Instant,
    suppressed: u64,
}

impl DropLog {
    /// Takes a permit for a line of this kind. Returns how many lines of the kind were suppressed
    /// since the previous one, or `None` if this line is to be suppressed as well.
    pub(crate) fn permit(&self, kind: impl Hash) -> Option<u64> {
        self.permit_at(kind, Instant::now())
    }

    fn permit_at(&self, kind: impl Hash, now: Instant) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        kind.hash(&mut hasher);
        let Ok(mut kinds) = self.kinds.try_lock() else {
            self.unseen.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let key = hasher.finish();
        let suppressed = match kinds.get_mut(&key) {
            Some(kind) if now.saturating_duration_since(kind.logged) < REPEAT => {
                kind.suppressed += 1;
                return None;
            }
            Some(kind) => kind.suppressed,
            None => 0,
        };
        let others = self.limit.permit()?;
        if kinds.len() >= KINDS && !kinds.contains_key(&key) {
            let oldest = kinds.iter().min_by_key(|(_, kind)| kind.logged);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                kinds.remove(&oldest);
            }
        }
        let kind = Kind {
            logged: now,
            suppressed: 0,
        };
        kinds.insert(key, kind);
        drop(kinds);
        Some(suppressed + others + self.unseen.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_logged_once_and_again_after_a_minute() {
        let (log, start) = (DropLog::default(), Instant::now());
        for kind in ["a", "b"] {
            assert_eq!(log.permit_at(kind, start), Some(0));
            for _ in 0..300 {
                assert_eq!(log.permit_at(kind, start + REPEAT / 2), None);
            }
        }
        assert_eq!(log.permit_at("a", start + REPEAT), Some(300));
        assert_eq!(log.permit_at("a", start + REPEAT), None);
    }

    /// A peer chooses what makes a kind.
    #[test]
    fn any_number_of_kinds_is_a_bounded_number_of_lines_and_entries() {
        let (log, start) = (DropLog::default(), Instant::now());
        let lines = (0..100_000).filter_map(|kind| log.permit_at(kind, start));
        // Ten at once, then one per second.
        assert!((10..30).contains(&lines.count()));
        assert!(log.kinds.lock().expect("no panic").len() <= KINDS);
    }
}
