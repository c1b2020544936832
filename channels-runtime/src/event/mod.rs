//! Events: what goes to handlers.

mod coalesce;
mod erased;
mod event_type;
mod internal;
mod once_list;
mod portable;
mod tick;
mod typed;
mod value;
mod weight;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

pub use self::coalesce::CoalesceKey;
pub use self::event_type::{EventType, MAX_EVENT_TYPE};
pub use self::typed::{FromEvent, Payload, TypedEvent};

use self::erased::{ErasedEvent, Raw, Typed};
use crate::supervise::isolate;
use crate::transport::Frame;
use crate::{Error, ErrorKind, Message, Result};

pub(crate) use self::event_type::{hash as event_type_hash, same as same_event_type};
pub(crate) use self::tick::Tick;
pub(crate) use self::value::{Fields, Value};

/// An event of any type: cheap to clone, for its payload is shared.
///
/// Typed events become one by [`From`]; events that other programs send are made by
/// [`Event::new`]. Within a process a typed event travels as the value itself.
///
/// # Examples
///
/// ```
/// use channels_runtime::Event;
/// use serde_json::json;
///
/// let event = Event::new("chat.message", json!({ "text": "hi" }))?;
/// assert_eq!(event.event_type().as_str(), "chat.message");
/// assert_eq!(event.to_json()?["text"], "hi");
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone)]
pub struct Event(Arc<dyn ErasedEvent>);

impl Event {
    /// Makes an event from a type and a payload that serializes as a map of fields.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventType`] if the type is not allowed, [`ErrorKind::Encode`] if the payload
    /// does not serialize, or is no map.
    pub fn new(event_type: &str, payload: impl Serialize) -> Result<Self> {
        let event_type = EventType::new(event_type)?;
        let fields = fields(&payload)?;
        Ok(Self(Arc::new(Raw::new(event_type, fields))))
    }

    /// Reads an event as Channels writes it: an object with a `type` beside the fields.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::EventType`] if there is no `type`, or it is not allowed, and
    /// [`ErrorKind::Decode`] if the value is no object.
    pub fn from_json(value: serde_json::Value) -> Result<Self> {
        Self::from_fields(object(value)?)
    }

    /// The event as Channels writes it: an object with a `type` beside the fields.
    ///
    /// Bytes become a list of numbers and floats that are no numbers `null`, as `serde_json` has it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if a typed payload does not serialize as a map of fields, or there is an
    /// integer in it that has more than 64 bits.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        let mut json = serde_json::to_value(&*self.fields()?)
            .map_err(|error| Error::caused(ErrorKind::Encode, "the event is not JSON", error))?;
        json["type"] = self.event_type().as_str().into();
        Ok(json)
    }

    /// Reads an event from its fields, of which one is the `type`.
    pub(crate) fn from_fields(fields: Fields) -> Result<Self> {
        Self::from_fields_as(EventType::new, fields)
    }

    fn from_fields_as(
        check: impl FnOnce(&str) -> Result<EventType>,
        mut fields: Fields,
    ) -> Result<Self> {
        match fields.remove("type") {
            Some(Value::Text(name)) => Ok(Self(Arc::new(Raw::new(check(&name)?, fields)))),
            Some(_) => Err(Error::new(
                ErrorKind::EventType,
                "an event's `type` is a string",
            )),
            None => Err(Error::new(ErrorKind::EventType, "an event has a `type`")),
        }
    }

    /// The fields, of which the first one is the `type`.
    #[cfg(feature = "redis")]
    pub(crate) fn to_fields(&self) -> Result<Fields> {
        let mut fields = self.fields()?.into_owned();
        fields.insert_first("type", Value::Text(self.event_type().as_str().to_owned()));
        Ok(fields)
    }

    /// The event's type.
    pub fn event_type(&self) -> &EventType {
        self.0.event_type()
    }

    /// The key of the value that was sent: see [`CoalesceKey`].
    fn own_key(&self) -> Option<u64> {
        self.0.own_key()
    }

    /// About how many bytes of memory the event takes while it waits. Calls user code, the payload's
    /// `Serialize`, for the first of its receivers: no lock may be held.
    pub(crate) fn weight(&self) -> usize {
        self.0.weight()
    }

    /// The event for a handler, which may keep it: no timer waits until that is gone.
    pub(crate) fn for_handler(self) -> Self {
        match self.0.repeated() {
            Some(event) => event.clone(),
            None => self,
        }
    }

    /// The fields without the type.
    pub(crate) fn fields(&self) -> Result<Cow<'_, Fields>> {
        self.0.fields()
    }

    /// The payload as `E`, shared: the value that was sent, or decoded once for all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the payload is no `E`.
    pub fn get<E: TypedEvent>(&self) -> Result<&E> {
        if let Some(typed) = self.0.as_any().downcast_ref::<Typed<E>>() {
            return Ok(typed.value());
        }
        let decoded = self.0.decoded();
        decoded.get_or_decode(self.event_type(), || self.0.fields())
    }
}

