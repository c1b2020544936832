//! A consumer with its connection, and how a handler of it is called.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

use super::table::Route;
use super::{BlockingConnectionOf, Consumer, Input, Kind, Mode, Outcome};
use crate::socket::{BlockingWebSocket, blocking};

/// A consumer and its connection. Whoever runs a handler holds the lock for as long.
///
/// A handler that panics or is dropped lets the lock go, so `disconnect` finds both in place.
#[derive(Debug)]
pub(crate) struct Held<C, B = BlockingWebSocket> {
    pub(crate) consumer: C,
    pub(crate) connection: B,
}

/// A consumer of any kind, held.
pub(crate) type HeldOf<C> = Held<C, BlockingConnectionOf<C>>;

/// The same, shared by the connection's task and the handler that runs.
pub(crate) type Shared<C> = Arc<Mutex<HeldOf<C>>>;

/// Calls a handler where it has to run, and gives the consumer back.
pub(crate) async fn dispatch<C: Consumer>(
    mut held: OwnedMutexGuard<HeldOf<C>>,
    route: Route,
    input: Input,
) -> (OwnedMutexGuard<HeldOf<C>>, Outcome) {
    match route.mode {
        Mode::Async => {
            let HeldOf::<C> {
                consumer,
                connection,
            } = &mut *held;
            let connection = C::Kind::as_async(connection);
            let outcome = consumer.dispatch(connection, route.handler, input).await;
            (held, outcome)
        }
        Mode::Blocking => {
            blocking(move || {
                let HeldOf::<C> {
                    consumer,
                    connection,
                } = &mut *held;
                let outcome = consumer.dispatch_blocking(connection, route.handler, input);
                (held, outcome)
            })
            .await
        }
        // The connection relays by itself: such an event comes to no call.
        Mode::Relay(_) => (held, Ok(())),
    }
}
