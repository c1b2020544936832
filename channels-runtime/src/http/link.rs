//! What an exchange's task shares with its handlers, its layer and the server.

use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::{Response, StatusCode};
use tokio::sync::oneshot;

use super::output::{Output, Spent, Tail};
use crate::app::{self, Body, refusal};
use crate::consumer::{DisconnectedBy, Options, Overflow, Table};
use crate::handler_threads::{Client, HandlerThreads};
use crate::layer::{Delivered, Receiver};
use crate::socket::mailbox::{Arriving, Mailbox, Pushed, Removed};
use crate::stats::Stats;
use crate::{BoxError, Error, ErrorKind, Event, Result};

/// Where the response goes: to the server that holds the request.
pub(super) type Answer = oneshot::Sender<Response<Body>>;

/// One exchange, seen from outside of its task.
///
/// As with a socket's link, no user code runs while its lock is held: no `Drop` of an event or a chunk,
/// no waker. What such code is left for goes into a [`Removed`] or a [`Spent`] that is declared before
/// the guard, and so dropped after it.
#[derive(Debug)]
pub(super) struct Link {
    task: AtomicWaker,
    state: Mutex<State>,
    table: &'static Table,
    /// The consumer's name.
    consumer: fn() -> &'static str,
    /// Whether the keys of events matter: those of newer events that replace older ones.
    coalesces: bool,
    stats: Arc<Stats>,
    /// How many groups its channel may join.
    max_groups: usize,
    pub(super) threads: Arc<HandlerThreads>,
    /// How long a client may take nothing of what waits for it. `None` where the stream is guarded: that
    /// counts bytes, and only parts can be counted here.
    patience: Option<Duration>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Whether the application shuts down: what runs may end, nothing new begins.
    stopping: bool,
    /// Whether the response has no body, so that its handler cannot notice that its client goes.
    bodiless: bool,
    mailbox: Mailbox,
    output: Output,
}

/// How far the response has come.
#[derive(Debug)]
pub(super) enum Phase {
    Unanswered(Answer),
    Streaming(Content),
    /// The response is complete or given up, or the client is gone: nothing new goes in or out.
    Over(DisconnectedBy),
}

/// What a streaming response consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Body,
    /// Server-sent events. Their end, wherever it is, cuts nothing off: clients come back.
    Events,
}

impl Link {
    /// `is_guarded`: whether the server itself disconnects a client that does not read.
    pub(super) fn new(
        table: &'static Table,
        consumer: fn() -> &'static str,
        options: &Options,
        context: &app::Context,
        answer: Answer,
        is_guarded: bool,
    ) -> Arc<Self> {
        let (limits, stats) = (&context.limits, Arc::clone(&context.stats));
        Arc::new(Self {
            task: AtomicWaker::new(),
            state: Mutex::new(State {
                phase: Phase::Unanswered(answer),
                stopping: false,
                bodiless: false,
                mailbox: Mailbox::new(options, limits, Arc::clone(&stats)),
                output: Output::new(limits.outbound_bytes, Arc::clone(&stats)),
            }),
            table,
            consumer,
            coalesces: options.overflow == Overflow::Coalesce,
            stats,
            max_groups: limits.groups,
            threads: Arc::clone(&context.threads),
            patience: (!is_guarded && !limits.ping_interval.is_zero())
                .then(|| limits.ping_interval.saturating_add(limits.ping_timeout)),
        })
    }

    /// Takes the right to answer, which there is once; `next` is what the answer makes of the
    /// exchange.
    pub(super) fn take_answer(&self, next: Phase) -> Result<Answer> {
        let _removed: Removed;
        let mut state = self.state();
        match mem::replace(&mut state.phase, next) {
            Phase::Unanswered(answer) => {
                if state.is_over() {
                    _removed = state.mailbox.clear();
                }
                drop(state);
                self.task.wake();
                Ok(answer)
            }
            before => {
                let (kind, message) = match before {
                    Phase::Over(DisconnectedBy::Consumer) | Phase::Streaming(_) => {
                        (ErrorKind::Response, "the request was answered already")
                    }
                    _ => OVER,
                };
                state.phase = before;
                Err(Error::new(kind, message))
            }
        }
    }

