//! The two forms of an event behind its `Arc`: the sender's own value, or fields.

use std::any::Any;
use std::borrow::Cow;
use std::sync::OnceLock;

use super::once_list::OnceList;
use super::weight::Weight;
use super::{Event, EventType, Fields, TypedEvent, fields};
use crate::transport::Frame;
use crate::{Error, ErrorKind, Result};

/// What an event can do whatever its payload's type is.
pub(crate) trait ErasedEvent: Send + Sync {
    fn event_type(&self) -> &EventType;
    fn fields(&self) -> Result<Cow<'_, Fields>>;
    /// Checks that a receiver in another process could read these fields as the payload's type.
    fn check_decodes(&self, _: &Fields) -> Result {
        Ok(())
    }
    fn own_key(&self) -> Option<u64>;
    /// Bytes of memory that the event takes. Calls user code: no lock may be held.
    fn weight(&self) -> usize;
    fn decoded(&self) -> &Decoded;
    fn encoded(&self) -> &Encoded;
    /// Whether a value is this event's payload itself: the type's name tells the payload from its
    /// own first field.
    fn holds(&self, address: *const (), type_name: &str) -> bool;
    fn as_any(&self) -> &dyn Any;
    /// The event itself, of the form in which a timer sends it.
    fn repeated(&self) -> Option<&Event> {
        None
    }
}

/// The payload as the frame that its receivers get, encoded once for all of them.
///
/// The name is that of the payload's type: events of another program may be decoded as several.
pub(crate) type Encoded = OnceLock<(&'static str, Frame)>;

/// An event sent by this process: the value is never encoded unless somebody asks.
pub(crate) struct Typed<E> {
    event_type: EventType,
    value: E,
    weight: Weight,
    decoded: Decoded,
    encoded: Encoded,
}

impl<E: TypedEvent> Typed<E> {
    pub(crate) fn new(value: E) -> Self {
        Self {
            event_type: E::TYPE,
            value,
            weight: Weight::default(),
            decoded: Decoded::default(),
            encoded: Encoded::new(),
        }
    }

    pub(crate) fn value(&self) -> &E {
        &self.value
    }
}

impl<E: TypedEvent> ErasedEvent for Typed<E> {
    fn event_type(&self) -> &EventType {
        &self.event_type
    }

    fn fields(&self) -> Result<Cow<'_, Fields>> {
        fields(&self.value).map(Cow::Owned)
    }

    fn check_decodes(&self, fields: &Fields) -> Result {
        decode::<E>(&self.event_type, fields).map(drop)
    }

    fn own_key(&self) -> Option<u64> {
        self.value.coalesce_key()
    }

    fn weight(&self) -> usize {
        self.weight.of(&self.value)
    }

    fn decoded(&self) -> &Decoded {
        &self.decoded
    }

    fn encoded(&self) -> &Encoded {
        &self.encoded
    }

    fn holds(&self, address: *const (), type_name: &str) -> bool {
        std::ptr::from_ref(&self.value).cast() == address && std::any::type_name::<E>() == type_name
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An event of another program, or one made from fields.
pub(crate) struct Raw {
    event_type: EventType,
    fields: Fields,
    weight: Weight,
    decoded: Decoded,
    encoded: Encoded,
}

impl Raw {
    pub(crate) fn new(event_type: EventType, fields: Fields) -> Self {
        Self {
            event_type,
            fields,
            weight: Weight::default(),
            decoded: Decoded::default(),
            encoded: Encoded::new(),
        }
    }
}

impl ErasedEvent for Raw {
    fn event_type(&self) -> &EventType {
        &self.event_type
    }

    fn fields(&self) -> Result<Cow<'_, Fields>> {
        Ok(Cow::Borrowed(&self.fields))
    }

    fn own_key(&self) -> Option<u64> {
        None
    }

    fn weight(&self) -> usize {
        self.weight.of(&self.fields)
    }

    fn decoded(&self) -> &Decoded {
        &self.decoded
    }

    fn encoded(&self) -> &Encoded {
        &self.encoded
    }

    fn holds(&self, address: *const (), type_name: &str) -> bool {
        self.decoded.holds(address, type_name)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The payload as the types that handlers asked for, each decoded once for all receivers.
///
/// The list has one entry, unless consumers disagree about an event's type.
#[derive(Default)]
pub(crate) struct Decoded(OnceList<Entry>);

struct Entry {
    value: Box<dyn Any + Send + Sync>,
    type_name: &'static str,
}

impl Decoded {
    pub(crate) fn get_or_decode<'a, E: TypedEvent>(
        &self,
        event_type: &EventType,
        fields: impl FnOnce() -> Result<Cow<'a, Fields>>,
    ) -> Result<&E> {
        if let Some(value) = self.0.iter().find_map(Entry::get) {
            return Ok(value);
        }
        let value: E = decode(event_type, &*fields()?)?;
        Ok(self.0.append(Entry::new(value), Entry::get))
    }

    fn holds(&self, address: *const (), type_name: &str) -> bool {
        self.0.iter().any(|entry| {
            std::ptr::from_ref(&*entry.value).cast() == address && entry.type_name == type_name
        })
    }
}

impl Entry {
    fn new<T: Any + Send + Sync>(value: T) -> Self {
        Self {
            value: Box::new(value),
            type_name: std::any::type_name::<T>(),
        }
    }

    fn get<T: Any>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(
    event_type: &EventType,
    fields: &Fields,
) -> Result<T> {
    fields.decode().map_err(|error| {
        let what = format!("the payload of the event `{event_type}` does not decode");
        Error::caused(ErrorKind::Decode, what, error)
    })
}
