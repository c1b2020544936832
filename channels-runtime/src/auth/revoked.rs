//! The word that a login has ended, for the sockets behind it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::layer::ChannelLayer;
use crate::{Event, GroupName, Result};

/// The type of the events in the group in which every server listens, [`GroupName::REVOKED`].
pub(super) const REVOKED: &str = "channels.revoked";

/// A login that has ended: the sockets behind it are closed with 1008, on every server of the
/// layer, and responses that still run are broken off.
///
/// `logout` and `login` as somebody else say it by themselves. A program says it when it bans a
/// user, or has changed a password. It closes connections, it does not end sessions: end those
/// first, or the clients are back at once. Connections that never asked who is there are nobody's,
/// and stay.
///
/// A server whose layer was cut off for a while (`layer.gap`) has not heard it. It asks the stores then:
/// who is not logged in any more is found, but not a user who was named here and is still active.
///
/// # Examples
///
/// ```no_run
/// # async fn ban(layer: &dyn channels_runtime::ChannelLayer) -> channels_runtime::Result {
/// channels_runtime::Revoked::user("7").send(layer).await
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked(pub(super) Subject);

/// Whose connections they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    User(Box<str>),
    Session(KeyDigest),
}

/// What travels: one field, named after whose it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sent {
    User(String),
    Session(String),
}

/// Half of a session key's SHA-256: a key is a secret, and a layer is read by many.
pub(super) type KeyDigest = [u8; 16];

impl Revoked {
    /// All logins of a user, by the primary key.
    pub fn user(id: impl Into<String>) -> Self {
        Self(Subject::User(id.into().into()))
    }

    /// The login of one session, by its key.
    pub fn session(key: &str) -> Self {
        Self(Subject::Session(digest(key)))
    }

    /// Tells every server of the layer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) if the layer fails.
    pub async fn send(&self, layer: &dyn ChannelLayer) -> Result {
        let event = Event::internal(REVOKED, self.sent())?;
        layer
            .group_send(GroupName::REVOKED, event, None)
            .await
            .map(|_| ())
    }

    fn sent(&self) -> Sent {
        match &self.0 {
            Subject::User(id) => Sent::User(id.to_string()),
            Subject::Session(digest) => Sent::Session(hex(digest)),
        }
    }

    /// Reads what another server has sent.
    pub(super) fn from_event(event: &Event) -> Option<Self> {
        match event.fields().ok()?.decode().ok()? {
            Sent::User(id) => Some(Self::user(id)),
            Sent::Session(digest) => Some(Self(Subject::Session(unhex(&digest)?))),
        }
    }
}

pub(super) fn digest(key: &str) -> KeyDigest {
    let whole = Sha256::digest(key.as_bytes());
    std::array::from_fn(|at| whole[at])
}

fn hex(digest: &KeyDigest) -> String {
    format!("{:032x}", u128::from_be_bytes(*digest))
}

fn unhex(text: &str) -> Option<KeyDigest> {
    let is_hex = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = is_hex.then(|| u128::from_str_radix(text, 16).ok())??;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_sent_is_what_is_read() {
        for revoked in [Revoked::user("7"), Revoked::session("0123456789abcdef")] {
            let event = Event::internal(REVOKED, revoked.sent()).expect("an event");
            assert_eq!(Revoked::from_event(&event), Some(revoked));
        }
        for garbage in [
            json!({}),
            json!({ "user": 7 }),
            json!({ "session": "short" }),
            json!({ "session": "+0123456789abcdef0123456789abcde" }),
        ] {
            let event = Event::internal(REVOKED, garbage).expect("an event");
            assert_eq!(Revoked::from_event(&event), None);
        }
    }
}
