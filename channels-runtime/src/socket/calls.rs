//! The calls of a consumer's handlers, each one future of the same type.

use std::any::type_name;

use http::StatusCode;

use super::websocket::WebSocket;
use crate::app::RETRY_AFTER;
use crate::consumer::table::Route;
use crate::consumer::{
    Consumer, Declaration, Hook, Input, LenderOf, LoanOf, Mode, Outcome, WebSocketKind, dispatch,
};
use crate::handler_threads::Permit;
use crate::log::{Excerpt, LogLimit};
#[cfg(feature = "auth")]
use crate::session::save_changes;
use crate::{Error, ErrorKind};

/// What is to be called.
#[derive(Debug)]
pub(crate) enum Call {
    /// `connect`, where there is one, and the answer that it did not give.
    Connect,
    /// A handler of the table.
    Handler(Route, Input),
    /// The end: `disconnect`, where there is one, then everything is let go.
    Release(Option<(Route, Input)>),
}

/// Runs one call to its end, and gives the consumer back.
pub(crate) async fn run<C>(lender: LenderOf<C>, call: Call) -> (LoanOf<C>, Outcome)
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    let held = lender.lend().await;
    match call {
        Call::Handler(route, input) => handler(held, route, input).await,
        Call::Connect => connect(held).await,
        Call::Release(disconnect) => release(held, disconnect).await,
    }
}

async fn handler<C>(mut held: LoanOf<C>, route: Route, input: Input) -> (LoanOf<C>, Outcome)
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    let permit = permit(&mut held, route).await;
    // By this a timer sees that its event is being handled.
    held.connection.as_async().handles(input.event().cloned());
    let (mut held, outcome) = dispatch(held, route, input.for_handler(), permit).await;
    let socket = held.connection.as_async();
    socket.handles(None);
    #[cfg(feature = "auth")]
    let outcome = outcome.and(save_changes(socket.scope()).await);
    (held, outcome)
}

/// What a plain `fn` needs to run: see [`HandlerThreads`](crate::handler_threads::HandlerThreads).
#[inline]
async fn permit<C>(held: &mut LoanOf<C>, route: Route) -> Option<Permit>
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    match route.mode {
        Mode::Blocking => held.connection.as_async().threads().permit().await,
        Mode::Async | Mode::Relay(_) => None,
    }
}

async fn connect<C>(mut held: LoanOf<C>) -> (LoanOf<C>, Outcome)
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    let mut outcome = Ok(());
    if C::TABLE.takes_events() || !C::OPTIONS.groups.is_empty() {
        outcome = held.connection.as_async().open_channel().await;
    }
    if outcome.is_ok()
        && let Some(route) = C::TABLE.hook(Hook::Connect)
    {
        let permit = permit(&mut held, route).await;
        (held, outcome) = dispatch(held, route, Input::connect(), permit).await;
    }
    let socket = held.connection.as_async();
    #[cfg(feature = "auth")]
    let outcome = outcome.and(save_changes(socket.scope()).await);
    let outcome = match outcome.as_ref().map_err(Error::kind) {
        Ok(()) | Err(ErrorKind::Accept) if !socket.is_answered() => socket.accept().await,
        _ => outcome,
    };
    let outcome = refuse::<C>(socket, outcome).await;
    (held, outcome)
}

/// Answers a handshake whose `connect` failed, where its error says how.
async fn refuse<C>(socket: &mut WebSocket, outcome: Outcome) -> Outcome {
    static UNAVAILABLE: LogLimit = LogLimit::new();
    static MISTAKES: LogLimit = LogLimit::new();
    let error = match outcome {
        Err(error) if !socket.is_answered() => error,
        outcome => return outcome,
    };
    let consumer = type_name::<C>();
    let path = Excerpt(socket.scope().path().as_bytes()).to_string();
    let (text, source) = error.excerpts();
    match error.kind() {
        ErrorKind::Deny | ErrorKind::Stop => socket.deny(StatusCode::FORBIDDEN).await,
        ErrorKind::Route => {
            tracing::debug!(
                error = text,
                consumer,
                path,
                "the path does not fit its consumer, responding with 404"
            );
            socket.deny(StatusCode::NOT_FOUND).await
        }
        _ if error.is_of_dependency() => {
            if let Some(suppressed) = UNAVAILABLE.permit() {
                tracing::warn!(
                    error = text,
                    source,
                    consumer,
                    path,
                    suppressed,
                    "dependency unavailable in `connect`, responding with 503"
                );
            }
            let unavailable = socket.deny(StatusCode::SERVICE_UNAVAILABLE);
            unavailable.header("retry-after", RETRY_AFTER).await
        }
        // A mistake of the program, that each client of the path will meet.
        ErrorKind::Config => {
            if let Some(suppressed) = MISTAKES.permit() {
                tracing::error!(
                    error = text,
                    source,
                    consumer,
                    path,
                    suppressed,
                    "the program is misconfigured, responding with 500"
                );
            }
            socket.deny(StatusCode::INTERNAL_SERVER_ERROR).await
        }
        _ => Err(error),
    }
}

async fn release<C>(mut held: LoanOf<C>, disconnect: Option<(Route, Input)>) -> (LoanOf<C>, Outcome)
where
    C: Consumer + Declaration<Kind = WebSocketKind>,
{
    let mut outcome = Ok(());
    if let Some((route, input)) = disconnect {
        // Without a permit: it has to run, however many threads others have.
        (held, outcome) = dispatch(held, route, input, None).await;
    }
    let socket = held.connection.as_async();
    #[cfg(feature = "auth")]
    let outcome = outcome.and(save_changes(socket.scope()).await);
    socket.release();
    (held, outcome)
}
