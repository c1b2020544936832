//! Messages of other programs that are dropped because they are not events: counted, and logged with
//! their group or channel and the reason.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::drops::DropLog;
use crate::log::Excerpt;
use crate::{Error, GroupName};

/// Counts and logs dropped messages. `channels_redis` raises an error in the consumer instead.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    count: AtomicU64,
    log: DropLog,
}

/// Where a message was found.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(crate) struct Found<'a> {
    /// The group's name on the wire.
    pub(crate) group: Option<&'a str>,
    pub(crate) channel: Option<&'a str>,
}

impl<'a> Found<'a> {
    pub(crate) fn group(group: &'a str) -> Self {
        Self {
            group: Some(group),
            channel: None,
        }
    }

    pub(crate) fn channel(channel: &'a str) -> Self {
        Self {
            group: None,
            channel: Some(channel),
        }
    }
}

impl Refused {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts a message that is dropped, and logs the first one of each place and reason.
    #[cold]
    pub(crate) fn dropped(&self, found: Found<'_>, error: &Error) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let (reason, source) = (error.to_string(), error.source_text());
        let Some(suppressed) = self.log.permit((found, &reason, &source)) else {
            return;
        };
        let group = found.group.map(|wire| {
            let name = GroupName::from_wire(wire).unwrap_or_else(|_| wire.to_owned());
            Excerpt(name.as_bytes()).to_string()
        });
        let channel = found
            .channel
            .map(|name| Excerpt(name.as_bytes()).to_string());
        let (reason, source) = (Excerpt(reason.as_bytes()), Excerpt(source.as_bytes()));
        tracing::warn!(group, channel, %reason, %source, suppressed, "message from Redis dropped: it is not an event");
    }
}
