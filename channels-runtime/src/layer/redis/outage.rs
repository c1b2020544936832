//! A part of Redis that does not work for a while: said once, and once more when it is over; and to
//! each of those who wait for it.

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

/// Why something fails at present: an error for each of those who wait for it.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: ErrorKind,
    what: String,
    source: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            what: error.to_string(),
            source: error.source_text(),
        }
    }
}

impl Failure {
    pub(crate) fn error(&self) -> Error {
        if self.source.is_empty() {
            return Error::new(self.kind, &*self.what);
        }
        Error::caused(self.kind, &*self.what, &*self.source)
    }

    /// Whether it does not end by itself.
    pub(crate) fn is_refusal(&self) -> bool {
        self.kind != ErrorKind::Unavailable
    }
}
