//! A test kit: clients of an application, in process or over a real socket.
//!
//! In process there is no port, but everything else is the same: the request goes through the
//! same HTTP server, the frames through the same protocol engine, so a test sees what a client
//! sees. With tokio's paused clock (`#[tokio::test(start_paused = true)]`) time belongs to the
//! test: whatever waits, waits in no time.
//!
//! # Examples
//!
//! ```
//! use channels_runtime::testing::WebsocketCommunicator;
//! use channels_runtime::{ProtocolTypeRouter, URLRouter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> channels_runtime::Result {
//! let app = ProtocolTypeRouter::new().websocket(URLRouter::new());
//! let refused = WebsocketCommunicator::new(&app, "/nowhere/").connect().await.unwrap_err();
//! assert_eq!(refused.status(), 404);
//! # Ok(())
//! # }
//! ```

mod answer;
mod application;
mod http;
mod layer;
mod streaming;
mod websocket;

pub use self::answer::{Accepted, Refused};
pub use self::application::ApplicationCommunicator;
pub use self::http::HttpCommunicator;
pub use self::layer::check_channel_layer;
pub use self::streaming::StreamingResponse;
pub use self::websocket::WebsocketCommunicator;

use std::future::Future;
use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// How long a test waits for what has to come.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a test watches that nothing comes.
const SILENCE: Duration = Duration::from_millis(100);

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    in_time_of(TIMEOUT, what, future).await
}

async fn in_time_of<T>(
    timeout: Duration,
    what: &str,
    future: impl Future<Output = T>,
) -> Result<T> {
    tokio::time::timeout(timeout, future)
        .await
        .map_err(|error| {
            Error::caused(
                ErrorKind::Other,
                format!("{what}: nothing came in {timeout:?}"),
                error,
            )
        })
}
