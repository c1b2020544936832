//! A consumer with its connection, and how a handler of it is called.

use std::any::type_name;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::table::Route;
use super::{BlockingConnectionOf, Consumer, Input, Kind, Mode, Outcome};
use crate::handler_threads::Permit;
use crate::socket::BlockingWebSocket;
use crate::threads;

/// A consumer and its connection.
#[derive(Debug)]
pub(crate) struct Held<C, B = BlockingWebSocket> {
    pub(crate) consumer: C,
    pub(crate) connection: B,
}

/// A consumer of any kind, held.
pub(crate) type HeldOf<C> = Held<C, BlockingConnectionOf<C>>;

/// Where a consumer is while no handler of it runs.
pub(crate) struct Home<H>(Mutex<Place<H>>);

struct Place<H> {
    /// Missing while it is lent.
    held: Option<Box<H>>,
    /// Who waits for it: nobody, unless a handler is on a thread that blocks.
    waiting: Option<Waker>,
}

/// The home of a consumer of any kind.
pub(crate) type HomeOf<C> = Home<HeldOf<C>>;

/// A consumer on loan to the handler that runs. Dropping the loan brings it home: so a handler that
/// panics or is dropped leaves it whole to `disconnect`.
pub(crate) struct Loan<H> {
    /// There until the drop.
    held: Option<Box<H>>,
    home: Arc<Home<H>>,
}

/// The loan of a consumer of any kind.
pub(crate) type LoanOf<C> = Loan<HeldOf<C>>;

/// How a handler comes to its consumer.
pub(crate) enum Lender<H> {
    /// From the handler before, which gave it back.
    Loan(Loan<H>),
    Home(Arc<Home<H>>),
}

/// The lender of a consumer of any kind.
pub(crate) type LenderOf<C> = Lender<HeldOf<C>>;

impl<H> Home<H> {
    pub(crate) fn new(held: H) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Place {
            held: Some(Box::new(held)),
            waiting: None,
        })))
    }

    /// Lends the consumer, once a handler that still has it, on a thread that blocks, is done.
    ///
    /// Cancel safe. Only one may wait at a time: the connection's task.
    pub(crate) async fn lend(self: Arc<Self>) -> Loan<H> {
        let held = std::future::poll_fn(|cx| self.poll_take(cx)).await;
        Loan {
            held: Some(held),
            home: self,
        }
    }

    fn poll_take(&self, cx: &Context<'_>) -> Poll<Box<H>> {
        let mut place = self.place();
        let held = place.held.take();
        if held.is_none() {
            place.waiting = Some(cx.waker().clone());
        }
        held.map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes the consumer out for good, if it is not lent.
    pub(crate) fn take(&self) -> Option<Box<H>> {
        self.place().held.take()
    }

    /// No code panics while it holds this lock.
    fn place(&self) -> MutexGuard<'_, Place<H>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H> Lender<H> {
    /// As [`Home::lend`].
    pub(crate) async fn lend(self) -> Loan<H> {
        match self {
            Self::Loan(loan) => loan,
            Self::Home(home) => home.lend().await,
        }
    }
}

impl<H> Deref for Loan<H> {
    type Target = H;

    fn deref(&self) -> &H {
        self.held.as_ref().expect("only the drop takes it")
    }
}

impl<H> DerefMut for Loan<H> {
    fn deref_mut(&mut self) -> &mut H {
        self.held.as_mut().expect("only the drop takes it")
    }
}

impl<H> Drop for Loan<H> {
    fn drop(&mut self) {
        let mut place = self.home.place();
        place.held = self.held.take();
        let waiting = place.waiting.take();
        drop(place);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl<H> fmt::Debug for Home<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").finish_non_exhaustive()
    }
}

/// Calls a handler where it has to run, and returns the consumer. A plain `fn` keeps `permit` until
/// it has ended, also after the future is dropped.
pub(crate) async fn dispatch<C: Consumer>(
    mut held: LoanOf<C>,
    route: Route,
    input: Input,
    permit: Option<Permit>,
) -> (LoanOf<C>, Outcome) {
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
            threads::run(type_name::<C>(), move || {
                let HeldOf::<C> {
                    consumer,
                    connection,
                } = &mut *held;
                let outcome = consumer.dispatch_blocking(connection, route.handler, input);
                drop(permit);
                (held, outcome)
            })
            .await
        }
        // The connection relays by itself: such an event comes to no call.
        Mode::Relay(_) => (held, Ok(())),
    }
}
