//! Consumers of 1, 10, 100 and 500 handlers, and a way to call them that is nothing but dispatch.
//!
//! A dispatch needs a connection, and only a running server has one. So another consumer,
//! [`Runner`], lends the table its own, and calls it in a loop inside of its `receive`.

use std::fmt::Debug;
use std::hint::black_box;

use channels::__private::Declaration;
use channels::__private::{Handlers, Input, WebSocketKind};
use channels::prelude::*;
use channels::testing::WebsocketCommunicator;
use futures_util::FutureExt as _;

#[expect(missing_docs, reason = "five hundred of a kind, which only add")]
mod generated {
    use super::Numbered;
    use channels::prelude::*;

    include!(concat!(env!("OUT_DIR"), "/handlers.rs"));
}

pub use generated::{Table1, Table10, Table100, Table500};

/// A consumer whose handlers are numbered, and take one event each.
pub trait Numbered: Debug + Default + Handlers + Declaration<Kind = WebSocketKind> {
    /// For each handler, in order, the event that it takes.
    fn events() -> Vec<Event>;
}

/// Measures calls of a function, in whatever unit.
pub type Measure = fn(calls: u64, call: &mut dyn FnMut()) -> u64;

/// Calls a table's handlers, as many as the text asks for, and answers what was measured.
#[consumer]
#[derive(Debug)]
pub struct Runner<C: Numbered> {
    table: C,
    events: Vec<Event>,
    measure: Measure,
}

#[consumer]
impl<C: Numbered> Runner<C> {
    async fn receive(&mut self, socket: &mut WebSocket, Json(calls): Json<u64>) -> Result {
        let mut next = 0;
        let mut call = || {
            let event = &self.events[next];
            let found = C::TABLE.find(black_box(event.event_type()));
            assert!(found.is_some(), "the table lacks one of its types");
            let input = Input::from(event.clone());
            let done = self
                .table
                .dispatch(socket, next as u16, input)
                .now_or_never();
            assert!(
                black_box(done).is_some_and(|outcome| outcome.is_ok()),
                "a handler failed"
            );
            next = (next + 1) % self.events.len();
        };
        let measured = (self.measure)(calls, &mut call);
        socket.send_json(&measured).await
    }
}

/// A connection to a [`Runner`].
///
/// # Errors
///
/// That it does not connect.
///
/// # Panics
///
/// If the handshake is refused, which nothing here does.
pub async fn runner<C: Numbered + Sync>(measure: Measure) -> Result<WebsocketCommunicator> {
    let make = move |_: &channels::Scope| Runner {
        table: C::default(),
        events: C::events(),
        measure,
    };
    let routes = URLRouter::new().path("run/", Runner::<C>::app_with(make));
    let app = ProtocolTypeRouter::new().websocket(routes);
    let mut client = WebsocketCommunicator::new(&app, "/run/");
    client.connect().await.expect("nothing refuses");
    Ok(client)
}
