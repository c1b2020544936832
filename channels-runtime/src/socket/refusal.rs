//! How a connection ends that a handler's error or a broken limit closes: what the client is sent, and
//! what is logged.

use std::any::type_name;

use crate::consumer::{Disconnect, DisconnectedBy};
use crate::log::{Excerpt, LogLimit};
use crate::{CloseCode, CloseFrame, Error, ErrorKind};

/// Messages that a handler cannot take. Clients can cause any number of them.
static MESSAGES: LogLimit = LogLimit::new();

/// Connections that broke a limit or the protocol.
static REFUSALS: LogLimit = LogLimit::new();

/// The close frame that the client gets for an error of a handler: the code, not the details.
pub(super) fn close_for(error: &Error) -> (CloseFrame, DisconnectedBy) {
    if error.kind() == ErrorKind::InvalidPayload {
        // The runtime alone makes errors of this kind: what they display has no details.
        let frame = CloseFrame::new(CloseCode::INVALID_PAYLOAD, error.to_string());
        return (frame, DisconnectedBy::Limit);
    }
    let (code, reason, by) = match error.kind() {
        ErrorKind::Stop => (CloseCode::NORMAL, "", DisconnectedBy::Consumer),
        ErrorKind::UnsupportedData => (
            CloseCode::UNSUPPORTED_DATA,
            "unsupported kind of frame",
            DisconnectedBy::Limit,
        ),
        ErrorKind::Limit => (CloseCode::POLICY_VIOLATION, "", DisconnectedBy::Limit),
        // The session was ended elsewhere while the handler used it.
        ErrorKind::SessionEnded => (CloseCode::POLICY_VIOLATION, "", DisconnectedBy::Revoked),
        _ if error.is_of_dependency() => (CloseCode::TRY_AGAIN_LATER, "", DisconnectedBy::Failure),
        _ => (CloseCode::INTERNAL_ERROR, "", DisconnectedBy::Failure),
    };
    (CloseFrame::new(code, reason), by)
}

/// Logs, at a bounded rate, why a handler cannot take a message: the socket is closed for it.
#[cold]
pub(super) fn log_message<C>(error: &Error, path: Option<&str>) {
    if let Some(suppressed) = MESSAGES.permit() {
        let (error, source) = error.excerpts();
        tracing::warn!(
            consumer = type_name::<C>(),
            path = ?Excerpt(path.unwrap_or_default().as_bytes()),
            error,
            source,
            suppressed,
            "invalid message, closing the socket"
        );
    }
}

/// Logs, at a bounded rate, a connection that was closed because it broke a limit or the protocol.
#[cold]
pub(super) fn log_refusal<C>(disconnect: &Disconnect, path: Option<&str>) {
    if let Some(suppressed) = REFUSALS.permit() {
        tracing::warn!(
            consumer = type_name::<C>(),
            path = ?Excerpt(path.unwrap_or_default().as_bytes()),
            code = u16::from(disconnect.code),
            reason = %disconnect.reason,
            suppressed,
            "closed a socket that broke a limit"
        );
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::{FromMessage, Json, Message, Stop};

    #[test]
    fn a_client_learns_the_code_of_an_error() {
        let cases = [
            (Error::from(Stop), CloseCode::NORMAL),
            (
                Error::new(ErrorKind::UnsupportedData, ""),
                CloseCode::UNSUPPORTED_DATA,
            ),
            (
                Error::new(ErrorKind::InvalidPayload, ""),
                CloseCode::INVALID_PAYLOAD,
            ),
            (Error::other("secret"), CloseCode::INTERNAL_ERROR),
            (
                Error::new(ErrorKind::Unavailable, "secret"),
                CloseCode::TRY_AGAIN_LATER,
            ),
            (
                Error::new(ErrorKind::SessionEnded, "secret"),
                CloseCode::POLICY_VIOLATION,
            ),
            (
                Error::new(ErrorKind::Layer, "secret"),
                CloseCode::TRY_AGAIN_LATER,
            ),
            (crate::AcceptConnection.into(), CloseCode::INTERNAL_ERROR),
        ];
        for (error, code) in cases {
            let (frame, _) = close_for(&error);
            assert_eq!(frame.code, code, "{error}");
            assert!(!frame.reason.contains("secret"));
        }
    }

    #[test]
    fn the_reason_for_a_message_that_does_not_parse_is_true() {
        #[derive(Debug, Deserialize)]
        struct Said {
            #[expect(dead_code, reason = "only parsed")]
            text: String,
        }
        let deep = format!("{{\"text\": {}{}}}", "[".repeat(500), "]".repeat(500));
        let (other, invalid) = (
            "the message is not the expected JSON",
            "the message is not valid JSON",
        );
        let cases = [
            ("{\"text\": 1}", other),
            ("{}", other),
            ("[1, 2]", other),
            ("1e999", other),
            (&deep, other),
            ("{", invalid),
            ("", invalid),
            ("{} {}", invalid),
            ("{\"text\": 1", invalid),
            ("text", invalid),
        ];
        for (text, reason) in cases {
            let error = Json::<Said>::from_message(Message::from(text)).expect_err(text);
            let (frame, by) = close_for(&error);
            assert_eq!(frame.code, CloseCode::INVALID_PAYLOAD, "{text}");
            assert_eq!(frame.reason, reason, "{text}");
            assert_eq!(by, DisconnectedBy::Limit);
        }
    }
}
