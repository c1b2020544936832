//! The calls of an HTTP consumer's handlers, each one future of the same type.

use std::sync::Arc;

use bytes::Bytes;

use crate::consumer::table::Route;
use crate::consumer::{
    Consumer, Declaration, HomeOf, Hook, HttpKind, Input, LoanOf, Mode, Outcome, dispatch,
};
use crate::handler_threads::Permit;
#[cfg(feature = "auth")]
use crate::session::save_changes;

/// What is to be called.
#[derive(Debug)]
pub(super) enum Call {
    /// `handle`, where there is one, with the body of the request.
    Request(Bytes),
    /// A handler of the table.
    Handler(Route, Input),
    /// The end: `disconnect`, where there is one, then everything is let go.
    Release(Option<(Route, Input)>),
}

/// Runs one call to its end.
pub(super) async fn run<C>(home: Arc<HomeOf<C>>, call: Call) -> Outcome
where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    let held = home.lend().await;
    match call {
        Call::Request(body) => request(held, body).await,
        Call::Handler(route, input) => handler(held, route, input).await.1,
        Call::Release(disconnect) => release(held, disconnect).await,
    }
}

async fn request<C>(mut held: LoanOf<C>, body: Bytes) -> Outcome
where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    // Joined first: what is sent while `handle` runs has its handler behind it.
    if C::TABLE.takes_events() || !C::OPTIONS.groups.is_empty() {
        held.connection.as_async().open_channel().await?;
    }
    match C::TABLE.hook(Hook::Request) {
        Some(route) => handler(held, route, Input::request(body)).await.1,
        None => Ok(()),
    }
}

async fn handler<C>(mut held: LoanOf<C>, route: Route, input: Input) -> (LoanOf<C>, Outcome)
where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    let permit = match route.mode {
        Mode::Blocking => held.connection.as_async().threads().permit().await,
        Mode::Async | Mode::Relay(_) => None,
    };
    call(held, route, input, permit).await
}

async fn call<C>(
    held: LoanOf<C>,
    route: Route,
    input: Input,
    permit: Option<Permit>,
) -> (LoanOf<C>, Outcome)
where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    let ran = dispatch(held, route, input, permit).await;
    #[cfg(feature = "auth")]
    let ran = {
        let (mut held, outcome) = ran;
        let saved = save_changes(held.connection.as_async().scope()).await;
        (held, outcome.and(saved))
    };
    ran
}

async fn release<C>(mut held: LoanOf<C>, disconnect: Option<(Route, Input)>) -> Outcome
where
    C: Consumer + Declaration<Kind = HttpKind>,
{
    let mut outcome = Ok(());
    if let Some((route, input)) = disconnect {
        // Without a permit: it has to run, however many threads others have.
        (held, outcome) = call(held, route, input, None).await;
    }
    held.connection.as_async().release();
    outcome
}
