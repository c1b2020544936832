//! The task of one exchange: it alone calls the consumer.
//!
//! The server writes the response in a task of its own, so the client's end is noticed and output
//! flows whatever a handler does.

use std::any::type_name;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::StatusCode;

use super::calls::{self, Call};
use super::exchanges::Registered;
use super::failures;
use super::link::Link;
use crate::consumer::{
    Consumer, Declaration, Disconnect, DisconnectedBy, HeldOf, Home, HomeOf, Hook, HttpKind, Input,
    Outcome,
};
use crate::log::log_limited;

use crate::socket::slot;
use crate::supervise::{discard, log_safely};
use crate::{CloseCode, CloseFrame, Error, ErrorKind};

/// An exchange's life: `handle`, then events until the response is complete, then `disconnect`.
pub(super) async fn run<C>(
    link: Arc<Link>,
    held: HeldOf<C>,
    body: Bytes,
    grace: Duration,
    mut registered: Registered,
) where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    let life = Life::<C> {
        link,
        home: Home::new(held),
        grace,
    };
    let mut living = pin!(life.live(body));
    tokio::select! {
        biased;
        () = &mut living => return,
        () = registered.stopped() => life.link.stop(),
    }
    living.await;
}

struct Life<C: Consumer> {
    link: Arc<Link>,
    home: Arc<HomeOf<C>>,
    grace: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Request,
    Event,
    Release,
}

impl<C: Consumer> Drop for Life<C> {
    fn drop(&mut self) {
        discard("the `Drop` of a consumer", self.home.take());
    }
}

