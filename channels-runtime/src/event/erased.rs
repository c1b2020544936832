//! The two forms of an event behind its `Arc`: the sender's own value, or fields.

use std::any::Any;
use std::sync::OnceLock;

use serde_json::{Map, Value};

use super::{EventType, TypedEvent, fields};
use crate::{Error, ErrorKind, Result};

/// What an event can do whatever its payload's type is.
pub(crate) trait ErasedEvent: Send + Sync {
    fn event_type(&self) -> &EventType;
    fn fields(&self) -> Result<Map<String, Value>>;
    fn coalesce_key(&self) -> Option<u64>;
    fn decoded(&self) -> &Decoded;
    fn as_any(&self) -> &dyn Any;
}

/// An event sent by this process: the value is never encoded unless somebody asks.
pub(crate) struct Typed<E> {
    event_type: EventType,
    value: E,
    decoded: Decoded,
}

impl<E: TypedEvent> Typed<E> {
    pub(crate) fn new(value: E) -> Self {
        Self {
            event_type: E::TYPE,
            value,
            decoded: Decoded::default(),
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

    fn fields(&self) -> Result<Map<String, Value>> {
        fields(serde_json::to_value(&self.value))
    }

    fn coalesce_key(&self) -> Option<u64> {
        self.value.coalesce_key()
    }

    fn decoded(&self) -> &Decoded {
        &self.decoded
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An event of another program, or one made from fields.
pub(crate) struct Raw {
    event_type: EventType,
    fields: Map<String, Value>,
    decoded: Decoded,
}

impl Raw {
    pub(crate) fn new(event_type: EventType, fields: Map<String, Value>) -> Self {
        Self {
            event_type,
            fields,
            decoded: Decoded::default(),
        }
    }
}

impl ErasedEvent for Raw {
    fn event_type(&self) -> &EventType {
        &self.event_type
    }

    fn fields(&self) -> Result<Map<String, Value>> {
        Ok(self.fields.clone())
    }

    fn coalesce_key(&self) -> Option<u64> {
        None
    }

    fn decoded(&self) -> &Decoded {
        &self.decoded
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The payload as the types that handlers asked for, each decoded once for all receivers.
///
/// A list that only grows, so that a reference into it stays valid. It has one entry, unless
/// consumers disagree about an event's type.
#[derive(Default)]
pub(crate) struct Decoded(OnceLock<Box<Entry>>);

struct Entry {
    value: Box<dyn Any + Send + Sync>,
    next: Decoded,
}

impl Decoded {
    pub(crate) fn get_or_decode<E: TypedEvent>(
        &self,
        fields: impl FnOnce() -> Result<Map<String, Value>>,
    ) -> Result<&E> {
        let mut list = self;
        while let Some(entry) = list.0.get() {
            if let Some(value) = entry.value.downcast_ref() {
                return Ok(value);
            }
            list = &entry.next;
        }
        let value: E = decode(fields()?)?;
        list.append(value)
    }

    /// Appends here or, where another thread was quicker, behind what it appended.
    fn append<E: TypedEvent>(&self, value: E) -> Result<&E> {
        // Taken once: the loop ends where the new entry was put in.
        let mut new = Some(Entry::new(value));
        let mut list = self;
        loop {
            let entry = list
                .0
                .get_or_init(|| Box::new(new.take().unwrap_or_else(|| Entry::new(()))));
            if let Some(value) = entry.value.downcast_ref() {
                return Ok(value);
            }
            list = &entry.next;
        }
    }
}

impl Entry {
    fn new(value: impl Any + Send + Sync) -> Self {
        Self {
            value: Box::new(value),
            next: Decoded::default(),
        }
    }
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(fields: Map<String, Value>) -> Result<T> {
    T::deserialize(Value::Object(fields)).map_err(|error| {
        Error::caused(
            ErrorKind::Decode,
            "the event's payload does not decode",
            error,
        )
    })
}