    /// Queues a part of the response, after waiting for room; gives it back where it cannot go. A
    /// client that takes nothing for too long counts as lost.
    pub(super) async fn send(&self, content: Content, chunk: Bytes) -> Result {
        let mut chunk = Some(chunk);
        loop {
            let taken = self.state().output.taken();
            let sending = poll_fn(|cx| self.poll_send(content, &mut chunk, cx));
            let Some(patience) = self.patience else {
                return sending.await;
            };
            if let Ok(sent) = tokio::time::timeout(patience, sending).await {
                return sent;
            }
            if self.state().output.taken() == taken {
                tracing::debug!("a client reads nothing: it counts as lost");
                self.lost();
            }
        }
    }

    fn poll_send(
        &self,
        content: Content,
        chunk: &mut Option<Bytes>,
        cx: &mut Context<'_>,
    ) -> Poll<Result> {
        // Cloned without the lock.
        let (mut waker, mut spent) = (None, Spent::default());
        let mut state = self.state();
        while state.is_streaming(content) && state.output.is_full() {
            if state.output.knows(cx.waker()) {
                return Poll::Pending;
            }
            if let Some(waker) = waker.take() {
                state.output.wait(waker);
                return Poll::Pending;
            }
            drop(state);
            waker = Some(cx.waker().clone());
            state = self.state();
        }
        let (kind, message) = match state.phase {
            Phase::Streaming(streamed) if streamed == content => {
                if let Some(chunk) = chunk.take() {
                    state.output.push(chunk, &mut spent);
                }
                return Poll::Ready(Ok(()));
            }
            Phase::Over(_) => OVER,
            _ => match content {
                Content::Body => (ErrorKind::Response, "a body begins with `send_headers`"),
                Content::Events => (ErrorKind::Response, "events begin with `event_stream`"),
            },
        };
        let error = Error::new(kind, message);
        Poll::Ready(Err(match chunk.take() {
            Some(chunk) => error.with_unsent(chunk),
            None => error,
        }))
    }

    /// Completes the response. What is over stays as it is.
    pub(super) fn end(&self) -> Result {
        let _removed: Removed;
        let mut spent = Spent::default();
        let mut state = self.state();
        match state.phase {
            Phase::Unanswered(_) => {
                let what = "what has not begun cannot end: answer with `send_response`";
                return Err(Error::new(ErrorKind::Response, what));
            }
            Phase::Streaming(_) => {
                state.phase = Phase::Over(DisconnectedBy::Consumer);
                _removed = state.mailbox.clear();
                state.output.close(Tail::End, &mut spent);
            }
            Phase::Over(_) => {}
        }
        drop(state);
        self.task.wake();
        Ok(())
    }

    /// Ends what is not over: answers with a refusal where nothing was sent, else breaks the body off.
    pub(super) fn close(&self, by: DisconnectedBy, status: StatusCode, text: impl Into<String>) {
        let _removed: Removed;
        let mut spent = Spent::default();
        let mut unanswered = None;
        let mut state = self.state();
        match mem::replace(&mut state.phase, Phase::Over(by)) {
            Phase::Over(first) => state.phase = Phase::Over(first),
            Phase::Streaming(content) => {
                let whole = content == Content::Events && by != DisconnectedBy::Failure;
                let tail = if whole { Tail::End } else { Tail::Abort };
                state.output.close(tail, &mut spent);
            }
            Phase::Unanswered(answer) => unanswered = Some(answer),
        }
        _removed = state.mailbox.clear();
        drop(state);
        if let Some(answer) = unanswered {
            // Where the client is gone as well, nobody waits for it.
            drop(answer.send(refusal(status, text)));
        }
        self.task.wake();
    }

