//! The task of one connection: it alone touches the socket and calls the consumer.
//!
//! A handler runs inside of this task, or on a thread that may block, while the task goes on
//! moving bytes: so pings are answered, a disconnect is noticed and output flows during it.

use std::any::type_name;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::calls::{Call, run};
use super::link::{Link, Output};
use super::refusal::{close_for, log_message, log_refusal};
use super::registry::Registered;
use super::slot::{self, Slot};
use super::wire::Wire;
use crate::consumer::{
    Consumer, Declaration, Disconnect, DisconnectedBy, Held, Home, Hook, Input, Lender, Loan,
    Outcome, WebSocketKind,
};
use crate::log::log_limited;
use crate::supervise::{discard, log_safely};
use crate::{Error, ErrorKind};

/// How many handlers run before other tasks have their turn.
const BUDGET: usize = 64;

/// A connection, as the future that is its life. `F` is the future of one call.
pub(crate) struct Connection<C, F> {
    link: Arc<Link>,
    home: Arc<Home<Held<C>>>,
    /// The consumer, from the last handler to the next. Missing while one runs, and where one could
    /// not give it back: then it is at home, or on its way there.
    loan: Option<Loan<Held<C>>>,
    call: fn(Lender<Held<C>>, Call) -> F,
    running: Option<Running<F>>,
    wire: Wire,
    stage: Stage,
    /// What becomes of what the handlers of this turn have sent.
    output: Output,
    /// Whether the next handler is an event's: frames and events take turns.
    events_turn: bool,
    grace: Duration,
    /// Until when a handler may run after the connection's end, and `disconnect` behind it.
    deadline: Option<Pin<Box<Sleep>>>,
    _registered: Registered,
}

struct Running<F> {
    slot: Slot<F>,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Connect,
    Receive,
    Event,
    Release,
}

/// How far the connection has come.
enum Stage {
    /// The handshake is not answered yet.
    Handshake,
    /// Frames and events go to their handlers.
    Open,
    /// The stream has ended; what came before has its handlers, then `disconnect` runs.
    Ended(Box<Disconnect>),
    /// `disconnect` runs, or has run.
    Released,
}

/// Begins a connection's life: with its `connect`.
pub(crate) fn connection<C>(
    link: Arc<Link>,
    held: Held<C>,
    wire: Wire,
    grace: Duration,
    registered: Registered,
) -> impl Future<Output = ()> + Send
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    let mut connection = Connection {
        link,
        home: Home::new(held),
        loan: None,
        call: run::<C>,
        running: None,
        wire,
        stage: Stage::Handshake,
        output: Output::Write,
        events_turn: false,
        grace,
        deadline: None,
        _registered: registered,
    };
    connection.start(What::Connect, Call::Connect);
    connection
}

