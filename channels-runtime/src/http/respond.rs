//! The answers to a request.

use std::fmt;
use std::future::{IntoFuture, Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};

use super::body::StreamingBody;
use super::exchange::HttpExchange;
use super::link::{Answer, Content, Phase};
use crate::app::{Body, Headers};
use crate::consumer::DisconnectedBy;
use crate::{Error, ErrorKind, Message, Result};

/// A whole response in the making: await it.
///
/// ```no_run
/// # use channels_runtime::StatusCode;
/// # async fn handle(http: &mut channels_runtime::HttpExchange) -> channels_runtime::Result {
/// http.send_response(StatusCode::OK, "<h1>hello</h1>").header("content-type", "text/html").await
/// # }
/// ```
#[must_use = "nothing is sent until it is awaited"]
pub struct SendResponse<'a> {
    exchange: &'a mut HttpExchange,
    status: StatusCode,
    headers: Headers,
    body: Message,
}

impl<'a> SendResponse<'a> {
    pub(super) fn new(exchange: &'a mut HttpExchange, status: StatusCode, body: Message) -> Self {
        Self {
            exchange,
            status,
            headers: Headers::new(ErrorKind::Response),
            body,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value.as_bytes());
        self
    }

    /// Adds a header whose value is bytes, for example text in ISO-8859-1, as ASGI does.
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.add(name, value);
        self
    }

    pub(super) fn send(self) -> Result {
        let reserved = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
        let mut headers = self.headers.finish(&reserved)?;
        let content_type = match &self.body {
            Message::Text(_) => "text/plain; charset=utf-8",
            Message::Binary(_) => "application/octet-stream",
        };
        if !self.body.is_empty() && !has_no_body(self.status) {
            let content_type = HeaderValue::from_static(content_type);
            headers.entry(header::CONTENT_TYPE).or_insert(content_type);
        }
        let body = if has_no_body(self.status) {
            Body::empty()
        } else {
            Body::from(self.body.into_bytes())
        };
        let response = response(self.status, headers, body)?;
        let link = self.exchange.link();
        answer(
            link.take_answer(Phase::Over(DisconnectedBy::Consumer))?,
            response,
        )
    }
}

impl fmt::Debug for SendResponse<'_> {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendResponse")
            .field("exchange", &self.exchange)
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for SendResponse<'_> {
    type Output = Result;
    type IntoFuture = Ready<Result>;

    fn into_future(self) -> Ready<Result> {
        ready(self.send())
    }
}

/// The beginning of a response in the making: await it.
///
/// ```no_run
/// # use channels_runtime::StatusCode;
/// # async fn handle(http: &mut channels_runtime::HttpExchange) -> channels_runtime::Result {
/// http.send_headers(StatusCode::OK).header("content-type", "text/csv").await?;
/// http.send_body("id,name\n").await?;
/// http.send_body("1,Ann\n").await?;
/// http.end()
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct SendHeaders<'a> {
    exchange: &'a mut HttpExchange,
    status: StatusCode,
    headers: Headers,
}

impl<'a> SendHeaders<'a> {
    pub(super) fn new(exchange: &'a mut HttpExchange, status: StatusCode) -> Self {
        Self {
            exchange,
            status,
            headers: Headers::new(ErrorKind::Response),
        }
    }

    /// Adds a header. A `content-length` is kept to: what is sent beyond it is cut off, and a body
    /// that stays below it is broken off.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value.as_bytes());
        self
    }

    /// Adds a header whose value is bytes, for example text in ISO-8859-1, as ASGI does.
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.add(name, value);
        self
    }

    pub(super) fn send(self) -> Result {
        let headers = self.headers.finish(&[header::TRANSFER_ENCODING])?;
        let content = Content::Body;
        begin(self.exchange, self.status, headers, content, Duration::ZERO)
    }
}

impl IntoFuture for SendHeaders<'_> {
    type Output = Result;
    type IntoFuture = Ready<Result>;

    fn into_future(self) -> Ready<Result> {
        ready(self.send())
    }
}

/// The beginning of a stream of events in the making: await it.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn handle(http: &mut channels_runtime::HttpExchange) -> channels_runtime::Result {
/// http.event_stream().keep_alive(Duration::from_secs(5)).await?;
/// http.send_event("hello").await
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct SendEventStream<'a> {
    exchange: &'a mut HttpExchange,
    headers: Headers,
    keep_alive: Duration,
}

impl<'a> SendEventStream<'a> {
    pub(super) fn new(exchange: &'a mut HttpExchange) -> Self {
        let keep_alive = exchange.keep_alive();
        Self {
            exchange,
            headers: Headers::new(ErrorKind::Response),
            keep_alive,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.add(name, value.as_bytes());
        self
    }

    /// Adds a header whose value is bytes, for example text in ISO-8859-1, as ASGI does.
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.add(name, value);
        self
    }

    /// Sets the silence after which a comment is sent; zero for never.
    pub fn keep_alive(mut self, silence: Duration) -> Self {
        self.keep_alive = silence;
        self
    }

    pub(super) fn send(self) -> Result {
        let reserved = [
            header::CONTENT_TYPE,
            header::CONTENT_LENGTH,
            header::TRANSFER_ENCODING,
        ];
        let mut headers = self.headers.finish(&reserved)?;
        let content_type = HeaderValue::from_static("text/event-stream");
        headers.insert(header::CONTENT_TYPE, content_type);
        let no_cache = HeaderValue::from_static("no-cache");
        headers.entry(header::CACHE_CONTROL).or_insert(no_cache);
        // nginx would hold events back until it has a buffer full of them.
        let no_buffer = HeaderValue::from_static("no");
        headers.entry("x-accel-buffering").or_insert(no_buffer);
        let content = Content::Events;
        begin(
            self.exchange,
            StatusCode::OK,
            headers,
            content,
            self.keep_alive,
        )
    }
}

impl IntoFuture for SendEventStream<'_> {
    type Output = Result;
    type IntoFuture = Ready<Result>;

    fn into_future(self) -> Ready<Result> {
        ready(self.send())
    }
}

/// Answers with a body that follows, where the response has one.
fn begin(
    exchange: &HttpExchange,
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
    keep_alive: Duration,
) -> Result {
    let link = exchange.link();
    if has_no_body(status) || exchange.method() == Method::HEAD {
        let response = response(status, headers, Body::empty())?;
        let right = link.take_answer(Phase::Over(DisconnectedBy::Consumer))?;
        link.has_no_body();
        return answer(right, response);
    }
    let mut response = response(status, headers, Body::empty())?;
    let right = link.take_answer(Phase::Streaming(content))?;
    let mut body = StreamingBody::new(Arc::clone(link), keep_alive);
    if content == Content::Events {
        body = body.probe(exchange.scope().half_closed().cloned());
    }
    *response.body_mut() = Body::new(body);
    answer(right, response)
}

fn response(status: StatusCode, headers: HeaderMap, body: Body) -> Result<Response<Body>> {
    if !(200..600).contains(&status.as_u16()) {
        let message = format!("a response cannot have the status {status}: use 200 to 599");
        return Err(Error::new(ErrorKind::Response, message));
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Gives the response to the server. A body that nobody takes tells its link so as it is dropped.
fn answer(right: Answer, response: Response<Body>) -> Result {
    right
        .send(response)
        .map_err(|_| Error::new(ErrorKind::Closed, "the client is gone"))
}

/// RFC 9110 §6.4.1: the statuses whose responses have no content.
fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
