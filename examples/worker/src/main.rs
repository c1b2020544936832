//! Thumbnails: a page uploads a picture over its socket, a worker shrinks it, the socket receives the
//! thumbnail.
//!
//! ```text
//! cargo run -p worker
//! ```
//!
//! Server and worker run in one program and need no set-up. With a Redis between them they can be separate
//! programs, any number of each, on any machines:
//!
//! ```text
//! export CHANNEL_LAYERS=redis://localhost:6379
//! cargo run -p worker --features redis -- serve
//! cargo run -p worker --features redis -- work
//! ```

mod album;
mod thumbnails;

use std::process::ExitCode;

use channels::prelude::*;
use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind as ArgsErrorKind};

use crate::album::{Album, Page, Script};
use crate::thumbnails::Thumbnails;

const ADDRESS: &str = "127.0.0.1:8000";

/// Makes thumbnails of pictures. Without a command, server and worker run in one program.
#[derive(Parser)]
#[command(after_help = "`serve` and `work` need CHANNEL_LAYERS, for example \
    redis://localhost:6379 (feature `redis`).")]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the page and its sockets.
    Serve,
    /// Works on jobs.
    Work,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt::init();
    let args = Args::parse();
    let layers = std::env::var_os("CHANNEL_LAYERS");
    if args.command.is_some() && layers.is_none_or(|layers| layers.is_empty()) {
        let missing = "CHANNEL_LAYERS is not set, so server and worker cannot share a layer";
        Args::command()
            .error(ArgsErrorKind::MissingRequiredArgument, missing)
            .exit();
    }
    let ended = match args.command {
        None => serve_and_work().await,
        Some(Command::Serve) => serve(app()).await,
        Some(Command::Work) => worker(app()).run().await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn app() -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .http(
            URLRouter::new()
                .path("", Page::app())
                .path("connection.js", Script::app()),
        )
        .websocket(URLRouter::new().path("ws/", Album::app()))
        .channel(ChannelNameRouter::new().channel(thumbnails::CHANNEL, Thumbnails::app()))
}

/// Works on two pictures at a time: each needs a thread and memory.
fn worker(app: ProtocolTypeRouter) -> Worker {
    Worker::new(app).concurrency(2)
}

async fn serve(app: ProtocolTypeRouter) -> Result {
    let server = Server::bind(ADDRESS).await?;
    eprintln!("Upload pictures at http://{ADDRESS}/ (press Ctrl-C to stop).");
    server.serve(app).await
}

/// Runs a server and a worker that share an application and its layer. The server closes the layer after
/// the last job of the worker has ended.
async fn serve_and_work() -> Result {
    let app = app();
    let worker = worker(app.clone()).beside_server();
    tokio::try_join!(serve(app), worker.run())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use channels::testing::WebsocketCommunicator;
    use channels::{Bytes, Message};

    use super::*;

    async fn within<T>(future: impl Future<Output = T>) -> T {
        let deadline = Duration::from_secs(60);
        tokio::time::timeout(deadline, future)
            .await
            .expect("the deadline")
    }

    #[tokio::test]
    async fn a_picture_returns_as_a_thumbnail_and_anything_else_as_an_error() {
        let app = app();
        let job = tokio::spawn(worker(app.clone()).beside_server().run());
        let mut page = WebsocketCommunicator::new(&app, "/ws/");
        within(page.connect()).await.expect("a socket");

        let mut picture = Cursor::new(Vec::new());
        image::RgbaImage::new(400, 200)
            .write_to(&mut picture, image::ImageFormat::Png)
            .expect("a picture");
        page.send(Bytes::from(picture.into_inner()))
            .await
            .expect("sent");
        let Message::Binary(small) = within(page.receive()).await.expect("the thumbnail") else {
            panic!("a thumbnail is binary");
        };
        let small = image::load_from_memory(&small).expect("a picture");
        assert_eq!((small.width(), small.height()), (160, 80));

        page.send(Bytes::from_static(b"not a picture"))
            .await
            .expect("sent");
        let reply: serde_json::Value = within(page.receive_json()).await.expect("a reason");
        assert!(reply["error"].is_string(), "{reply}");
        job.abort();
    }
}
