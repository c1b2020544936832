//! Log lines about handlers that fail. A client can cause as many of them as it sends requests, and an
//! error may contain what the client sent.

use std::any::type_name;

use crate::Error;
use crate::log::LogLimit;

pub(super) fn disconnect(error: &Error) {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(suppressed) = LIMIT.permit() {
        let (error, source) = error.excerpts();
        tracing::error!(%error, %source, suppressed, "`disconnect` failed");
    }
}

pub(super) fn invalid_body<C>(error: &Error) {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(suppressed) = LIMIT.permit() {
        let (error, source) = error.excerpts();
        let consumer = type_name::<C>();
        tracing::warn!(consumer, %error, %source, suppressed, "invalid body, responding with 400");
    }
}

pub(super) fn no_route(error: &Error) {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(suppressed) = LIMIT.permit() {
        let (error, source) = error.excerpts();
        tracing::debug!(%error, %source, suppressed, "path not valid for its consumer, responding with 404");
    }
}

pub(super) fn unavailable<C>(error: &Error) {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(suppressed) = LIMIT.permit() {
        let (error, source) = error.excerpts();
        let consumer = type_name::<C>();
        tracing::warn!(%error, %source, consumer, suppressed, "dependency unavailable in a handler, responding with 503");
    }
}

pub(super) fn handler<C>(error: &Error) {
    static LIMIT: LogLimit = LogLimit::new();
    if let Some(suppressed) = LIMIT.permit() {
        let (error, source) = error.excerpts();
        let consumer = type_name::<C>();
        tracing::error!(%error, %source, consumer, suppressed, "a handler failed");
    }
}
