//! Workers: they take jobs from the layer's queues, in this process or another.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::job::{ChannelApp, Shift, Terms, Told};
use crate::log::{Excerpt, log_limited};
use crate::routing::ProtocolTypeRouter;
use crate::server::signals::StopSignals;
use crate::{ChannelName, Error, ErrorKind, Result};

/// Works on what is sent to the channels of an application's
/// [`ChannelNameRouter`](crate::ChannelNameRouter): Channels' `runworker`.
///
/// Each event is a job, and exactly one worker gets it, of this process or another one that shares the
/// layer. A job that fails or panics is tried again, three times in all unless it is said, with a
/// pause that doubles. One that fails for good, has no handler or does not decode goes to the
/// [dead letters](Self::dead_letters), or is logged, at a bounded rate.
///
/// Told to stop, by Ctrl-C or SIGTERM, a worker takes nothing new. What runs may end within the
/// limits' grace period, which a second signal ends; what has not by then is dropped and sent to its
/// channel again. So a handler may see a job twice: make it one that can bear that. A third signal exits
/// the process at once, and jobs that run then are lost. A plain `fn` handler that hangs does not keep the
/// process from ending.
///
/// # Examples
///
/// ```no_run
/// use channels_runtime::{ChannelNameRouter, ProtocolTypeRouter, Worker};
///
/// # async fn example(router: ChannelNameRouter) -> channels_runtime::Result {
/// let app = ProtocolTypeRouter::new().channel(router);
/// Worker::new(app).concurrency(4).dead_letters("failed")?.run().await
/// # }
/// ```
#[derive(Debug)]
pub struct Worker {
    app: ProtocolTypeRouter,
    only: Option<Vec<String>>,
    concurrency: usize,
    terms: Terms,
    is_beside: bool,
}

impl Worker {
    /// A worker for all channels of an application.
    pub fn new(app: ProtocolTypeRouter) -> Self {
        Self {
            app,
            only: None,
            concurrency: 1,
            terms: Terms {
                attempts: 3,
                backoff: Duration::from_secs(1),
                dead_letters: None,
            },
            is_beside: false,
        }
    }

    /// Works on these channels alone.
    #[must_use]
    pub fn only<T: Into<String>>(self, channels: impl IntoIterator<Item = T>) -> Self {
        Self {
            only: Some(channels.into_iter().map(Into::into).collect()),
            ..self
        }
    }

    /// How many jobs of each channel run at the same time, each with a consumer of its own: one, in
    /// their order, unless it is said.
    #[must_use]
    pub fn concurrency(self, jobs: usize) -> Self {
        Self {
            concurrency: jobs.max(1),
            ..self
        }
    }

    /// How often a job is tried in all: three times unless it is said.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.terms.attempts = attempts.max(1);
        self
    }

    /// How long it waits after the first failure: a second unless it is said. Each further pause is
    /// twice as long, up to a minute.
    #[must_use]
    pub fn backoff(mut self, pause: Duration) -> Self {
        self.terms.backoff = pause;
        self
    }

    /// The channel to which jobs go that fail for good, as events of the type `job.failed` with the
    /// fields `channel`, `attempts`, `error` and `event`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`] for what is no name of a channel.
    pub fn dead_letters(mut self, channel: &str) -> Result<Self> {
        self.terms.dead_letters = Some(ChannelName::new(channel)?);
        Ok(self)
    }

    /// For a worker in the process of the application's server, which begins and ends the application:
    /// so the worker does neither.
    ///
    /// Give both clones of one application: then the server's end waits for the worker's jobs, not longer
    /// than the limits' `shutdown_timeout`, before it closes the layers. A worker that was not told to stop
    /// works on nothing more then, though it waits until it is told.
    #[must_use]
    pub fn beside_server(self) -> Self {
        Self {
            is_beside: true,
            ..self
        }
    }

    /// Works until the process is told to stop, by Ctrl-C or SIGTERM.
    ///
    /// # Errors
    ///
    /// As [`run_until`](Self::run_until).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, jobs that run are dropped with it, and lost.
    pub async fn run(self) -> Result {
        let channels = self.prepare().await?;
        let signals = StopSignals::listen().await;
        self.work(channels, signals.first(), signals.second()).await
    }

    /// Works until a future ends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a setting is wrong: there is nothing to work on, or the layer has no queues
    /// (over Redis, only the core layer has: `redis://`); what a startup hook of the application fails with.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, jobs that run are dropped with it, and lost.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result {
        let channels = self.prepare().await?;
        self.work(channels, stop, pending()).await
    }

    /// Checks the settings and starts the application, where nobody else does. Returns what is worked on.
    async fn prepare(&self) -> Result<Channels> {
        let channels = self.channels()?;
        self.app.check()?;
        if !self.is_beside {
            self.app.startup().await?;
        }
        Ok(channels)
    }

    /// Works until `stop`. `no_time` ends the grace period.
    async fn work(
        self,
        channels: Channels,
        stop: impl Future<Output = ()>,
        no_time: impl Future<Output = ()>,
    ) -> Result {
        let (told, mut shifts) = self.begin(channels);
        let (mut stop, mut no_time) = (pin!(stop), pin!(no_time));
        let mut result = Ok(());
        while result.is_ok() {
            tokio::select! {
                () = &mut stop => break,
                Some(ended) = shifts.join_next() => result = outcome(ended),
            }
        }
        told.send_replace(Told::Stop);
        loop {
            tokio::select! {
                ended = shifts.join_next() => match ended {
                    Some(ended) => result = result.and(outcome(ended)),
                    None => break,
                },
                () = &mut no_time, if *told.borrow() != Told::NoTime => {
                    told.send_replace(Told::NoTime);
                }
            }
        }
        if !self.is_beside {
            self.app.release(pending()).await;
        }
        result
    }

    /// Begins the shifts, and gives what tells them to stop.
    fn begin(&self, channels: Channels) -> (watch::Sender<Told>, JoinSet<Result>) {
        let told = watch::Sender::new(Told::Work);
        let terms = Arc::new(self.terms.clone());
        let mut shifts = JoinSet::new();
        for (channel, app) in channels {
            for _ in 0..self.concurrency {
                let (app, context) = (Arc::clone(&app), Arc::clone(self.app.shared_context()));
                let shift = Shift::new(
                    channel.clone(),
                    context,
                    Arc::clone(&terms),
                    told.subscribe(),
                );
                shifts.spawn(async move { app.work(shift).await });
            }
        }
        (told, shifts)
    }

    /// What is worked on.
    fn channels(&self) -> Result<Channels> {
        let nothing = |what: &str| Err(Error::new(ErrorKind::Config, what));
        let Some(router) = self.app.channels() else {
            return nothing(
                "the application has no channels: give it a `ChannelNameRouter` by `ProtocolTypeRouter::channel`",
            );
        };
        let Some(only) = &self.only else {
            return match router.routes() {
                [] => nothing("the `ChannelNameRouter` has no channels"),
                all => Ok(all.to_vec()),
            };
        };
        if only.is_empty() {
            return nothing("the worker has no channels to work on");
        }
        only.iter()
            .map(|name| router.route(name).cloned())
            .collect()
    }
}

type Channels = Vec<(ChannelName, Arc<dyn ChannelApp>)>;

/// A shift that dies takes no other with it; one that fails ends them all.
fn outcome(ended: Result<Result, JoinError>) -> Result {
    ended.unwrap_or_else(|error| {
        let text = error.to_string();
        let error = Excerpt(text.as_bytes());
        log_limited!(error, %error, "a shift of a worker died");
        Ok(())
    })
}
