//! The framework's own events, `layer.…` and `channels.…`, and who may send them.

use super::{Event, EventType, Fields, object};
use crate::names::is_internal;
use crate::{Error, ErrorKind, GroupName, Result};

/// For layers: what every implementation of [`ChannelLayer`](crate::ChannelLayer) does with the
/// framework's own events.
///
/// Their types are in the namespaces `layer.` and `channels.`. Consumers act on them, so they must be
/// authentic: a layer refuses to send them to any but the framework's own groups, which an application
/// cannot name, and does not accept them from other programs.
impl Event {
    /// Checks that the event may be sent to a group, or to a channel if there is no group. A layer calls
    /// this first in [`send`](crate::ChannelLayer::send) and
    /// [`group_send`](crate::ChannelLayer::group_send).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventType`] for an event of the framework's own that is not for one of its own
    /// groups, and for any other event that is.
    ///
    /// # Examples
    ///
    /// ```
    /// use channels_runtime::{Event, GroupName};
    ///
    /// let event = Event::new("call.back", ())?;
    /// assert!(event.check_sendable(Some(GroupName::new("f1")?)).is_ok());
    /// # Ok::<(), channels_runtime::Error>(())
    /// ```
    pub fn check_sendable(&self, group: Option<GroupName<'_>>) -> Result {
        let is_for_framework = group.is_some_and(|group| is_internal(group.as_str()));
        if self.event_type().is_internal() == is_for_framework {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::EventType,
            format!(
                "an event of the type `{}` cannot be sent: only the framework sends `layer.` and \
                 `channels.`",
                self.event_type()
            ),
        ))
    }

    /// Reads an event that a layer received from another process. The group is the one to which the
    /// event was sent, by its name or its wire form. There is none for an event that was sent to a
    /// channel.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json). [`ErrorKind::EventType`] as well for an event of the
    /// framework's own that came by another than one of its own groups: it is not authentic.
    ///
    /// # Examples
    ///
    /// ```
    /// use channels_runtime::Event;
    /// use serde_json::json;
    ///
    /// let forged = json!({ "type": "layer.gap", "since": 0 });
    /// assert!(Event::from_layer(forged, Some("f1")).is_err());
    /// assert!(Event::from_layer(json!({ "type": "call.back" }), Some("f1")).is_ok());
    /// # Ok::<(), channels_runtime::Error>(())
    /// ```
    pub fn from_layer(value: serde_json::Value, group: Option<&str>) -> Result<Self> {
        Self::received(object(value)?, group)
    }

    /// As [`from_layer`](Self::from_layer), from fields of which one is the `type`.
    pub(crate) fn received(fields: Fields, group: Option<&str>) -> Result<Self> {
        if group.is_some_and(is_internal) {
            Self::from_fields_as(EventType::new_internal, fields)
        } else {
            Self::from_fields(fields)
        }
    }

    /// An event of the framework's own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] as [`new`](Self::new).
    #[cfg(any(feature = "auth", feature = "redis", feature = "testing", test))]
    pub(crate) fn internal(
        event_type: &'static str,
        payload: impl serde::Serialize,
    ) -> Result<Self> {
        let event_type = EventType::from_static(event_type);
        debug_assert!(event_type.is_internal());
        let fields = super::fields(&payload)?;
        Ok(Self(std::sync::Arc::new(super::Raw::new(
            event_type, fields,
        ))))
    }

    /// The event `layer.gap`: events may have been lost since then.
    ///
    /// # Errors
    ///
    /// None in practice: the payload is a map.
    #[cfg(any(feature = "redis", feature = "testing"))]
    pub(crate) fn gap(since: std::time::SystemTime) -> Result<Self> {
        let since = since.duration_since(std::time::UNIX_EPOCH);
        let since = since.unwrap_or_default().as_secs_f64();
        Self::internal(
            super::event_type::GAP,
            serde_json::json!({ "since": since }),
        )
    }

    /// Whether this is the framework's own event `layer.gap`.
    #[cfg(feature = "auth")]
    pub(crate) fn is_gap(&self) -> bool {
        self.event_type().is_internal() && self.event_type().as_str() == super::event_type::GAP
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: GroupName<'static> = GroupName::internal("channels$test");

    #[test]
    fn the_frameworks_own_events_are_sent_to_its_own_groups_alone() {
        let own = Event::internal("channels.test", ()).expect("an event");
        let other = Event::new("call.back", ()).expect("an event");
        let room = GroupName::new("room").expect("a group");
        assert!(own.check_sendable(Some(OWN)).is_ok());
        assert!(other.check_sendable(Some(room)).is_ok());
        assert!(other.check_sendable(None).is_ok());
        for refused in [
            own.check_sendable(Some(room)),
            own.check_sendable(None),
            other.check_sendable(Some(OWN)),
        ] {
            assert_eq!(refused.expect_err("refused").kind(), ErrorKind::EventType);
        }
    }

    #[test]
    fn an_event_of_another_program_is_not_taken_for_the_frameworks_own() {
        for forged in ["layer.gap", "layer_gap", "channels.revoked", "channels.x"] {
            let json = json!({ "type": forged, "user": "1" });
            assert!(Event::from_json(json.clone()).is_err(), "{forged}");
            assert!(Event::new(forged, ()).is_err(), "{forged}");
            for group in [None, Some("room"), Some("channels.revoked")] {
                let error = Event::from_layer(json.clone(), group).expect_err(forged);
                assert_eq!(error.kind(), ErrorKind::EventType);
            }
            assert!(Event::from_layer(json, Some(OWN.as_str())).is_ok());
        }
        let other = json!({ "type": "call.back" });
        assert!(Event::from_layer(other.clone(), Some(OWN.as_str())).is_err());
        assert!(Event::from_layer(other, None).is_ok());
    }
}
