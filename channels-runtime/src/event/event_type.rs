//! The dotted names by which events find their handlers.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::{Error, ErrorKind, Result};

/// The longest event type, in bytes.
pub const MAX_EVENT_TYPE: usize = 100;

/// The namespaces of the protocols' own events, which no event of a layer can enter.
const RESERVED: [&str; 3] = ["websocket", "http", "channel"];

/// The type of an event: segments of letters, digits and `_`, separated by `.`.
///
/// No segment is empty or begins with `_`, and none of the protocols' namespaces (`websocket.`,
/// `http.`, `channel.`) can be entered. `call.back` and `call_back` are the same type, as in
/// Channels, where both are the method `call_back`.
///
/// # Examples
///
/// ```
/// use channels_runtime::EventType;
///
/// assert_eq!(EventType::new("call.back")?, EventType::new("call_back")?);
/// assert!(EventType::new("websocket.receive").is_err());
/// assert!(EventType::new("._private").is_err());
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone)]
pub struct EventType {
    name: Name,
    hash: u32,
}

#[derive(Clone)]
enum Name {
    Static(&'static str),
    Shared(Arc<str>),
}

impl EventType {
    /// Checks a type that arrives at run time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventType`], saying what is wrong and what is allowed.
    pub fn new(name: &str) -> Result<Self> {
        check(name).map_err(|what| {
            Error::new(
                ErrorKind::EventType,
                format!(
                    "invalid event type `{}`: {what}; use letters, digits and `_`, separated by `.`",
                    name.escape_debug()
                ),
            )
        })?;
        Ok(Self {
            name: Name::Shared(name.into()),
            hash: hash(name),
        })
    }

    /// A type that the macro has checked.
    #[doc(hidden)]
    pub const fn from_static(name: &'static str) -> Self {
        Self {
            name: Name::Static(name),
            hash: hash(name),
        }
    }

    /// The type as it was written.
    pub fn as_str(&self) -> &str {
        match &self.name {
            Name::Static(name) => name,
            Name::Shared(name) => name,
        }
    }

    pub(crate) fn hash(&self) -> u32 {
        self.hash
    }

    /// Whether this is the type of a name with the same hash.
    pub(crate) fn is(&self, name: &str) -> bool {
        // Most often a type is written as its handler's is.
        self.as_str() == name || same(self.as_str(), name)
    }
}

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.is(other.as_str())
    }
}

impl Eq for EventType {}

impl Hash for EventType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

fn check(name: &str) -> Result<(), &'static str> {
    if name.len() > MAX_EVENT_TYPE {
        return Err("it is longer than 100 bytes");
    }
    for segment in name.split('.') {
        if segment.is_empty() {
            return Err("a segment is empty");
        }
        if segment.starts_with('_') {
            return Err("a segment begins with `_`");
        }
        if !segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return Err("it has another character");
        }
    }
    match name.split(['.', '_']).next() {
        Some(first) if RESERVED.contains(&first) && first.len() < name.len() => {
            Err("that namespace belongs to the protocol")
        }
        _ => Ok(()),
    }
}

/// FNV-1a over the type, with `.` read as `_`.
pub(crate) const fn hash(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < bytes.len() {
        hash ^= normal(bytes[at]) as u32;
        hash = hash.wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// Whether two types are the same once `.` is read as `_`.
pub(crate) const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if normal(one[at]) != normal(other[at]) {
            return false;
        }
        at += 1;
    }
    true
}

const fn normal(byte: u8) -> u8 {
    if byte == b'.' { b'_' } else { byte }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_types_of_the_grammar_are_made() {
        for good in [
            "a",
            "call.back",
            "a.b.c",
            "a_b",
            "a1.2b",
            "httpd",
            "web.socket",
            "channels",
        ] {
            assert!(EventType::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "_x",
            ".x",
            "x.",
            "a..b",
            "a._x",
            "a-b",
            "Chat Message",
            "é",
            "a\n",
            "websocket.receive",
            "websocket_receive",
            "http.request",
            "channel.x",
            "channel_layer",
        ] {
            assert!(EventType::new(bad).is_err(), "{bad:?}");
        }
        assert!(EventType::new(&"a".repeat(100)).is_ok());
        assert!(EventType::new(&"a".repeat(101)).is_err());
    }

    proptest! {
        #[test]
        fn dots_and_underscores_are_the_same(name in "[a-z][a-z0-9]{0,8}([._][a-z0-9]{1,8}){0,3}") {
            if let (Ok(dotted), Ok(flat)) =
                (EventType::new(&name), EventType::new(&name.replace('.', "_")))
            {
                prop_assert_eq!(dotted.hash(), flat.hash());
                prop_assert_eq!(dotted, flat);
            }
        }

        #[test]
        fn checking_never_panics(name in "\\PC*") {
            let _ = EventType::new(&name);
        }
    }
}
