//! What the macros' output calls. Not public API: it changes with the macros, without notice.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::marker::PhantomData;

pub use crate::consumer::table::Route;
pub use crate::consumer::table::{table_size, table_slots};
pub use crate::consumer::{
    BlockingConnectionOf, ChannelKind, ConnectionOf, Declaration, Entry, Handlers, Handles, Hook,
    HttpKind, Input, IsBlockingConnection, IsConnection, Kind, Mode, Options, Outcome, Overflow,
    Relay, Relays, Speaks, Supports, Table, WebSocketKind, hook,
};
pub use crate::event::{CoalesceKey, EventType, FromEvent, TypedEvent};
pub use crate::middleware::Provides;
pub use serde::Serialize;
pub use serde::de::DeserializeOwned;

use crate::consumer::{FromDisconnect, IntoOutcome, Payload};
use crate::{Error, ErrorKind, Event, FromBody, FromMessage, Message, Result};

/// Fails to compile for a struct without its impl block.
pub const fn require_handlers<C: Handlers>() {}

/// Fails to compile for a method that this kind of consumer never calls.
pub const fn supports<C: Declaration, H>()
where
    C::Kind: Supports<H>,
{
}

/// Fails to compile for a relayed event of a consumer that has nothing to relay it to.
pub const fn relays<C: Declaration>()
where
    C::Kind: Relays,
{
}

/// Fails to compile for a protocol event of another kind of consumer.
pub const fn speaks<C: Declaration, P>()
where
    C::Kind: Speaks<P>,
{
}

/// The event type of a typed event, and what to say of another.
type Typed = Option<(&'static str, &'static str)>;

/// What a payload says of its event type, and of its key.
///
/// Of what is no event, [`NoEvent`] says it: a handler that takes such is reported for that alone.
#[derive(Debug)]
pub struct Expected<T: ?Sized>(PhantomData<T>);

impl<T: FromEvent> Expected<T> {
    /// The type that the payload is tied to, if it is.
    pub const TYPE: Typed = T::EXPECTED;

    /// The key of the event that the payload is.
    pub const KEY: CoalesceKey = T::KEY;
}

/// What [`Expected`] falls back on.
pub trait NoEvent {
    /// Not tied to any type.
    const TYPE: Typed = None;

    /// No other key than the event's own.
    const KEY: CoalesceKey = CoalesceKey::OWN;
}

impl<T: ?Sized> NoEvent for Expected<T> {}

/// Fails to compile for a handler whose literal is not the type of its event.
///
/// (The empty type is one that has a mistake in it, which has been reported.)
///
/// # Panics
///
/// At compile time, with the literal that would be right.
#[track_caller]
pub const fn assert_event_type(expected: Typed, literal: &str) {
    if let Some((expected, mismatch)) = expected {
        assert!(
            expected.is_empty() || crate::event::same_event_type(expected, literal),
            "{}",
            mismatch
        );
    }
}

/// Fails to compile for a fallback that takes a typed event.
///
/// # Panics
///
/// At compile time, with what it may take.
#[track_caller]
pub const fn assert_any_event(expected: Typed) {
    assert!(
        expected.is_none(),
        "the fallback takes events of any type, and this is one of them\n  help: take `Event`, or `Payload<T>` for any `T: Deserialize`"
    );
}

/// The connection, under the type that the handler names.
pub fn connection<C: Declaration, T>(connection: &mut ConnectionOf<C>) -> &mut T
where
    T: IsConnection<C::Kind>,
{
    T::of(connection)
}

/// The connection of a plain `fn`, under the type that the handler names.
pub fn blocking_connection<C: Declaration, T>(connection: &mut BlockingConnectionOf<C>) -> &mut T
where
    T: IsBlockingConnection<C::Kind>,
{
    T::of(connection)
}

/// The payload of `receive`.
///
/// # Errors
///
/// That the frame is of the wrong kind, or does not parse.
pub fn message<T: FromMessage>(input: Input) -> Result<T> {
    match input.0 {
        Payload::Message(message) => T::from_message(message),
        other => Err(misrouted(&other)),
    }
}

/// The payload of `receive`, borrowed.
///
/// # Errors
///
/// That the frame is of the wrong kind.
pub fn message_ref<T: MessageRef + ?Sized>(input: &Input) -> Result<&T> {
    match &input.0 {
        Payload::Message(message) => T::from_message_ref(message),
        other => Err(misrouted(other)),
    }
}

