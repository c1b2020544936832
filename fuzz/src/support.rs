//! What several targets share.

use std::future::Future;

use channels::{Answering, HttpApp, HttpRequest, StatusCode};
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
}

/// Runs a future on this thread with a paused clock: a wait takes no time.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// Takes the text up to the next line break.
pub(crate) fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|byte| *byte == b'\n');
    let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = behind.get(1..).unwrap_or_default();
    line
}

/// Answers every request with 204.
pub(crate) struct NoContent;

impl HttpApp for NoContent {
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        request.deny(StatusCode::NO_CONTENT)
    }
}
