//! Names of the user's own, which generated code must neither use nor disturb.
#![allow(
    dead_code,
    non_camel_case_types,
    reason = "names that are in the way, in whatever case"
)]

use channels::prelude::{BlockingWebSocket, WebSocket, consumer};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(crate) struct Result;
pub(crate) struct Option;
pub(crate) struct String;
pub(crate) struct Box;
pub(crate) struct Vec;
pub(crate) struct Error;
pub(crate) struct Message;
pub(crate) struct Table;
pub(crate) struct Entry;
pub(crate) struct u16;
pub(crate) struct u64;
pub(crate) struct str;
pub(crate) trait Handlers {}
pub(crate) trait Declaration {}
pub(crate) trait Clone {}
pub(crate) trait Send {}
pub(crate) mod core {}
pub(crate) mod std {}
pub(crate) mod serde_json {}
pub(crate) mod __private {}
pub(crate) const TABLE: u16 = u16;
pub(crate) const ENTRIES: u16 = u16;
pub(crate) const SLOTS: u16 = u16;
pub(crate) const fn unknown() {}
pub(crate) const fn outcome() {}

/// (serde's derives do not survive the names above.)
mod payloads {
    use channels::prelude::{Deserialize, Serialize};

    #[derive(Clone, Serialize, Deserialize)]
    pub(crate) struct Text(String);
}

use payloads::Text;

/// Its variants and fields are named like what the derive writes.
#[derive(channels::Event)]
#[event("shadowed.event")]
pub(crate) enum Event {
    Some(Text),
    None {},
    Ok { field_0: Text, field_1: Text },
}

#[derive(channels::Event)]
#[event("shadowed.key", key(key))]
pub(crate) struct Keyed {
    pub(crate) key: u8,
    pub(crate) other: u8,
}

macro_rules! never_sent {
    ($($event:ty),*) => { $(
        impl Serialize for $event {
            fn serialize<S: Serializer>(&self, to: S) -> ::core::result::Result<S::Ok, S::Error> {
                to.serialize_unit()
            }
        }

        impl<'de> Deserialize<'de> for $event {
            fn deserialize<D: Deserializer<'de>>(
                _: D,
            ) -> ::core::result::Result<Self, D::Error> {
                Err(de::Error::custom("never sent"))
            }
        }
    )* };
}

never_sent!(Event, Keyed);

#[consumer]
#[derive(Default)]
pub(crate) struct Handler {
    pub(crate) handler: u8,
}

#[consumer]
impl Handler {
    /// `connection` and `input` are parameters of what is generated.
    #[handler("shadowed.connection")]
    async fn connection(&mut self, input: &mut WebSocket) -> channels::Result {
        let connection = input;
        connection.send("connection").await
    }

    #[handler("shadowed.input")]
    async fn input(&mut self, connection: &mut WebSocket, handler: channels::Event) {
        let _ = (connection, handler);
    }

    #[handler("shadowed.event")]
    async fn event(&mut self, event: Event) {
        let _ = event;
    }

    #[handler("shadowed.key")]
    async fn key(&mut self, event: &Keyed) {
        let _ = event;
    }

    #[handler("shadowed.handler")]
    fn handler(&mut self, input: &mut BlockingWebSocket) {
        let _ = input;
    }

    #[handler("shadowed.dispatch")]
    async fn dispatch(&mut self) {}

    #[handler("shadowed.dispatch.blocking")]
    fn dispatch_blocking(&mut self) {}

    #[handler("shadowed.outcome")]
    async fn outcome(&mut self) {}

    #[handler("shadowed.raw")]
    async fn r#match(&mut self) {}
}
