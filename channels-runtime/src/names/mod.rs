//! Names of channels and groups, and how they look to a layer that takes only ASCII.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::log::Excerpt;
use crate::{Error, ErrorKind, Result};

/// The longest name on the wire: names are shorter than 100 bytes (Channels' layer specification).
pub const MAX_WIRE_NAME: usize = 99;

/// The longest group name, in bytes of its wire form ([`GroupName::to_wire`]).
///
/// ASCII letters, digits, `-`, `_` and `.` count as one byte each. A name with any other character is
/// escaped: it counts 6 bytes more, and each byte of an escaped character (and each `_`) counts as 3.
pub const MAX_GROUP_NAME: usize = MAX_WIRE_NAME;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What the escaped form of a group name begins with.
const ESCAPED: &str = "utf8-.";

/// What the names of the framework's own groups begin with. Neither Channels nor
/// [`GroupName::to_wire`] writes a `$`, so no other program can address these groups by mistake.
const INTERNAL: &str = "channels$";

/// The name that the group of revoked logins had in earlier versions, which accept events from anybody
/// there. Those servers may still run during an upgrade.
const FORMERLY_INTERNAL: &str = "channels.revoked";

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

/// The framework's own groups.
impl GroupName<'static> {
    /// The group in which each server listens for logins that end.
    #[cfg(feature = "auth")]
    pub(crate) const REVOKED: Self = Self::internal("channels$revoked");

    /// A group that only the framework joins and sends to. Its name begins with `channels$`.
    #[cfg(any(feature = "auth", feature = "testing", test))]
    pub(crate) const fn internal(name: &'static str) -> Self {
        assert!(is_internal(name), "the name begins with `channels$`");
        Self(name)
    }
}

impl<'a> GroupName<'a> {
    /// Checks a name: it must not be empty, not longer than [`MAX_GROUP_NAME`], and not reserved. Names
    /// that begin with `channels$`, and the name `channels.revoked`, are reserved for the framework.
    ///
    /// A name that this function accepts is accepted by every layer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`], with the reason.
    pub fn new(name: &'a str) -> Result<Self> {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Name, "a group name cannot be empty"));
        }
        if is_internal(name) || name == FORMERLY_INTERNAL {
            return Err(Error::new(
                ErrorKind::Name,
                format!("the group name `{}` is reserved", Excerpt(name.as_bytes())),
            ));
        }
        let length = wire_length(name);
        if length > MAX_GROUP_NAME {
            return Err(Error::new(
                ErrorKind::Name,
                format!(
                    "the group name `{}` has {length} bytes on the wire, the maximum is \
                     {MAX_GROUP_NAME}; other characters than ASCII letters, digits, `-` and `.` \
                     count as 3 bytes or more",
                    Excerpt(name.as_bytes())
                ),
            ));
        }
        Ok(Self(name))
    }

    /// The name as it was given.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The name in ASCII letters, digits, `-`, `_` and `.`, for a layer that takes only these. (The names
    /// of the framework's own groups have a `$` as well.)
    ///
    /// A name that has only these is itself; any other is escaped byte by byte, reversibly.
    ///
    /// # Errors
    ///
    /// None: [`new`](Self::new) has checked the length.
    pub fn to_wire(self) -> Result<String> {
        Ok(if is_internal(self.0) || is_plain(self.0) {
            self.0.to_owned()
        } else {
            escape(self.0)
        })
    }

    /// Reads what [`to_wire`](Self::to_wire) wrote.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`] if it is not such a form.
    pub fn from_wire(wire: &str) -> Result<String> {
        let malformed = || {
            let wire = Excerpt(wire.as_bytes());
            Error::new(ErrorKind::Name, format!("malformed group name `{wire}`"))
        };
        let plain = wire.strip_prefix(INTERNAL).unwrap_or(wire);
        match wire.strip_prefix(ESCAPED) {
            None if !plain.is_empty() && plain.bytes().all(is_wire_byte) => Ok(wire.to_owned()),
            None => Err(malformed()),
            Some(escaped) => unescape(escaped).ok_or_else(malformed),
        }
    }
}

/// Whether a group, by its name or its wire form, is one of the framework's own.
pub(crate) const fn is_internal(group: &str) -> bool {
    let (group, prefix) = (group.as_bytes(), INTERNAL.as_bytes());
    let mut at = 0;
    while at < prefix.len() {
        if at >= group.len() || group[at] != prefix[at] {
            return false;
        }
        at += 1;
    }
    true
}

impl fmt::Display for GroupName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn is_wire_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Whether a name is its own wire form.
fn is_plain(name: &str) -> bool {
    name.bytes().all(is_wire_byte) && !name.starts_with(ESCAPED)
}

/// The length of a name's wire form, in bytes.
fn wire_length(name: &str) -> usize {
    if is_plain(name) {
        return name.len();
    }
    let stands_for_itself = |byte: &u8| is_wire_byte(*byte) && *byte != b'_';
    let escaped = name.len() - name.bytes().filter(stands_for_itself).count();
    ESCAPED.len() + name.len() + 2 * escaped
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
mod tests;
