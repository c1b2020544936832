//! Revocations: events that close the connections of a login on every server.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::site::Site;
use crate::layer::ChannelLayer;
use crate::log::{Excerpt, LogLimit};
use crate::session::{SecretKeys, SessionData, is_older};
use crate::{Event, GroupName, Result};

/// The type of the events in the group in which every server listens, [`GroupName::REVOKED`].
pub(super) const REVOKED: &str = "channels.revoked";

/// What the signature of a revocation is for: no signature of a session counts as one.
const SALT: &str = "channels.revoked";

/// How old a revocation may be. A program that can read and write the layer can repeat it for this long.
/// It is also how far the clocks of the servers may differ.
pub(super) const OLDEST: Duration = Duration::from_secs(5 * 60);

/// Closes the connections of a login, on every server of a layer: sockets with 1008, running responses
/// by breaking them off.
///
/// `logout`, and `login` as another user, send it themselves. Send it after a user was banned or a
/// password was changed. It closes connections and does not end sessions: end those first, or the
/// clients reconnect at once. Connections whose consumer never asked for the user are anonymous, and
/// stay open.
///
/// The event is signed with the site's current [secret key](crate::SecretKeys), and accepted for five
/// minutes if it is signed with one of the receiver's keys. So neither another program on the same
/// Redis, nor a client that can name groups or events of the application, can close connections.
///
/// A server that was cut off from its layer (`layer.gap`) has not received it. It then rechecks all logins
/// in the stores. That finds users who are not logged in any more, but not a user who was revoked
/// and is still active.
///
/// # Examples
///
/// ```no_run
/// # use channels_runtime::{ChannelLayer, Revoked, Site};
/// # async fn ban(site: &Site, layer: &dyn ChannelLayer) -> channels_runtime::Result {
/// Revoked::user("7").send(site, layer).await
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

/// The fields of the event.
#[derive(Serialize, Deserialize)]
struct Sent {
    /// An object with one entry, `user` or `session`, signed as Django signs objects.
    signed: String,
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

    /// Sends the revocation to every server of the site on a layer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) if the layer fails.
    pub async fn send(&self, site: &Site, layer: &dyn ChannelLayer) -> Result {
        let sent = self.sent(site.keys(), SystemTime::now())?;
        let event = Event::internal(REVOKED, sent)?;
        layer
            .group_send(GroupName::REVOKED, event, None)
            .await
            .map(|_| ())
    }

    fn sent(&self, keys: &SecretKeys, now: SystemTime) -> Result<Sent> {
        let mut data = SessionData::default();
        match &self.0 {
            Subject::User(id) => data.insert("user", id)?,
            Subject::Session(digest) => data.insert("session", &hex(digest))?,
        }
        let signed = keys.sign(SALT, &data.to_json(), now);
        Ok(Sent { signed })
    }

    /// Reads what another server of the site has sent. Anything else is logged, at a bounded rate.
    pub(super) fn from_event(
        event: &Event,
        keys: &SecretKeys,
        refusals: &LogLimit,
    ) -> Option<Self> {
        match Self::verified(event, keys, SystemTime::now()) {
            Ok(revoked) => Some(revoked),
            Err(reason) => {
                if let Some(suppressed) = refusals.permit() {
                    let event_type = Excerpt(event.event_type().as_str().as_bytes());
                    tracing::warn!(%event_type, reason, suppressed, "revocation refused");
                }
                None
            }
        }
    }

    fn verified(event: &Event, keys: &SecretKeys, now: SystemTime) -> Result<Self, &'static str> {
        let unsigned = "it has no field `signed`";
        let fields = event.fields().map_err(|_| unsigned)?;
        let Sent { signed } = fields.decode().map_err(|_| unsigned)?;
        let data = keys.read(SALT, &signed).map_err(
            |_| "none of the site's secret keys signed it: all servers need the same SECRET_KEY",
        )?;
        if is_older(&signed, OLDEST, now) {
            return Err("it is older than five minutes: the clocks of the servers may differ");
        }
        let text = |name| data.get::<String>(name).ok().flatten();
        match (text("user"), text("session")) {
            (Some(id), None) => Ok(Self::user(id)),
            (None, Some(digest)) => {
                let digest = unhex(&digest).ok_or("its session is not a digest")?;
                Ok(Self(Subject::Session(digest)))
            }
            _ => Err("it names neither a user nor a session"),
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

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn event(sent: impl Serialize) -> Event {
        Event::internal(REVOKED, sent).expect("an event")
    }

    #[test]
    fn a_revocation_is_read_by_servers_with_the_key() {
        let (old, new) = (SecretKeys::new("old"), SecretKeys::new("new"));
        for revoked in [Revoked::user("7"), Revoked::session("0123456789abcdef")] {
            let event = event(revoked.sent(&old, NOW).expect("signed"));
            let read = |keys: &SecretKeys| Revoked::verified(&event, keys, NOW);
            assert_eq!(read(&old), Ok(revoked.clone()));
            assert_eq!(read(&new.clone().fallback("old")), Ok(revoked));
            assert!(read(&new).is_err(), "another site");
        }
    }

    #[test]
    fn a_revocation_can_be_repeated_for_five_minutes_only() {
        let keys = SecretKeys::new("key");
        let event = event(Revoked::user("7").sent(&keys, NOW).expect("signed"));
        assert!(Revoked::verified(&event, &keys, NOW + OLDEST).is_ok());
        let late = NOW + OLDEST + Duration::from_secs(1);
        assert!(Revoked::verified(&event, &keys, late).is_err());
    }

    #[test]
    fn what_the_site_did_not_sign_revokes_nothing() {
        let keys = SecretKeys::new("key");
        let sign = |salt, text| keys.sign(salt, text, NOW);
        for forged in [
            json!({}),
            json!({ "user": "7" }),
            json!({ "signed": 7 }),
            json!({ "signed": "" }),
            json!({ "signed": r#"{"user":"7"}"# }),
            json!({ "signed": sign("django.contrib.sessions.SessionStore", r#"{"user":"7"}"#) }),
            json!({ "signed": sign(SALT, r#"{"user":7}"#) }),
            json!({ "signed": sign(SALT, r#"{"user":"7","session":"short"}"#) }),
            json!({ "signed": sign(SALT, r#"{"session":"short"}"#) }),
            json!({ "signed": sign(SALT, r#"{"session":"+0123456789abcdef0123456789abcde"}"#) }),
        ] {
            let event = event(&forged);
            assert!(Revoked::verified(&event, &keys, NOW).is_err(), "{forged}");
        }
    }
}
