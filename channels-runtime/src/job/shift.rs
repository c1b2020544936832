//! What a worker goes by while it works on one channel.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::dead_letter::DeadLetter;
use super::shifts::Registered;
use crate::app::Context;
use crate::layer::ChannelLayer;
use crate::log::log_limited;
use crate::{ChannelName, Error, Event};

/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(60);

/// One worker's work on one channel, until it is told to stop or the application ends. Made by a
/// [`Worker`](crate::Worker).
#[derive(Debug)]
pub struct Shift {
    pub(super) channel: ChannelName,
    pub(super) context: Arc<Context>,
    pub(super) terms: Arc<Terms>,
    /// Changes when no new job is to begin.
    stop: watch::Receiver<Told>,
    /// Keeps the application's layers open until the shift is dropped.
    registered: Registered,
}

/// What a worker is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Work,
    /// Nothing new begins, and what runs has the grace period.
    Stop,
    /// The grace period is over.
    NoTime,
}

/// How often a job is tried, and what becomes of one that always fails.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) attempts: u32,
    pub(crate) backoff: Duration,
    pub(crate) dead_letters: Option<ChannelName>,
}

impl Shift {
    pub(crate) fn new(
        channel: ChannelName,
        context: Arc<Context>,
        terms: Arc<Terms>,
        stop: watch::Receiver<Told>,
    ) -> Self {
        let registered = context.shifts.register();
        Self {
            channel,
            context,
            terms,
            stop,
            registered,
        }
    }

    /// Waits until no new job is to begin. Cancel safe.
    pub(super) async fn ended(&self) {
        let mut stop = self.stop.clone();
        tokio::select! {
            // Whoever could tell is gone: that is the end as well.
            _ = stop.wait_for(|told| *told != Told::Work) => {}
            () = self.registered.application_ends() => {}
        }
    }

    /// Waits until a job that runs has had its time. Cancel safe.
    pub(super) async fn out_of_time(&self) {
        self.ended().await;
        let mut stop = self.stop.clone();
        let no_time = async {
            if stop.wait_for(|told| *told == Told::NoTime).await.is_err() {
                pending::<()>().await;
            }
        };
        tokio::select! {
            () = no_time => {}
            () = tokio::time::sleep(self.context.limits.grace) => {}
        }
    }

    /// Waits before something is tried again; false if the shift ends meanwhile.
    pub(super) async fn pause(&self, failures: u32) -> bool {
        let factor = 2_u32.saturating_pow(failures.saturating_sub(1));
        let pause = self.terms.backoff.saturating_mul(factor).min(LONGEST);
        tokio::select! {
            () = self.ended() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Puts a job that could not be ended in time back where it came from, so that another worker has
    /// it.
    pub(super) async fn give_back(&self, layer: &dyn ChannelLayer, event: Event) {
        let (event_type, channel) = (event.event_type().clone(), &self.channel);
        match layer.send(channel, event).await {
            Ok(()) => log_limited!(warn, %event_type, %channel, "a job is given back"),
            Err(error) => {
                let (error, source) = error.excerpts();
                log_limited!(
                    error,
                    error,
                    source,
                    %event_type,
                    %channel,
                    "a job is lost: it cannot be given back"
                );
            }
        }
    }

    /// Lets go a job that always failed.
    pub(super) async fn bury(
        &self,
        layer: &dyn ChannelLayer,
        event: Event,
        error: &Error,
        attempts: u32,
    ) {
        let (event_type, channel) = (event.event_type(), &self.channel);
        let (text, source) = error.excerpts();
        log_limited!(
            error,
            error = text,
            source,
            %event_type,
            %channel,
            attempts,
            "a job failed for good"
        );
        let Some(dead_letters) = &self.terms.dead_letters else {
            return;
        };
        let letter = DeadLetter {
            channel,
            attempts,
            error: error.to_string(),
            event: &event,
        };
        let sent = match letter.to_event() {
            Ok(letter) => layer.send(dead_letters, letter).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            let (error, source) = error.excerpts();
            log_limited!(
                error,
                error,
                source,
                %event_type,
                %channel,
                "a job is lost: there is no way to the dead letters"
            );
        }
    }
}
