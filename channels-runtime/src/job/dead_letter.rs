//! What is left of a job that always failed.

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::{ChannelName, Event, Result};

/// The type of the event that holds a job which failed for good.
const FAILED: &str = "job.failed";

/// A job that failed for good: the event, with its type among its fields, and why.
pub(super) struct DeadLetter<'a> {
    pub(super) channel: &'a ChannelName,
    pub(super) attempts: u32,
    pub(super) error: String,
    pub(super) event: &'a Event,
}

impl DeadLetter<'_> {
    pub(super) fn to_event(&self) -> Result<Event> {
        Event::new(FAILED, self)
    }
}

impl Serialize for DeadLetter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut letter = serializer.serialize_struct("DeadLetter", 4)?;
        letter.serialize_field("channel", self.channel)?;
        letter.serialize_field("attempts", &self.attempts)?;
        letter.serialize_field("error", &self.error)?;
        letter.serialize_field("event", &Whole(self.event))?;
        letter.end()
    }
}

/// An event's fields, its type being the first.
struct Whole<'a>(&'a Event);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.fields().map_err(serde::ser::Error::custom)?;
        let mut whole = serializer.serialize_map(Some(fields.len() + 1))?;
        whole.serialize_entry("type", self.0.event_type().as_str())?;
        for (name, value) in fields.iter() {
            whole.serialize_entry(name, value)?;
        }
        whole.end()
    }
}
