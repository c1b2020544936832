//! The exchange as plain `fn` handlers see it.

use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use http::StatusCode;
use serde::Serialize;
use tokio::runtime::Handle;

use super::exchange::HttpExchange;
use super::sse::ServerSentEvent;
use crate::socket::TaskHandle;
use crate::{ChannelName, Event, Message, Result};

/// One request and its response, in the hands of its consumer's plain `fn` handlers, which may block.
///
/// What it has beside the methods here, it has by deref from [`HttpExchange`].
#[derive(Debug)]
pub struct BlockingHttpExchange(HttpExchange);

impl BlockingHttpExchange {
    pub(super) fn new(exchange: HttpExchange) -> Self {
        Self(exchange)
    }

    pub(crate) fn as_async(&mut self) -> &mut HttpExchange {
        &mut self.0
    }

    /// Answers with a whole response, text or bytes.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::send_response`].
    pub fn send_response(&mut self, status: StatusCode, body: impl Into<Message>) -> Result {
        self.send_response_with(status, &[], body)
    }

    /// Answers with a whole response and headers.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::send_response`].
    pub fn send_response_with(
        &mut self,
        status: StatusCode,
        headers: &[(&str, &str)],
        body: impl Into<Message>,
    ) -> Result {
        let response = self.0.send_response(status, body);
        let add = |response, (name, value): &(&str, &str)| {
            super::SendResponse::header(response, name, value)
        };
        headers.iter().fold(response, add).send()
    }

    /// Answers with a value as JSON.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::send_json`].
    pub fn send_json(
        &mut self,
        status: StatusCode,
        value: &(impl Serialize + ?Sized + Sync),
    ) -> Result {
        wait(self.0.send_json(status, value))
    }

    /// Begins a response whose body follows in parts.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::send_headers`].
    pub fn send_headers(&mut self, status: StatusCode, headers: &[(&str, &str)]) -> Result {
        let beginning = self.0.send_headers(status);
        let add = |beginning, (name, value): &(&str, &str)| {
            super::SendHeaders::header(beginning, name, value)
        };
        headers.iter().fold(beginning, add).send()
    }

    /// Sends a part of the body, text or bytes; blocks while too much is queued.
    ///
    /// Of all handlers that wait so, as many may as the limits' `blocking_sends` says: if more do, the
    /// response is broken off whose client has kept its handler waiting for the longest time.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::send_body`].
    pub fn send_body(&mut self, part: impl Into<Message>) -> Result {
        let sender = self.0.sender();
        self.0
            .threads()
            .wait_for(self.0.link(), sender.send_body(part))
    }

    /// Begins a stream of server-sent events.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::event_stream`].
    pub fn event_stream(&mut self) -> Result {
        self.0.event_stream().send()
    }

    /// Sends an event of a stream of events; blocks while too much is queued.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::send_event`].
    pub fn send_event(&mut self, event: impl Into<ServerSentEvent>) -> Result {
        let sender = self.0.sender();
        self.0
            .threads()
            .wait_for(self.0.link(), sender.send_event(event))
    }

    /// Completes the response, after what was sent. Ending it again does nothing.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::end`].
    pub fn end(&mut self) -> Result {
        self.0.end()
    }

    /// Joins a group.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::group_add`].
    pub fn group_add(&mut self, group: &str) -> Result {
        wait(self.0.group_add(group))
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::group_discard`].
    pub fn group_discard(&mut self, group: &str) -> Result {
        wait(self.0.group_discard(group))
    }

    /// Sends an event to every member of a group.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::group_send`].
    pub fn group_send(&mut self, group: &str, event: impl Into<Event>) -> Result {
        wait(self.0.group_send(group, event))
    }

    /// Sends an event to every member of a group but this exchange.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::group_send`].
    pub fn group_send_except_self(&mut self, group: &str, event: impl Into<Event>) -> Result {
        wait(self.0.group_send_except_self(group, event))
    }

    /// Sends an event to one channel of the layer.
    ///
    /// # Errors
    ///
    /// As [`HttpExchange::channel_send`].
    pub fn channel_send(&mut self, channel: &ChannelName, event: impl Into<Event>) -> Result {
        wait(self.0.channel_send(channel, event))
    }

    /// Runs a task beside the handlers that ends with the exchange at the latest.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        self.0.spawn(task)
    }

    /// Sends an event to this consumer once, after a while.
    pub fn after(&mut self, delay: Duration, event: impl Into<Event>) -> TaskHandle {
        self.0.after(delay, event)
    }

    /// Sends an event to this consumer again and again, the first after one period.
    pub fn every(&mut self, period: Duration, event: impl Into<Event>) -> TaskHandle {
        self.0.every(period, event)
    }
}

impl Deref for BlockingHttpExchange {
    type Target = HttpExchange;

    fn deref(&self) -> &HttpExchange {
        &self.0
    }
}

/// Waits for a future on a thread that may block, as those of plain handlers may.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    Handle::current().block_on(future)
}
