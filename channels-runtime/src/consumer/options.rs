//! The options of `#[consumer(…)]`.

/// What a consumer declares about itself, as the macro writes it.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub(crate) groups: &'static [&'static str],
    pub(crate) layer: &'static str,
    pub(crate) mailbox: usize,
    pub(crate) overflow: Overflow,
}

/// What happens to an event for a connection whose mailbox is full.
///
/// Whatever happens is counted by its reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The new event is dropped. The default, as in Channels.
    #[default]
    DropNewest,
    /// The oldest event makes room.
    DropOldest,
    /// The new event replaces a waiting one of the same key; without such, the oldest makes room.
    ///
    /// The key is the event's type, and the `key(…)` fields of the event that its handler takes.
    Coalesce,
    /// The connection is closed with 1013: better gone than behind.
    Close,
}

impl Options {
    /// How many events wait for a connection unless it says otherwise: Channels' capacity.
    pub const MAILBOX: usize = 100;

    /// The defaults: no groups, the layer `default`, Channels' capacity.
    pub const fn new() -> Self {
        Self {
            groups: &[],
            layer: "default",
            mailbox: Self::MAILBOX,
            overflow: Overflow::DropNewest,
        }
    }

    /// The groups that every connection is a member of while it is open.
    #[must_use]
    pub const fn groups(mut self, groups: &'static [&'static str]) -> Self {
        self.groups = groups;
        self
    }

    /// The alias of the consumer's channel layer.
    #[must_use]
    pub const fn layer(mut self, alias: &'static str) -> Self {
        self.layer = alias;
        self
    }

    /// How many events may wait for one connection.
    #[must_use]
    pub const fn mailbox(mut self, capacity: usize) -> Self {
        self.mailbox = capacity;
        self
    }

    /// What happens to an event for which there is no room.
    #[must_use]
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
