//! The loop of one worker on one channel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt as _;

use super::{BlockingJob, ChannelApp, Job, Shift, Working};
use crate::app::Context;
use crate::consumer::{
    ChannelKind, Consumer, ConsumerApp, Declaration, HeldOf, Home, HomeOf, Input, Outcome, dispatch,
};
use crate::layer::ChannelLayer;
use crate::log::log_limited;
use crate::stats::DropReason;
use crate::supervise::{Panic, log_safely};
use crate::{Error, ErrorKind, Event, Result, Scope};

impl<C> ChannelApp for ConsumerApp<C>
where
    C: Consumer + Declaration<Kind = ChannelKind>,
{
    fn work(&self, shift: Shift) -> Working<'_> {
        Box::pin(async move {
            let layer = Arc::clone(shift.context.layers.get(C::OPTIONS.layer)?);
            let worker = Worker {
                app: self,
                layer,
                shift,
                home: None,
            };
            worker.run().await
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
    /// What did, in words.
    Panicked(&'static str),
    /// It had no more time.
    GivenUp,
}

impl<C> Worker<'_, C>
where
    C: Consumer + Declaration<Kind = ChannelKind>,
{
    async fn run(mut self) -> Result {
        let mut failures = 0;
        loop {
            let received = tokio::select! {
                biased;
                () = self.shift.ended() => return Ok(()),
                received = self.layer.receive(&self.shift.channel) => received,
            };
            match received {
                Ok(event) => {
                    failures = 0;
                    self.work_safely_on(event).await;
                }
                // What a program got wrong does not mend itself.
                Err(error) if error.kind() == ErrorKind::Config => return Err(error),
                Err(error) => {
                    let (channel, (error, source)) = (&self.shift.channel, error.excerpts());
                    log_limited!(warn, error, source, %channel, "no job can be received");
                    failures += 1;
                    if !self.shift.pause(failures).await {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Works on a job so that none of the program's code ends the shift: an error whose text panics, or
    /// an event that does while it is made a dead letter.
    async fn work_safely_on(&mut self, event: Event) {
        let event_type = event.event_type().clone();
        let worked = AssertUnwindSafe(self.work_on(event)).catch_unwind().await;
        if let Err(panic) = worked {
            let channel = &self.shift.channel;
            log_safely(panic, |panic| {
                log_limited!(
                    error,
                    panic,
                    %event_type,
                    %channel,
                    "a job is lost: it panicked outside of its handler"
                );
            });
        }
    }

    /// Tries a job until it succeeds, as often as it may be.
    async fn work_on(&mut self, event: Event) {
        let event_type = event.event_type().clone();
        let mut attempt = 1;
        loop {
            let error = match self.attempt(&event, attempt).await {
                Attempted::Ended(Ok(())) => return,
                Attempted::Ended(Err(error)) if error.kind() == ErrorKind::Stop => return,
                Attempted::Ended(Err(error)) => error,
                Attempted::Panicked(what) => Error::new(ErrorKind::Other, what),
                Attempted::GivenUp => return self.shift.give_back(&*self.layer, event).await,
            };
            if attempt >= self.shift.terms.attempts || self.is_hopeless(&error) {
                return self.shift.bury(&*self.layer, event, &error, attempt).await;
            }
            let (channel, (error, source)) = (&self.shift.channel, error.excerpts());
            log_limited!(
                warn,
                error,
                source,
                %event_type,
                %channel,
                attempt,
                "a job failed: it is tried again"
            );
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
        self.shift.context.stats.dropped(reason, 1);
        true
    }

    /// Tries a job once. The consumer is made within what is caught: its constructor may panic, too.
    async fn attempt(&mut self, event: &Event, attempt: u32) -> Attempted {
        let Self {
            app,
            layer,
            shift,
            home,
        } = self;
        let calling = async {
            let home = home.get_or_insert_with(|| app.hire(shift, layer));
            call::<C>(Arc::clone(home), event.clone(), attempt).await
        };
        let mut calling = Box::pin(AssertUnwindSafe(calling).catch_unwind());
        let called = tokio::select! {
            biased;
            called = &mut calling => Some(called),
            () = shift.out_of_time() => None,
        };
        let_go(calling);
        match called {
            Some(Ok(outcome)) => Attempted::Ended(outcome),
            Some(Err(panic)) => self.panicked(panic),
            None => Attempted::GivenUp,
        }
    }

    /// Counts a panic, and lets the consumer go, if there is one already.
    fn panicked(&mut self, panic: Panic) -> Attempted {
        self.shift.context.stats.panicked();
        let (channel, home) = (&self.shift.channel, self.home.take());
        if home.is_some() {
            log_safely(panic, |panic| {
                log_limited!(error, panic, %channel, "a handler panicked: its consumer is replaced");
            });
            let_go(home);
            Attempted::Panicked("the handler panicked")
        } else {
            log_safely(panic, |panic| {
                log_limited!(error, panic, %channel, "a consumer's constructor panicked");
            });
            Attempted::Panicked("the consumer's constructor panicked")
        }
    }
}

/// Drops what may panic then, a handler's future or a consumer: that is its own end, not the shift's.
fn let_go<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        log_safely(panic, |panic| {
            log_limited!(
                error,
                panic,
                "a handler or its consumer panicked while it was dropped"
            );
        });
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
    // A worker's concurrency is its bound of threads.
    dispatch(held, route, Input::from(event), None).await.1
}
