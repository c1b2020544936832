//! Names of channels and groups, and how they look to a layer that takes only ASCII.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, ErrorKind, Result};

/// The longest name on the wire: names are shorter than 100 bytes (Channels' layer specification).
pub const MAX_WIRE_NAME: usize = 99;

/// The longest group name that this API takes, in bytes of UTF-8.
pub const MAX_GROUP_NAME: usize = 1024;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What the escaped form of a group name begins with.
const ESCAPED: &str = "utf8-.";

/// The name of a group: any text, checked.
///
/// Channels takes ASCII letters, digits, `-`, `_` and `.` only. Here any UTF-8 text is a group
/// name; a layer that cannot carry it uses [`to_wire`](Self::to_wire).
///
/// # Examples
///
/// ```
/// use channels_runtime::GroupName;
///
/// let room = GroupName::new("room/été@example.org")?;
/// assert_eq!(room.as_str(), "room/été@example.org");
/// assert_eq!(GroupName::new("f1")?.to_wire()?, "f1");
/// assert_eq!(GroupName::from_wire(&room.to_wire()?)?, "room/été@example.org");
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupName<'a>(&'a str);

impl<'a> GroupName<'a> {
    /// Checks a name: it may not be empty, nor longer than [`MAX_GROUP_NAME`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`], saying what is allowed.
    pub fn new(name: &'a str) -> Result<Self> {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Name, "a group name cannot be empty"));
        }
        if name.len() > MAX_GROUP_NAME {
            return Err(Error::new(
                ErrorKind::Name,
                format!(
                    "a group name has at most {MAX_GROUP_NAME} bytes, this one {}",
                    name.len()
                ),
            ));
        }
        Ok(Self(name))
    }

    /// The name as it was given.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The name in ASCII letters, digits, `-`, `_` and `.`, for a layer that takes only these.
    ///
    /// A name that has only these is itself; any other is escaped byte by byte, reversibly.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`] if the result is longer than [`MAX_WIRE_NAME`].
    pub fn to_wire(self) -> Result<String> {
        let plain = self.0.bytes().all(is_wire_byte) && !self.0.starts_with(ESCAPED);
        let wire = if plain {
            self.0.to_owned()
        } else {
            escape(self.0)
        };
        if wire.len() > MAX_WIRE_NAME {
            return Err(Error::new(
                ErrorKind::Name,
                format!(
                    "the group name has {} bytes on the wire, this layer carries {MAX_WIRE_NAME}",
                    wire.len()
                ),
            ));
        }
        Ok(wire)
    }

    /// Reads what [`to_wire`](Self::to_wire) wrote.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`] if it is no such form.
    pub fn from_wire(wire: &str) -> Result<String> {
        let malformed = || Error::new(ErrorKind::Name, format!("malformed group name `{wire}`"));
        match wire.strip_prefix(ESCAPED) {
            None if !wire.is_empty() && wire.bytes().all(is_wire_byte) => Ok(wire.to_owned()),
            None => Err(malformed()),
            Some(escaped) => unescape(escaped).ok_or_else(malformed),
        }
    }
}

impl fmt::Display for GroupName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn is_wire_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Letters, digits, `-` and `.` stand for themselves, every other byte is `_` and two hex digits.
fn escape(name: &str) -> String {
    let mut wire = String::from(ESCAPED);
    for byte in name.bytes() {
        if is_wire_byte(byte) && byte != b'_' {
            wire.push(char::from(byte));
        } else {
            wire.push('_');
            wire.push(char::from(HEX[usize::from(byte >> 4)]));
            wire.push(char::from(HEX[usize::from(byte & 0xf)]));
        }
    }
    wire
}

fn unescape(escaped: &str) -> Option<String> {
    let mut name = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'_' => name.push(hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?),
            byte if is_wire_byte(byte) => name.push(byte),
            _ => return None,
        }
    }
    String::from_utf8(name).ok().filter(|name| !name.is_empty())
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// The address of one consumer in a channel layer.
///
/// It can be a field of an event, so that whoever handles the event can answer its sender.
///
/// # Examples
///
/// ```
/// use channels_runtime::ChannelName;
///
/// assert!(ChannelName::new("specific.client!abc").is_ok());
/// assert!(ChannelName::new("two words").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

impl ChannelName {
    /// Checks a name: ASCII letters, digits, `-`, `_` and `.`, at most one `!` between two
    /// parts, shorter than 100 bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`], saying what is allowed.
    pub fn new(name: &str) -> Result<Self> {
        let (process, local) = name.split_once('!').unwrap_or((name, "x"));
        let part_is_valid = |part: &str| !part.is_empty() && part.bytes().all(is_wire_byte);
        if name.len() > MAX_WIRE_NAME || !part_is_valid(process) || !part_is_valid(local) {
            return Err(Error::new(
                ErrorKind::Name,
                format!(
                    "`{}` is no channel name: use up to {MAX_WIRE_NAME} ASCII letters, digits, \
                     `-`, `_`, `.`, and at most one `!` inside",
                    name.escape_debug()
                ),
            ));
        }
        Ok(Self(name.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the channel of one connection, of one process: it has a `!`. Others are known by
    /// name, and worked on by whoever receives from them.
    pub fn is_specific(&self) -> bool {
        self.0.contains('!')
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ChannelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ChannelName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&name).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn channel_names_follow_the_specification() {
        for good in [
            "a",
            "thumbnails",
            "specific..inmemory!AbC",
            "a.b-c_d!e",
            &"x".repeat(99),
        ] {
            assert!(ChannelName::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "!",
            "a!",
            "!a",
            "a!b!c",
            "a b",
            "chat\n",
            "é",
            "١",
            &"x".repeat(100),
        ] {
            assert!(ChannelName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_channel_name_is_checked_when_it_is_read() {
        let name = ChannelName::new("specific.client!abc").expect("valid");
        let json = serde_json::to_string(&name).expect("a string");
        assert_eq!(json, r#""specific.client!abc""#);
        assert_eq!(
            serde_json::from_str::<ChannelName>(&json).expect("valid"),
            name
        );
        assert!(serde_json::from_str::<ChannelName>(r#""two words""#).is_err());
    }

    #[test]
    fn ascii_names_stay_as_they_are_on_the_wire() {
        for name in ["f1", "room_1.2-3", "utf8", "_"] {
            assert_eq!(
                GroupName::new(name)
                    .and_then(GroupName::to_wire)
                    .expect("valid"),
                name
            );
        }
        let long = "é".repeat(60);
        assert!(GroupName::new(&long).expect("valid").to_wire().is_err());
    }

    #[test]
    fn a_malformed_wire_name_is_refused() {
        for bad in [
            "",
            "a b",
            "utf8-.",
            "utf8-._g0",
            "utf8-._4",
            "utf8-._ff",
            "é",
        ] {
            assert!(GroupName::from_wire(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_group_name_survives_the_wire(name in "\\PC{1,24}") {
            let wire = escape(&name);
            prop_assert!(wire.bytes().all(is_wire_byte));
            prop_assert_eq!(GroupName::from_wire(&wire).expect("escaped"), &*name);
            if let Ok(wire) = GroupName::new(&name).expect("valid").to_wire() {
                prop_assert_eq!(GroupName::from_wire(&wire).expect("wire"), name);
            }
        }

        #[test]
        fn reading_a_wire_name_never_panics(wire in "\\PC*") {
            let _ = GroupName::from_wire(&wire);
            let _ = ChannelName::new(&wire);
        }
    }
}