    /// The server has no use for the response any more: the client is gone, or has all of it.
    pub(super) fn lost(&self) {
        // The answer wakes who waits for it when it is dropped.
        let (_removed, _phase): (Removed, Phase);
        let mut spent = Spent::default();
        let mut state = self.state();
        if !state.is_over() {
            _phase = mem::replace(&mut state.phase, Phase::Over(DisconnectedBy::Lost));
            _removed = state.mailbox.clear();
        }
        state.output.clear(&mut spent);
        drop(state);
        self.task.wake();
    }

    /// The response is complete and has no body.
    pub(super) fn has_no_body(&self) {
        self.state().bodiless = true;
        self.task.wake();
    }

    /// The application shuts down.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        let streams_events = matches!(state.phase, Phase::Streaming(Content::Events));
        drop(state);
        if streams_events {
            self.close(DisconnectedBy::Shutdown, StatusCode::OK, "");
        }
        self.task.wake();
    }

    /// The next event for a handler, or that there is none any more. For the exchange's task only.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.task.register(cx.waker());
        let mut state = self.state();
        if state.stopping || state.is_over() {
            return Poll::Ready(None);
        }
        match state.mailbox.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None => Poll::Pending,
        }
    }

    /// Whether a running handler has only its grace period left. For the exchange's task only.
    ///
    /// One that has completed the response itself may take its time: nobody waits for it. One that
    /// wants to write a body that there is not, to a HEAD say, may not.
    pub(super) fn poll_urgent(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.task.register(cx.waker());
        let state = self.state();
        match state.phase {
            Phase::Over(by) if by != DisconnectedBy::Consumer => Poll::Ready(()),
            _ if state.stopping || state.bodiless => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    /// The next part of the body. For the server.
    pub(super) fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BoxError>>> {
        let mut spent = Spent::default();
        // Cloned without the lock.
        let mut reader = Some(cx.waker().clone());
        let mut state = self.state();
        state.output.poll_chunk(&mut reader, &mut spent)
    }

    /// By whom the exchange was ended, if it is over.
    pub(super) fn over(&self) -> Option<DisconnectedBy> {
        match self.state().phase {
            Phase::Over(by) => Some(by),
            _ => None,
        }
    }

    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.state().phase, Phase::Unanswered(_))
    }

    pub(super) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// No code panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a sender learns when it comes too late.
const OVER: (ErrorKind, &str) = (ErrorKind::Closed, "the exchange is over");

impl State {
    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    fn is_streaming(&self, content: Content) -> bool {
        matches!(self.phase, Phase::Streaming(streamed) if streamed == content)
    }
}

/// Its handler waits for a client that does not read, and too many do.
impl Client for Link {
    fn disconnect(&self) {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        self.close(DisconnectedBy::Limit, unavailable, "too slow\n");
        // The rest of a body that is broken off is of no use to anybody.
        let mut spent = Spent::default();
        let mut state = self.state();
        state.output.clear(&mut spent);
    }
}

impl Receiver for Link {
    fn deliver(&self, event: &Event) -> Delivered {
        let Some(route) = self.table.find(event.event_type()) else {
            self.stats.unhandled(event.event_type());
            return Delivered::Queued;
        };
        let key = if self.coalesces {
            route.key.of(event)
        } else {
            None
        };
        let arriving = Arriving::new(event, key);
        let outcome;
        let mut state = self.state();
        if state.stopping || state.is_over() {
            return Delivered::Closed;
        }
        outcome = state.mailbox.push(&arriving);
        drop(state);
        let pushed = outcome.report(&self.stats, (self.consumer)(), event);
        if pushed == Pushed::MustClose {
            self.disconnect();
        }
        self.task.wake();
        pushed.delivered()
    }

    fn max_groups(&self) -> usize {
        self.max_groups
    }
}
