//! Plain tokio-tungstenite: what a Rust program without a framework does.
//!
//! `--buffer BYTES` sets the read buffer; the library's default is 128 KiB.

use anyhow::{Context as _, Result};
use channels_bench::serve::Arguments;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

#[derive(Serialize, Deserialize)]
struct Said {
    message: String,
}

type Group = broadcast::Sender<Utf8Bytes>;
type Socket = WebSocketStream<TcpStream>;

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let mut config = WebSocketConfig::default();
    if let Some(bytes) = arguments.buffer {
        config = config.read_buffer_size(bytes).write_buffer_size(0);
    }
    arguments.runtime()?.block_on(async move {
        let groups = [(); 3].map(|()| Group::new(128));
        let listener = TcpListener::bind(arguments.address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let groups = groups.clone();
            tokio::spawn(async move {
                // A lost connection is the client's affair.
                let _ = connection(stream, config, &groups).await;
            });
        }
    })
}

async fn connection(stream: TcpStream, config: WebSocketConfig, groups: &[Group; 3]) -> Result<()> {
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let read_path = |request: &Request, response: Response| {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    let socket =
        tokio_tungstenite::accept_hdr_async_with_config(stream, read_path, Some(config)).await?;
    match path.as_str() {
        "/json/" => json(socket).await,
        "/chat/" => member(socket, &groups[0]).await,
        "/relay/" => member(socket, &groups[1]).await,
        "/idle/" => member(socket, &groups[2]).await,
        _ => echo(socket).await,
    }
}

async fn echo(mut socket: Socket) -> Result<()> {
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

async fn json(mut socket: Socket) -> Result<()> {
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message? {
            socket.send(Message::text(again(&text)?)).await?;
        }
    }
    Ok(())
}

/// Every member sends the same text, which is encoded once.
async fn member(mut socket: Socket, group: &Group) -> Result<()> {
    let mut events = group.subscribe();
    loop {
        tokio::select! {
            message = socket.next() => match message.context("the client is gone")?? {
                Message::Text(text) => {
                    group.send(again(&text)?.into())?;
                }
                Message::Close(_) => return Ok(()),
                _ => {}
            },
            event = events.recv() => socket.send(Message::Text(event?)).await?,
        }
    }
}

fn again(text: &str) -> Result<String> {
    let said: Said = serde_json::from_str(text)?;
    Ok(serde_json::to_string(&said)?)
}
