//! The calls of a consumer's handlers, each one future of the same type.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::blocking::BlockingWebSocket;
use super::tasks::blocking;
use crate::consumer::table::Route;
use crate::consumer::{Consumer, Declaration, Hook, Input, Mode, Outcome, WebSocketKind};
use crate::{Error, ErrorKind, Result};

/// A consumer and its socket. Whoever runs a handler holds the lock for as long.
///
/// A handler that panics or is dropped lets the lock go, so `disconnect` finds both in place.
#[derive(Debug)]
pub(crate) struct Held<C> {
    pub(crate) consumer: C,
    pub(crate) socket: BlockingWebSocket,
}

/// What is to be called.
#[derive(Debug)]
pub(crate) enum Call {
    /// `connect`, where there is one, and the answer that it did not give.
    Connect,
    /// A handler of the table.
    Handler(Route, Input),
    /// The end: `disconnect`, where there is one, then everything is let go.
    Release(Option<(Route, Input)>),
}

type Shared<C> = Arc<Mutex<Held<C>>>;

/// Runs one call to its end.
pub(crate) async fn run<C>(held: Shared<C>, call: Call) -> Outcome
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    let held = held.lock_owned().await;
    match call {
        Call::Handler(route, input) => dispatch(held, route, input).await.1,
        Call::Connect => connect(held).await,
        Call::Release(disconnect) => release(held, disconnect).await,
    }
}

async fn dispatch<C>(
    mut held: OwnedMutexGuard<Held<C>>,
    route: Route,
    input: Input,
) -> (OwnedMutexGuard<Held<C>>, Outcome)
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    held.socket.as_async().handles(input.event().cloned());
    match route.mode {
        Mode::Async => {
            let Held { consumer, socket } = &mut *held;
            let outcome = consumer
                .dispatch(socket.as_async(), route.handler, input)
                .await;
            (held, outcome)
        }
        Mode::Blocking => {
            blocking(move || {
                let Held { consumer, socket } = &mut *held;
                let outcome = consumer.dispatch_blocking(socket, route.handler, input);
                (held, outcome)
            })
            .await
        }
        // The link relays: such an event comes to no call.
        Mode::Relay(_) => (held, Ok(())),
    }
}

async fn connect<C>(mut held: OwnedMutexGuard<Held<C>>) -> Outcome
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    if C::TABLE.takes_events() || !C::OPTIONS.groups.is_empty() {
        held.socket.as_async().open_channel().await?;
    }
    let mut outcome = Ok(());
    if let Some(route) = C::TABLE.hook(Hook::Connect) {
        (held, outcome) = dispatch(held, route, Input::connect()).await;
    }
    let socket = held.socket.as_async();
    match outcome.as_ref().map_err(Error::kind) {
        _ if socket.is_answered() => outcome,
        Ok(()) | Err(ErrorKind::Accept) => socket.accept().await,
        Err(ErrorKind::Deny | ErrorKind::Stop) => socket.deny(StatusCode::FORBIDDEN).await,
        Err(_) => outcome,
    }
}

async fn release<C>(
    mut held: OwnedMutexGuard<Held<C>>,
    disconnect: Option<(Route, Input)>,
) -> Result
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    let mut outcome = Ok(());
    if let Some((route, input)) = disconnect {
        (held, outcome) = dispatch(held, route, input).await;
    }
    held.socket.as_async().release();
    outcome
}
