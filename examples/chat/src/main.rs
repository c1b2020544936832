//! Chat rooms for browsers, with members, typing notices and file transfer.
//!
//! ```text
//! cargo run -p chat
//! cargo run -p chat -- --addr 0.0.0.0:8080
//! ```

mod pages;
mod protocol;
mod room;
#[cfg(test)]
mod room_tests;
mod upload;

use std::net::SocketAddr;
use std::process::ExitCode;

use channels::prelude::*;
use clap::Parser;

use crate::room::Room;

/// Serves chat rooms for browsers.
#[derive(Parser)]
struct Args {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    addr: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt::init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result {
    let server = Server::bind(args.addr).await?;
    let address = server.local_addr()?;
    eprintln!("The chat is at http://{address}/ (press Ctrl-C to stop).");
    server.serve(app()).await
}

/// The pages, and the WebSocket that each room opens.
fn app() -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .http(pages::router())
        .websocket(URLRouter::new().path("chat/<slug:room>/", Room::app()))
}
