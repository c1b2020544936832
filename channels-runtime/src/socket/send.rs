//! Queueing a message for the client, and waiting for room.

use std::future::Future;
use std::task::{Context, Poll};

use super::link::{Link, Phase};
use crate::transport::Frame;
use crate::{Error, ErrorKind, Result};

impl Link {
    /// Queues a message for a handler of the connection's own task, which writes when the handler
    /// lets it. Waits for room; the error holds the message where there is no socket.
    ///
    /// Cancel safe: dropped before its end, nothing is queued.
    pub(crate) fn send<T>(&self, message: T) -> impl Future<Output = Result> + Send
    where
        T: Into<Frame> + Send + Sync + 'static,
    {
        let mut message = Some(message);
        std::future::poll_fn(move |cx| {
            self.poll_send(&mut message, cx)
                .map_err(|error| match message.take() {
                    Some(message) => error.with_unsent(message),
                    None => error,
                })
        })
    }

    fn poll_send<T: Into<Frame>>(
        &self,
        message: &mut Option<T>,
        cx: &mut Context<'_>,
    ) -> Poll<Result> {
        // Cloned without the lock.
        let mut waker = None;
        let mut state = self.state();
        while state.phase == Phase::Open && state.outbound.is_full() {
            if state.outbound.knows(cx.waker()) {
                return Poll::Pending;
            }
            if let Some(waker) = waker.take() {
                state.outbound.wait(waker);
                return Poll::Pending;
            }
            drop(state);
            waker = Some(cx.waker().clone());
            state = self.state();
        }
        let (kind, what) = match state.phase {
            Phase::Open => {
                if let Some(message) = message.take() {
                    state.outbound.push(message.into());
                }
                return Poll::Ready(Ok(()));
            }
            Phase::Connecting => (ErrorKind::Handshake, "nothing can be sent before `accept`"),
            Phase::Over => (ErrorKind::Closed, "the connection is over"),
        };
        Poll::Ready(Err(Error::new(kind, what)))
    }
}
