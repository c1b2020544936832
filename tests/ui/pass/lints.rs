//! With every lint denied: nothing that the macros write is to be found fault with, nor a signature
//! that they ask for. (`cargo clippy` comes by here; `missing_docs` looks at public items.)
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unused_qualifications,
    unused_lifetimes,
    unreachable_pub,
    elided_lifetimes_in_paths,
    single_use_lifetimes,
    trivial_casts,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::allow_attributes_without_reason,
    clippy::indexing_slicing,
    clippy::missing_trait_methods,
    clippy::panic,
    clippy::unwrap_used
)]

use channels::prelude::*;

/// A payload.
#[derive(Debug, Event, Serialize, Deserialize)]
#[event("lints.said", key(by))]
struct Said {
    by: u64,
    text: String,
}

/// A payload with variants.
#[derive(Debug, Event, Serialize, Deserialize)]
#[event("lints.moved")]
enum Moved {
    /// By coordinates.
    To(f64, f64),
    /// By name.
    Named {
        /// Where to.
        place: String,
    },
}

/// A payload that fits into a register.
#[derive(Clone, Copy, Debug, Event, Serialize, Deserialize)]
#[event("lints.tick")]
struct Tick {
    number: u8,
}

/// Async handlers that wait for nothing, and do nothing with what they get.
#[consumer(groups("lints"), mailbox = 10, overflow = coalesce)]
#[derive(Debug, Default)]
struct Idle;

#[consumer]
impl Idle {
    async fn connect(&mut self) {}

    async fn receive(&mut self, _socket: &mut WebSocket, _text: String) -> Result {
        Ok(())
    }

    #[handler("lints.said")]
    async fn said(&self, socket: &mut WebSocket, said: Said) -> Result {
        socket.send(said.text.as_str()).await
    }

    #[handler("lints.moved")]
    async fn into_place(&mut self, moved: &Moved) {
        let _ = moved;
    }

    #[handler("lints.tick")]
    async fn tick(&mut self, tick: &Tick) {
        let _ = tick.number;
    }

    #[fallback]
    async fn rest(&mut self, event: Event) {
        let _ = event.event_type();
    }

    async fn disconnect(&mut self, why: Disconnect) {
        let _ = why.code;
    }
}

/// The same with plain handlers.
#[consumer]
#[derive(Debug, Default)]
struct Blocking {
    ticks: u8,
}

#[consumer]
impl Blocking {
    fn connect(&mut self) {}

    fn receive(&mut self, _socket: &mut BlockingWebSocket, Json(text): Json<String>) -> Result {
        let _ = text.len();
        Ok(())
    }

    #[handler("lints.said")]
    fn from_somebody(&self, socket: &mut BlockingWebSocket, said: Said) -> Result {
        socket.send(format!("{}: {}", said.by, said.text))
    }

    #[handler("lints.tick")]
    fn tick(&mut self, tick: &Tick) {
        self.ticks = self.ticks.wrapping_add(tick.number);
    }

    #[fallback]
    fn rest(&mut self, _: &Event) {}

    fn disconnect(&mut self, code: CloseCode) {
        let _ = code;
    }
}

#[test]
fn all_of_it_is_used() {
    let text = String::from("said");
    let _ = (
        Said { by: 1, text },
        Moved::To(0.0, 0.0),
        Tick { number: 1 },
    );
    let place = String::from("somewhere");
    let _ = (Moved::Named { place }, Idle::app(), Blocking::app());
}
