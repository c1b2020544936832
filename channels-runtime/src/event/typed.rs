//! Payloads with a type of their own, and what an event's handler can take.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CoalesceKey, Event, EventType, erased};
use crate::Result;

/// A payload that is tied to its event type by `#[derive(Event)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no event",
    label = "not an event",
    note = "derive it: `#[derive(Event, Serialize, Deserialize)]` with `#[event(\"some.type\")]`"
)]
pub trait TypedEvent: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The event's type, as it is written.
    const NAME: &'static str;

    /// The event's type.
    const TYPE: EventType = EventType::from_static(Self::NAME);

    /// What the compiler says of a handler whose literal is not this event's type.
    #[doc(hidden)]
    const MISMATCH: &'static str;

    /// A second value for a second receiver: the derive clones field by field.
    #[must_use]
    fn duplicate(&self) -> Self;

    /// What two events share when the newer one may replace the older in a full mailbox.
    fn coalesce_key(&self) -> Option<u64> {
        None
    }
}

/// What an event's handler can take: a typed event, [`Event`] itself, or [`Payload<T>`].
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `{Self}`",
    label = "not an event",
    note = "take a type with `#[derive(Event)]`, the raw `Event`, or `Payload<T>` for any `T: Deserialize`"
)]
pub trait FromEvent: Sized {
    /// The event type of a typed event, and what to say of another.
    #[doc(hidden)]
    const EXPECTED: Option<(&'static str, &'static str)>;

    /// How such events are told apart where the newest of a key is enough.
    #[doc(hidden)]
    const KEY: CoalesceKey = CoalesceKey::OWN;

    /// Makes the parameter from the event.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if the payload is no such value.
    fn from_event(event: Event) -> Result<Self>;
}

impl<E: TypedEvent> FromEvent for E {
    const EXPECTED: Option<(&'static str, &'static str)> = Some((E::NAME, E::MISMATCH));
    const KEY: CoalesceKey = CoalesceKey::typed::<E>();

    fn from_event(event: Event) -> Result<Self> {
        event.get::<E>().map(E::duplicate)
    }
}

impl FromEvent for Event {
    const EXPECTED: Option<(&'static str, &'static str)> = None;

    fn from_event(event: Event) -> Result<Self> {
        Ok(event)
    }
}

/// An event's payload as any type that deserializes: for events that other programs send.
///
/// # Examples
///
/// ```
/// use channels_runtime::{Event, FromEvent, Payload};
/// use serde_json::json;
///
/// let event = Event::new("stock.price", json!({ "symbol": "RST", "cents": 1995 }))?;
/// let Payload(price): Payload<std::collections::BTreeMap<String, serde_json::Value>> =
///     Payload::from_event(event)?;
/// assert_eq!(price["cents"], 1995);
/// # Ok::<(), channels_runtime::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload<T>(pub T);

impl<T: DeserializeOwned> FromEvent for Payload<T> {
    const EXPECTED: Option<(&'static str, &'static str)> = None;

    fn from_event(event: Event) -> Result<Self> {
        erased::decode(event.event_type(), &*event.fields()?).map(Payload)
    }
}
