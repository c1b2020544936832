//! The dotted names by which events find their handlers.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::log::Excerpt;
use crate::{Error, ErrorKind, Result};

/// The longest event type, in bytes.
pub const MAX_EVENT_TYPE: usize = 100;

/// The namespaces of the protocols' own events, which no event of a layer can enter.
const RESERVED: [&str; 3] = ["websocket", "http", "channel"];

/// The namespaces of the framework's own events, which no other program sends.
const INTERNAL: [&str; 2] = ["channels", "layer"];

/// The event that tells a consumer that events may have been lost. Consumers may have a handler for it.
#[cfg(any(feature = "auth", feature = "redis", feature = "testing", test))]
pub(crate) const GAP: &str = "layer.gap";

/// The type of an event: segments of letters, digits and `_`, separated by `.`.
///
/// No segment is empty or begins with `_`, and none of the protocols' namespaces (`websocket.`,
/// `http.`, `channel.`) or the framework's own (`channels.`, `layer.`) can be entered. `call.back` and `call_back` are the same type, as in
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
    /// Whether only the framework may send events of this type.
    is_internal: bool,
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
        let checked = Self::checked(name)?;
        if checked.is_internal {
            return Err(invalid(name, "that namespace belongs to the framework"));
        }
        Ok(checked)
    }

    /// Checks a type of an event that arrived in one of the framework's own groups.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventType`] if it is not one of the framework's own types.
    pub(crate) fn new_internal(name: &str) -> Result<Self> {
        let checked = Self::checked(name)?;
        if !checked.is_internal {
            return Err(invalid(
                name,
                "the group takes events of the framework alone",
            ));
        }
        Ok(checked)
    }

    fn checked(name: &str) -> Result<Self> {
        check(name).map_err(|what| invalid(name, what))?;
        Ok(Self {
            name: Name::Shared(name.into()),
            hash: hash(name),
            is_internal: is_internal(name),
        })
    }

    /// A type that the macro has checked, or one of the framework's own.
    #[doc(hidden)]
    pub const fn from_static(name: &'static str) -> Self {
        Self {
            name: Name::Static(name),
            hash: hash(name),
            is_internal: is_internal(name),
        }
    }

    /// Whether only the framework may send events of this type: `layer.…`, `channels.…`.
    pub(crate) const fn is_internal(&self) -> bool {
        self.is_internal
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

fn invalid(name: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::EventType,
        format!(
            "invalid event type `{}`: {what}; use letters, digits and `_`, separated by `.`",
            Excerpt(name.as_bytes())
        ),
    )
}

/// Whether a type is in one of the framework's own namespaces. (A type of one segment is in none.)
const fn is_internal(name: &str) -> bool {
    let mut at = 0;
    while at < INTERNAL.len() {
        if is_in(name.as_bytes(), INTERNAL[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn is_in(name: &[u8], namespace: &[u8]) -> bool {
    if name.len() <= namespace.len() || normal(name[namespace.len()]) != b'_' {
        return false;
    }
    let mut at = 0;
    while at < namespace.len() {
        if name[at] != namespace[at] {
            return false;
        }
        at += 1;
    }
    true
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
            "layer",
            "layers.gap",
            "my.layer.gap",
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
            "channels.revoked",
            "channels_revoked",
            "layer.gap",
            "layer_gap",
            "layer.x.y",
        ] {
            assert!(EventType::new(bad).is_err(), "{bad:?}");
        }
        assert!(EventType::new(&"a".repeat(100)).is_ok());
        assert!(EventType::new(&"a".repeat(101)).is_err());
    }

    #[test]
    fn only_the_framework_has_its_own_types() {
        assert!(EventType::from_static(GAP).is_internal());
        assert!(EventType::new_internal("channels.revoked").is_ok());
        for other in ["call.back", "layers.gap", "channels", "_x", "websocket.x"] {
            assert!(!EventType::from_static(other).is_internal(), "{other}");
            assert!(EventType::new_internal(other).is_err(), "{other}");
        }
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
