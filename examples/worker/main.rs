//! Thumbnails: a page uploads a picture over its socket, a worker makes it small, the socket gets it back.
//!
//! ```text
//! cargo run --example worker
//! ```
//!
//! The worker runs beside the server and needs nothing. With a Redis between them the two are programs
//! of their own, as many as are wanted, on any machines:
//!
//! ```text
//! export CHANNEL_LAYERS=redis://localhost:6379
//! cargo run --features redis --example worker -- serve
//! cargo run --features redis --example worker -- work
//! ```

mod album;
mod thumbnails;

use std::process::ExitCode;

use channels::prelude::*;

use crate::album::{Album, Page};
use crate::thumbnails::Thumbnails;

const ADDRESS: &str = "127.0.0.1:8000";
const USAGE: &str = "usage: worker            both in one program
       worker serve      pages and sockets alone
       worker work       the jobs alone

CHANNEL_LAYERS says where they meet: redis://localhost:6379 (feature `redis`), say.";

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt::init();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments[..] {
        [] => both().await,
        ["serve" | "work"] if std::env::var_os("CHANNEL_LAYERS").is_none() => {
            eprintln!("without CHANNEL_LAYERS they would not meet\n{USAGE}");
            return ExitCode::from(2);
        }
        ["serve"] => serve(app()).await,
        ["work"] => worker(app()).run().await,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
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
        .http(URLRouter::new().path("", Page::app()))
        .websocket(URLRouter::new().path("ws/", Album::app()))
        .channel(ChannelNameRouter::new().channel(thumbnails::CHANNEL, Thumbnails::app()))
}

/// Two pictures at a time: each takes a thread, and memory.
fn worker(app: ProtocolTypeRouter) -> Worker {
    Worker::new(app).concurrency(2)
}

async fn serve(app: ProtocolTypeRouter) -> Result {
    let server = Server::bind(ADDRESS).await?;
    eprintln!("Pictures go to http://{ADDRESS}/ (Ctrl-C ends it).");
    server.serve(app).await
}

/// A server and a worker that share an application, and the layer in it: which the server closes when
/// the worker's last job has ended.
async fn both() -> Result {
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
    async fn a_picture_comes_back_small_and_anything_else_with_a_reason() {
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

        page.send(Bytes::from_static(b"no picture"))
            .await
            .expect("sent");
        let told: serde_json::Value = within(page.receive_json()).await.expect("a reason");
        assert!(told["error"].is_string(), "{told}");
        job.abort();
    }
}