impl<C> Life<C>
where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    async fn live(&self, body: Bytes) {
        self.call(What::Request, Call::Request(body)).await;
        if !C::TABLE.takes_events() && self.tasks_ended().await {
            self.nobody_answers();
        }
        while let Some(event) = poll_fn(|cx| self.link.poll_next(cx)).await {
            if let Some(route) = C::TABLE.find(event.event_type()) {
                // By `event` a timer sees that it is being handled.
                let input = event.clone().for_handler().into();
                let call = Call::Handler(route, input);
                self.call(What::Event, call).await;
            }
            tokio::task::coop::consume_budget().await;
        }
        self.unfinished();
        self.release().await;
    }

    /// What a shutdown finds unfinished stays so.
    fn unfinished(&self) {
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let text = "the server shuts down\n";
        self.link.close(DisconnectedBy::Shutdown, unavailable, text);
    }

    /// `disconnect`, once, and all that ends with the exchange.
    async fn release(&self) {
        let by = self.link.over().unwrap_or(DisconnectedBy::Failure);
        tracing::debug!(?by, "an exchange has ended");
        let disconnect = C::TABLE
            .hook(Hook::Disconnect)
            .map(|route| (route, Input::from(disconnect(by))));
        self.call(What::Release, Call::Release(disconnect)).await;
    }

    /// The tasks of a consumer that no event can reach may still write for it: waits until they have
    /// ended, or the exchange has.
    async fn tasks_ended(&self) -> bool {
        let tasks_ended = async {
            let mut held = Arc::clone(&self.home).lend().await;
            held.connection.as_async().tasks_ended().await;
        };
        tokio::select! {
            biased;
            _ = poll_fn(|cx| self.link.poll_next(cx)) => false,
            () = tasks_ended => true,
        }
    }

    /// Nothing goes on by itself from here: a body that has begun is complete, and without an answer
    /// the client must not wait for one.
    fn nobody_answers(&self) {
        if self.link.end().is_err() {
            let consumer = type_name::<C>();
            log_limited!(
                error,
                consumer,
                "a consumer ended without an answer: it is a 500"
            );
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            self.link.close(DisconnectedBy::Failure, status, "");
        }
    }

    /// Runs one call, but not for longer than the grace period once the exchange is over.
    ///
    /// The call's future lies in a place of its own, so that a waiting exchange holds none.
    fn call(&self, what: What, call: Call) -> impl Future<Output = ()> + Send {
        let call = calls::run::<C>(Arc::clone(&self.home), call);
        let mut slot = slot::place(AssertUnwindSafe(call).catch_unwind());
        async move {
            let running = poll_fn(|cx| match slot.as_mut().as_pin_mut() {
                Some(future) => future.poll(cx),
                None => Poll::Ready(Ok(Ok(()))),
            });
            let ended = tokio::select! {
                biased;
                ended = running => Some(ended),
                () = self.time_is_up(what) => None,
            };
            // A future may panic when it is dropped, too: that is its own end, not the task's.
            let consumer = type_name::<C>();
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| slot::clear(slot))) {
                log_safely(panic, |panic| {
                    log_limited!(
                        error,
                        consumer,
                        panic,
                        "a handler panicked while it was dropped"
                    );
                });
            }
            match ended {
                Some(Ok(outcome)) => self.finish(what, outcome),
                Some(Err(panic)) => {
                    self.link.stats().panicked();
                    log_safely(panic, |panic| {
                        log_limited!(
                            error,
                            consumer,
                            panic,
                            "a handler panicked: its response is given up"
                        );
                    });
                    let panicked = Error::new(ErrorKind::Other, "the handler panicked");
                    self.finish(what, Err(panicked));
                }
                None => {
                    log_limited!(
                        warn,
                        consumer,
                        "a handler did not end in time after its exchange"
                    );
                    self.unfinished();
                }
            }
        }
    }

    async fn time_is_up(&self, what: What) {
        if what != What::Release {
            poll_fn(|cx| self.link.poll_urgent(cx)).await;
        }
        tokio::time::sleep(self.grace).await;
    }

    /// What a handler's end means for the exchange.
    fn finish(&self, what: What, outcome: Outcome) {
        let Err(error) = outcome else { return };
        let over = self.link.over().is_some();
        match (what, error.kind()) {
            (What::Event, ErrorKind::Undecodable) => {
                self.link.stats().undecodable(&error);
            }
            (What::Release, _) => failures::disconnect(&error),
            // The exchange was over before the handler was: that is no failure of the handler.
            (_, ErrorKind::Closed) if over => {}
            (_, ErrorKind::Stop) => self.nobody_answers(),
            (_, ErrorKind::Deny) if !over => {
                self.link
                    .close(DisconnectedBy::Consumer, StatusCode::FORBIDDEN, "");
            }
            (What::Request, ErrorKind::InvalidPayload) => {
                failures::invalid_body::<C>(&error);
                let text = format!("{error}\n");
                self.link
                    .close(DisconnectedBy::Limit, StatusCode::BAD_REQUEST, text);
            }
            (What::Request, ErrorKind::Route) if self.link.is_unanswered() => {
                failures::no_route(&error);
                let text = "not found\n";
                self.link
                    .close(DisconnectedBy::Limit, StatusCode::NOT_FOUND, text);
            }
            _ if error.is_of_dependency() && self.link.is_unanswered() => {
                failures::unavailable::<C>(&error);
                let status = StatusCode::SERVICE_UNAVAILABLE;
                self.link.close(DisconnectedBy::Failure, status, "");
            }
            // The session was ended elsewhere while the handler used it.
            (_, ErrorKind::SessionEnded) => {
                self.link
                    .close(DisconnectedBy::Revoked, StatusCode::BAD_REQUEST, "");
            }
            _ => {
                failures::handler::<C>(&error);
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                self.link.close(DisconnectedBy::Failure, status, "");
            }
        }
    }
}

/// What `disconnect` gets. HTTP has no close codes: these say the same as a socket's.
fn disconnect(by: DisconnectedBy) -> Disconnect {
    let code = match by {
        DisconnectedBy::Consumer => CloseCode::NORMAL,
        DisconnectedBy::Failure => CloseCode::INTERNAL_ERROR,
        DisconnectedBy::Limit | DisconnectedBy::Revoked => CloseCode::POLICY_VIOLATION,
        DisconnectedBy::Shutdown => CloseCode::SERVICE_RESTART,
        DisconnectedBy::Lost | DisconnectedBy::Peer => CloseCode::ABNORMAL,
    };
    Disconnect::new(CloseFrame::new(code, ""), by)
}