/// As a frame: the payload as JSON in a text message, encoded once for all receivers.
impl Event {
    /// The frame of the payload as `E`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if the payload is no `E`, [`ErrorKind::Encode`] if it does not serialize.
    pub(crate) fn frame<E: TypedEvent>(&self) -> Result<Frame> {
        let type_name = std::any::type_name::<E>();
        match self.0.encoded().get() {
            Some((known, frame)) if *known == type_name => Ok(frame.clone()),
            _ => self.encode_payload::<E>(type_name),
        }
    }

    #[cold]
    fn encode_payload<E: TypedEvent>(&self, type_name: &'static str) -> Result<Frame> {
        // User code: a `Deserialize` and a `Serialize`. No lock may be held here.
        isolate("the `Serialize` or `Deserialize` of an event", || {
            self.encode(self.get::<E>()?, type_name)
        })
        .unwrap_or_else(|| Err(Error::new(ErrorKind::Encode, "the event's code panicked")))
    }

    /// The frame of a value, if that is the payload itself.
    pub(crate) fn frame_of<T: Serialize + ?Sized>(&self, value: &T) -> Option<Result<Frame>> {
        let type_name = std::any::type_name::<T>();
        if !self.0.holds(std::ptr::from_ref(value).cast(), type_name) {
            return None;
        }
        Some(match self.0.encoded().get() {
            Some((known, frame)) if *known == type_name => Ok(frame.clone()),
            _ => self.encode(value, type_name),
        })
    }

    #[cold]
    fn encode<T: Serialize + ?Sized>(&self, value: &T, type_name: &'static str) -> Result<Frame> {
        let json = serde_json::to_string(value).map_err(|error| {
            Error::caused(ErrorKind::Encode, "the event does not serialize", error)
        })?;
        let frame = Frame::from(Message::from(json)).joined();
        // Another thread may have been quicker, with the same frame or that of another type.
        let _ = self.0.encoded().set((type_name, frame.clone()));
        Ok(frame)
    }
}

impl<E: TypedEvent> From<E> for Event {
    fn from(value: E) -> Self {
        Self(Arc::new(Typed::new(value)))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("type", self.event_type())
            .finish_non_exhaustive()
    }
}

/// The members of an object.
fn object(value: serde_json::Value) -> Result<Fields> {
    match value.into() {
        Value::Map(fields) => Ok(fields),
        _ => Err(Error::new(
            ErrorKind::Decode,
            "an event is a JSON object with a `type`",
        )),
    }
}

/// An event's payload is a map of fields: its type stands beside them.
fn fields(payload: &impl Serialize) -> Result<Fields> {
    let value = Value::of(payload)
        .map_err(|error| Error::caused(ErrorKind::Encode, "the event does not serialize", error))?;
    match value {
        Value::Map(fields) if fields.contains("type") => Err(Error::new(
            ErrorKind::Encode,
            "an event's payload has no field `type` of its own",
        )),
        Value::Map(fields) => Ok(fields),
        Value::Null => Ok(Fields::default()),
        _ => Err(Error::new(
            ErrorKind::Encode,
            "an event's payload is a map of fields",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Said {
        text: String,
    }

    impl TypedEvent for Said {
        const NAME: &'static str = "room.said";
        const MISMATCH: &'static str = "";

        fn duplicate(&self) -> Self {
            Self {
                text: self.text.clone(),
            }
        }
    }

    #[test]
    fn a_typed_event_is_shared_as_the_value_itself() {
        let event = Event::from(Said {
            text: "hi".to_owned(),
        });
        let one: *const Said = event.get().expect("typed");
        let shared = event.clone();
        let other: *const Said = shared.get().expect("typed");
        assert_eq!(one, other);
        assert_eq!(
            event.to_json().expect("json"),
            json!({ "type": "room.said", "text": "hi" })
        );
    }

    #[test]
    fn an_event_of_another_program_is_decoded_once() {
        let event = Event::from_json(json!({ "type": "room.said", "text": "hi" })).expect("event");
        let one: *const Said = event.get().expect("decodes");
        let other: *const Said = event.get().expect("decodes");
        assert_eq!(one, other);
    }

    #[test]
    fn malformed_events_are_refused() {
        for bad in [
            json!([]),
            json!({}),
            json!({ "type": 5 }),
            json!({ "type": "_x" }),
        ] {
            assert!(Event::from_json(bad.clone()).is_err(), "{bad}");
        }
        assert!(Event::new("a.b", 5).is_err());
        assert!(Event::new("a.b", json!({ "type": "c" })).is_err());
        assert!(Event::new("a.b", ()).is_ok());
        let event = Event::new("room.said", json!({ "text": 5 })).expect("event");
        assert_eq!(
            event.get::<Said>().expect_err("no text").kind(),
            ErrorKind::Decode
        );
    }
}
