//! The state of a session's handle.

use super::SessionData;

/// The data of a session, its key, and whether they have to be saved or deleted.
#[derive(Default)]
pub(super) struct State {
    pub(super) data: SessionData,
    /// The key in the store; `None` before the session is loaded, and while it is not kept. It stays
    /// while the data is forgotten: it may be another than the client has sent.
    pub(super) key: Option<Box<str>>,
    pub(super) stored: Stored,
    /// Whether it was saved since the last answer: the client's cookie is to be renewed.
    pub(super) saved: bool,
    /// Whether the program has ended it: the client's cookie is to be deleted.
    pub(super) flushed: bool,
}

/// The state of the session in the store.
#[derive(Clone, Copy, Default)]
pub(super) enum Stored {
    /// It was not loaded yet.
    #[default]
    Unknown,
    /// It is loaded, or there is none.
    Readable,
    /// It is under the client's key, and none of the site's keys signed it.
    Unsigned,
    /// It cannot be read, and so must not be overwritten; the reason.
    Unreadable(&'static str),
}

impl State {
    /// The state of a session that is not kept.
    pub(super) fn empty() -> Self {
        Self {
            stored: Stored::Readable,
            ..Self::default()
        }
    }

    pub(super) fn is_loaded(&self) -> bool {
        !matches!(self.stored, Stored::Unknown)
    }

    /// Why the stored session cannot be read, where that is so.
    pub(super) fn unreadable(&self) -> Option<&'static str> {
        match self.stored {
            Stored::Unreadable(reason) => Some(reason),
            Stored::Unknown | Stored::Readable | Stored::Unsigned => None,
        }
    }

    /// Django's `is_empty`: neither kept nor worth keeping.
    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.data.is_empty()
    }

    /// Lets the data be loaded again. A session that is not kept has no other data than these.
    pub(super) fn forget(&mut self) {
        if self.key.is_some() {
            self.data = SessionData::default();
            self.stored = Stored::Unknown;
        }
    }
}
