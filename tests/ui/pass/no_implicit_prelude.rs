//! What the macros write names everything by its whole path.
#![no_implicit_prelude]

use ::channels::{Bytes, CloseCode, Event, Result, WebSocket, consumer};
use ::serde::{Deserialize, Serialize};
use ::std::prelude::v1::derive;
use ::std::string::String;

#[derive(Event, Serialize, Deserialize)]
#[event("prelude.said", key(by))]
pub(crate) struct Said {
    by: u64,
    text: String,
}

#[derive(Event, Serialize, Deserialize)]
#[event("prelude.moved")]
pub(crate) enum Moved {
    To(f64, f64),
    Named { place: String },
    Nowhere {},
}

#[consumer(groups("prelude"), layer = "default", mailbox = 10, overflow = coalesce)]
#[derive(::std::default::Default)]
pub(crate) struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.group_send("prelude", Said { by: 1, text }).await
    }

    #[handler("prelude.said")]
    async fn said(&mut self, socket: &mut WebSocket, Said { by, text }: Said) -> Result {
        socket.send(text).await?;
        socket.send(Bytes::copy_from_slice(&by.to_be_bytes())).await
    }

    #[handler("prelude.moved")]
    fn moved(&mut self, event: &Moved) {
        let _ = event;
    }

    #[fallback]
    fn rest(&self, _: Event) {}

    async fn disconnect(&mut self, _: CloseCode) {}
}
