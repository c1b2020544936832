//! A part of Redis that does not work for a while: said once, and once more when it is over.

use super::hosts::Host;
use crate::{Error, ErrorKind};

/// What somebody does again and again, and whether it fails at present.
pub(crate) struct Outage {
    /// What does not work then: "the channel layer hears nothing from Redis".
    what: &'static str,
    failing: Option<ErrorKind>,
}

impl Outage {
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            failing: None,
        }
    }

    /// It has failed. The second time for the same reason is no news.
    pub(crate) fn failed(&mut self, error: &Error) {
        let (what, source) = (self.what, error.source_text());
        if self.failing.replace(error.kind()) == Some(error.kind()) {
            tracing::debug!(%error, source, "{what}");
        } else {
            tracing::warn!(%error, source, "{what}");
        }
    }

    /// It works.
    pub(crate) fn over(&mut self, host: &Host) {
        if self.failing.take().is_some() {
            tracing::info!(%host, "no longer so: {}", self.what);
        }
    }
}
