//! The loop of one worker on one channel.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;

use super::{BlockingJob, ChannelApp, Job, Shift, Working};
use crate::app::Context;
use crate::consumer::{
    ChannelKind, Consumer, ConsumerApp, Declaration, HeldOf, Home, HomeOf, Input, Outcome, dispatch,
};
use crate::layer::ChannelLayer;
use crate::stats::DropReason;
use crate::{Error, ErrorKind, Event, Result, Scope};

impl<C> ChannelApp for ConsumerApp<C>
where
    C: Consumer + Declaration<Kind = ChannelKind>,
{
    fn work(&self, shift: Shift) -> Working<'_> {
        Box::pin(async move {
            match shift.context.layers.get(C::OPTIONS.layer) {
                Ok(layer) => {
                    let layer = Arc::clone(layer);
                    Worker {
                        app: self,
                        layer,
                        shift,
                        home: None,
                    }
                    .run()
                    .await;
                }
                Err(error) => tracing::error!(%error, "a consumer's layer is missing"),
            }
        })
    }

    fn check(&self, context: &Context) -> Result {
        context.layers.get(C::OPTIONS.layer).map(|_| ())
    }
}

struct Worker<'a, C: Consumer> {
    app: &'a ConsumerApp<C>,
    layer: Arc<dyn ChannelLayer>,
    shift: Shift,
    /// The consumer, from the first job on; a new one behind a panic.
    home: Option<Arc<HomeOf<C>>>,
}

/// What became of an attempt.
enum Attempted {
    Ended(Outcome),
    Panicked,
    /// It had no more time.
    GivenUp,
}

impl<C> Worker<'_, C>
where
    C: Consumer + Declaration<Kind = ChannelKind>,
{
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let received = tokio::select! {
                biased;
                () = self.shift.ended() => return,
                received = self.layer.receive(&self.shift.channel) => received,
            };
            match received {
                Ok(event) => {
                    failures = 0;
                    self.work_on(event).await;
                }
                Err(error) => {
                    tracing::warn!(%error, channel = %self.shift.channel, "no job can be received");
                    failures += 1;
                    // What a program got wrong does not mend itself.
                    if error.kind() == ErrorKind::Config || !self.shift.pause(failures).await {
                        return;
                    }
                }
            }
        }
    }

    /// Tries a job until it succeeds, as often as it may be.
    async fn work_on(&mut self, event: Event) {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&event, attempt).await {
                Attempted::Ended(Ok(())) => return,
                Attempted::Ended(Err(error)) if error.kind() == ErrorKind::Stop => return,
                Attempted::Ended(Err(error)) => error,
                Attempted::Panicked => Error::new(ErrorKind::Other, "the handler panicked"),
                Attempted::GivenUp => return self.shift.give_back(&*self.layer, event).await,
            };
            if attempt >= self.shift.terms.attempts || self.is_hopeless(&error) {
                return self.shift.bury(&*self.layer, event, &error, attempt).await;
            }
            tracing::warn!(%error, source = error.source_text(), attempt, "a job failed: it is tried again");
            if !self.shift.pause(attempt).await {
                return self.shift.give_back(&*self.layer, event).await;
            }
            attempt += 1;
        }
    }

    /// Whether another attempt would fail in the same way; counts the event then.
    fn is_hopeless(&self, error: &Error) -> bool {
        let reason = match error.kind() {
            ErrorKind::EventType => DropReason::Unhandled,
            ErrorKind::Undecodable => DropReason::Undecodable,
            _ => return false,
        };
        self.shift.context.stats.dropped(reason);
        true
    }

    async fn attempt(&mut self, event: &Event, attempt: u32) -> Attempted {
        let home = Arc::clone(
            self.home
                .get_or_insert_with(|| self.app.hire(&self.shift, &self.layer)),
        );
        let calling = AssertUnwindSafe(call::<C>(home, event.clone(), attempt)).catch_unwind();
        let called = tokio::select! {
            biased;
            called = calling => called,
            () = self.shift.out_of_time() => return Attempted::GivenUp,
        };
        if let Ok(outcome) = called {
            return Attempted::Ended(outcome);
        }
        self.shift.context.stats.panicked();
        tracing::error!(channel = %self.shift.channel, "a handler panicked: its consumer is replaced");
        self.home = None;
        Attempted::Panicked
    }
}

impl<C> ConsumerApp<C>
where
    C: Consumer + Declaration<Kind = ChannelKind>,
{
    /// A new consumer.
    fn hire(&self, shift: &Shift, layer: &Arc<dyn ChannelLayer>) -> Arc<HomeOf<C>> {
        let scope = Scope::of_no_request(shift.context.state.clone());
        let consumer = self.make(&scope);
        let job = Job::new(shift.channel.clone(), scope, Arc::clone(layer));
        Home::new(HeldOf::<C> {
            consumer,
            connection: BlockingJob::new(job),
        })
    }
}

/// Calls the handler of one event.
async fn call<C>(home: Arc<HomeOf<C>>, event: Event, attempt: u32) -> Outcome
where
    C: Consumer + Declaration<Kind = ChannelKind>,
{
    let Some(route) = C::TABLE.find(event.event_type()) else {
        let what = format!("the consumer has no handler for `{}`", event.event_type());
        return Err(Error::new(ErrorKind::EventType, what));
    };
    let mut held = home.lend().await;
    held.connection.as_async().begin(attempt);
    dispatch(held, route, Input::from(event)).await.1
}
