//! Consumers and events with parameters.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use channels::prelude::*;
use channels::{FromMessage, TypedEvent};

/// What a room keeps its messages in.
pub(crate) trait Store: Default + Send + Sync + 'static {
    /// What somebody says.
    type Said: for<'de> Deserialize<'de> + Serialize + Clone + Send + Sync + 'static;

    fn keep(&mut self, said: Self::Said) -> usize;
}

#[derive(Default)]
pub(crate) struct Memory(Vec<String>);

impl Store for Memory {
    type Said = String;

    fn keep(&mut self, said: String) -> usize {
        self.0.push(said);
        self.0.len()
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("generics.kept")]
pub(crate) struct Kept<T> {
    pub(crate) said: T,
}

#[consumer(groups("generics"))]
#[derive(Default)]
pub(crate) struct Room<S: Store = Memory, const MOST: usize = 2> {
    store: S,
}

#[consumer]
impl<S: Store, const MOST: usize> Room<S, MOST> {
    const FULL: &'static str = "full";

    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<S::Said>) -> Result {
        if self.store.keep(said.clone()) > MOST {
            return socket.send(Self::FULL).await;
        }
        socket.group_send("generics", Kept { said }).await
    }

    #[handler("generics.kept")]
    async fn kept(&mut self, socket: &mut WebSocket, event: &Kept<S::Said>) -> Result {
        socket.send_json(&event.said).await
    }
}

/// The event itself is the parameter: its type is checked where it is known.
#[consumer]
pub(crate) struct Relay<E, M = String>
where
    E: TypedEvent,
{
    what: PhantomData<fn(E, M)>,
}

#[consumer]
impl<E, M> Relay<E, M>
where
    E: TypedEvent,
    M: FromMessage + Into<Message> + Send + 'static,
{
    async fn receive(&mut self, socket: &mut WebSocket, message: M) -> Result {
        socket.send(message).await
    }

    #[handler("generics.kept")]
    async fn relay(&mut self, socket: &mut WebSocket, event: &E) -> Result {
        socket.send_json(event).await
    }
}

impl<E: TypedEvent, M> Relay<E, M> {
    pub(crate) const fn new() -> Self {
        Self { what: PhantomData }
    }
}

/// An impl block for one of the types only.
#[consumer]
pub(crate) struct Only<T>(pub(crate) T);

#[consumer]
impl Only<BTreeMap<String, u8>> {
    async fn receive(&mut self, text: String) {
        self.0.insert(text, 1);
    }
}