/// What `receive` can borrow: `&str`, `&[u8]` or `&Message`.
#[diagnostic::on_unimplemented(
    message = "`receive` cannot take `&{Self}`",
    label = "not a kind of message",
    note = "borrow `&str`, `&[u8]` or `&Message`, or take it by value"
)]
pub trait MessageRef {
    /// Borrows the parameter from the message.
    ///
    /// # Errors
    ///
    /// That the frame is of the wrong kind.
    fn from_message_ref(message: &Message) -> Result<&Self>;
}

impl MessageRef for Message {
    fn from_message_ref(message: &Message) -> Result<&Self> {
        Ok(message)
    }
}

impl MessageRef for str {
    fn from_message_ref(message: &Message) -> Result<&Self> {
        message
            .as_text()
            .ok_or_else(|| unsupported("expected a text frame, got binary"))
    }
}

impl MessageRef for [u8] {
    fn from_message_ref(message: &Message) -> Result<&Self> {
        match message {
            Message::Binary(bytes) => Ok(bytes),
            Message::Text(_) => Err(unsupported("expected a binary frame, got text")),
        }
    }
}

/// The payload of `handle`.
///
/// # Errors
///
/// That the body does not parse.
pub fn request<T: FromBody>(input: Input) -> Result<T> {
    match input.0 {
        Payload::Request(body) => T::from_body(body),
        other => Err(misrouted(&other)),
    }
}

/// The payload of `disconnect`.
///
/// # Errors
///
/// None that a user could see.
pub fn disconnect<T: FromDisconnect>(input: Input) -> Result<T> {
    match input.0 {
        Payload::Disconnect(disconnect) => Ok(T::from_disconnect(disconnect)),
        other => Err(misrouted(&other)),
    }
}

/// The payload of an event's handler.
///
/// # Errors
///
/// That the event's payload does not decode.
pub fn event<T: FromEvent>(input: Input) -> Result<T> {
    match input.0 {
        Payload::Event(event) => T::from_event(event).map_err(undecodable),
        other => Err(misrouted(&other)),
    }
}

/// The payload of an event's handler, borrowed.
///
/// # Errors
///
/// That the event's payload does not decode.
pub fn event_ref<T: EventRef>(input: &Input) -> Result<&T> {
    match &input.0 {
        Payload::Event(event) => T::from_event_ref(event).map_err(undecodable),
        other => Err(misrouted(other)),
    }
}

/// What an event's handler can borrow: a typed event, or the [`Event`] itself.
#[diagnostic::on_unimplemented(
    message = "a handler cannot take `&{Self}`",
    label = "not an event",
    note = "borrow a type with `#[derive(Event)]` or the raw `Event`; take `Payload<T>` by value"
)]
pub trait EventRef {
    /// Borrows the parameter from the event.
    ///
    /// # Errors
    ///
    /// That the event's payload does not decode.
    fn from_event_ref(event: &Event) -> Result<&Self>;
}

impl EventRef for Event {
    fn from_event_ref(event: &Event) -> Result<&Self> {
        Ok(event)
    }
}

impl<E: TypedEvent> EventRef for E {
    fn from_event_ref(event: &Event) -> Result<&Self> {
        event.get()
    }
}

/// What a handler returned.
///
/// # Errors
///
/// What the handler returned.
pub fn outcome<T: IntoOutcome>(returned: T) -> Outcome {
    returned.into_outcome()
}

/// A number that is not in the table: the runtime asks only for those that are.
///
/// # Errors
///
/// Always.
#[cold]
pub fn unknown(handler: u16) -> Outcome {
    Err(Error::new(
        ErrorKind::Other,
        format!("the consumer has no handler number {handler}"),
    ))
}

/// Hashes the key of an event's coalescing fields.
pub fn key(fields: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    fields.hash(&mut hasher);
    hasher.finish()
}

/// A field of an event for one more receiver.
pub fn duplicate<T: Field>(field: &T) -> T {
    field.clone()
}

/// What an event may have in its fields.
#[diagnostic::on_unimplemented(
    message = "an event cannot have a `{Self}` in it: it is not `Clone`",
    label = "not `Clone`",
    note = "each receiver that takes the event by value gets its own: share the field in an `Arc`, or derive `Clone`"
)]
pub trait Field: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> Field for T {}

/// Tells an event that did not decode, which is only counted, from a handler that failed.
#[cold]
fn undecodable(error: Error) -> Error {
    Error::caused(
        ErrorKind::Undecodable,
        "the event's payload is not what its handler takes",
        error,
    )
}

#[cold]
fn misrouted(payload: &Payload) -> Error {
    Error::new(
        ErrorKind::Other,
        format!("a handler was called with {payload:?}"),
    )
}

#[cold]
fn unsupported(text: &str) -> Error {
    Error::new(ErrorKind::UnsupportedData, text)
}