impl<C, F> Future for Connection<C, F>
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
    F: Future<Output = (Loan<Held<C>>, Outcome)> + Send + 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let connection = self.get_mut();
        connection.link.register(cx.waker());
        connection.output = Output::Write;
        connection.wire.begin_turn();
        for _ in 0..BUDGET {
            connection.poll_wire(cx);
            if connection.running.is_none() && connection.start_next().is_pending() {
                return Poll::Pending;
            }
            if connection.poll_handler(cx).is_pending() && !connection.ends_meanwhile(cx) {
                return Poll::Pending;
            }
            if matches!(connection.stage, Stage::Released) && connection.running.is_none() {
                return connection.wire.poll_rest(&connection.link, cx);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<C, F> Connection<C, F>
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
    F: Future<Output = (Loan<Held<C>>, Outcome)> + Send + 'static,
{
    /// Moves bytes, once the handshake is accepted, and notices the end.
    fn poll_wire(&mut self, cx: &mut Context<'_>) {
        match self.stage {
            Stage::Handshake if self.link.is_accepted() => self.stage = Stage::Open,
            Stage::Handshake if self.link.is_abandoned() => self.abandon(),
            Stage::Handshake => return,
            Stage::Ended(_) | Stage::Released => {
                // What is left of the closing handshake, which the consumer does not wait for.
                let _ = self.wire.poll_rest(&self.link, cx);
                return;
            }
            Stage::Open => {}
        }
        if let Stage::Open = self.stage
            && let Poll::Ready(disconnect) =
                self.wire
                    .poll(&self.link, self.running.is_some(), self.output, cx)
        {
            if !self.wire.has_rest() {
                self.link.end();
            }
            tracing::debug!(code = %disconnect.code, by = ?disconnect.by, "disconnected");
            if disconnect.by == DisconnectedBy::Limit {
                log_refusal::<C>(&disconnect, self.path());
            }
            self.stage = Stage::Ended(Box::new(disconnect));
            self.deadline = Some(Box::pin(sleep(self.grace)));
        }
    }

    /// While a handler goes on waiting, the socket is listened to, and what the handler has sent so
    /// far leaves. Tells whether that has ended the connection: the handler's time now runs.
    fn ends_meanwhile(&mut self, cx: &mut Context<'_>) -> bool {
        let was_open = matches!(self.stage, Stage::Open | Stage::Handshake);
        if self.wire.may_have_more() || self.link.has_output() {
            self.output = Output::Write;
            self.poll_wire(cx);
        }
        was_open && matches!(self.stage, Stage::Ended(_))
    }

    /// The path of the request, unless a handler runs that has the consumer.
    fn path(&mut self) -> Option<&str> {
        let socket = self.loan.as_mut()?.connection.as_async();
        Some(socket.scope().path())
    }

    /// The handshake was given up: there is no connection to disconnect from.
    fn abandon(&mut self) {
        self.link.end();
        self.drop_running();
        self.release(None);
    }

    /// Runs the handler that runs. Pending if it goes on waiting.
    fn poll_handler(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(running) = &mut self.running else {
            return Poll::Ready(());
        };
        let what = running.what;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let future = running.slot.as_mut().as_pin_mut();
            future.expect("there until the handler has ended").poll(cx)
        }));
        match polled {
            Ok(Poll::Pending) if self.time_is_up(cx) => {
                log_limited!(
                    warn,
                    consumer = type_name::<C>(),
                    "a handler did not end in time after its connection"
                );
                self.drop_running();
                self.wire.clear();
            }
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready((loan, outcome))) => {
                self.loan = Some(loan);
                self.drop_running();
                self.finish(what, outcome);
            }
            Err(panic) => {
                self.drop_running();
                self.link.stats().panicked();
                let consumer = type_name::<C>();
                log_safely(panic, |panic| {
                    log_limited!(
                        error,
                        consumer,
                        panic,
                        "a handler panicked: its connection is closed"
                    );
                });
                self.finish(
                    what,
                    Err(Error::new(ErrorKind::Other, "the handler panicked")),
                );
            }
        }
        Poll::Ready(())
    }

    fn time_is_up(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline
            .as_mut()
            .is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }

    fn drop_running(&mut self) {
        if let Some(running) = self.running.take() {
            // A future may panic when it is dropped, too: that is its own end, not the task's.
            let dropped = catch_unwind(AssertUnwindSafe(|| slot::clear(running.slot)));
            if let Err(panic) = dropped {
                let consumer = type_name::<C>();
                log_safely(panic, |panic| {
                    log_limited!(
                        error,
                        consumer,
                        panic,
                        "a handler panicked while it was dropped"
                    );
                });
            }
        }
    }

    fn start(&mut self, what: What, call: Call) {
        self.output = match what {
            What::Event => Output::Leave,
            What::Connect | What::Receive | What::Release => Output::Write,
        };
        self.link.begin_handler();
        let lender = match self.loan.take() {
            Some(loan) => Lender::Loan(loan),
            None => Lender::Home(Arc::clone(&self.home)),
        };
        let slot = slot::place((self.call)(lender, call));
        self.running = Some(Running { slot, what });
    }

    /// Starts what comes next. Pending if there is nothing to do.
    fn start_next(&mut self) -> Poll<()> {
        match &self.stage {
            Stage::Handshake => self.release(None),
            Stage::Ended(disconnect) => {
                let disconnect = Disconnect::clone(disconnect);
                if !self.start_receive() {
                    self.release(Some(disconnect));
                }
            }
            Stage::Released => {}
            Stage::Open if self.wire.is_closing() => return Poll::Pending,
            Stage::Open => {
                let started = (self.events_turn && self.start_event())
                    || self.start_receive()
                    || self.start_event();
                if !started {
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }

    fn start_event(&mut self) -> bool {
        if !self.wire.has_events() {
            return false;
        }
        let Some((route, event)) = self.link.next_event() else {
            return false;
        };
        self.events_turn = false;
        self.start(What::Event, Call::Handler(route, event.into()));
        true
    }

    /// A message that no handler takes is dropped: that is something done as well, for the socket
    /// may have more.
    fn start_receive(&mut self) -> bool {
        let Some(message) = self.wire.pop() else {
            return false;
        };
        if let Some(route) = C::TABLE.hook(Hook::Receive) {
            self.events_turn = true;
            self.start(What::Receive, Call::Handler(route, message.into()));
        }
        true
    }

    fn release(&mut self, disconnect: Option<Disconnect>) {
        self.stage = Stage::Released;
        self.deadline = Some(Box::pin(sleep(self.grace)));
        let call = disconnect
            .and_then(|disconnect| Some((C::TABLE.hook(Hook::Disconnect)?, disconnect)))
            .map(|(route, disconnect)| (route, Input::from(disconnect)));
        self.start(What::Release, Call::Release(call));
    }

    /// What a handler's end means for the connection.
    fn finish(&mut self, what: What, outcome: Outcome) {
        let Err(error) = outcome else { return };
        match (what, error.kind()) {
            (What::Event, ErrorKind::Undecodable) => {
                self.link.undecodable(&error);
            }
            (What::Release, _) => {
                let consumer = type_name::<C>();
                let (error, source) = error.excerpts();
                log_limited!(error, error, source, consumer, "`disconnect` failed");
            }
            // The connection was over before the handler was: that is no failure of the handler.
            (_, ErrorKind::Closed) if !self.link.is_open() => {}
            _ => {
                let (frame, by) = close_for(&error);
                match by {
                    DisconnectedBy::Failure => {
                        let (consumer, (error, source)) = (type_name::<C>(), error.excerpts());
                        log_limited!(error, error, source, consumer, "a handler failed");
                    }
                    DisconnectedBy::Limit => log_message::<C>(&error, self.path()),
                    _ => {}
                }
                self.link.close(frame, by);
            }
        }
    }
}

/// However the task ends, the socket goes with it, and whoever still holds the link learns it.
impl<C, F> Drop for Connection<C, F> {
    fn drop(&mut self) {
        self.link.end();
        drop(self.loan.take());
        discard("the `Drop` of a consumer", self.home.take());
    }
}
