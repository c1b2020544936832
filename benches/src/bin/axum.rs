//! axum with `tokio::sync::broadcast`: what its chat example does, with its defaults.

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use channels_bench::serve::Arguments;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::broadcast;

#[derive(Serialize, Deserialize)]
struct Said {
    message: String,
}

type Group = broadcast::Sender<Utf8Bytes>;

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    arguments.runtime()?.block_on(async move {
        let mut program = Router::new()
            .route(
                "/echo/",
                any(async |upgrade: WebSocketUpgrade| {
                    upgrade.on_upgrade(async |socket| ended(echo(socket).await))
                }),
            )
            .route(
                "/json/",
                any(async |upgrade: WebSocketUpgrade| {
                    upgrade.on_upgrade(async |socket| ended(json(socket).await))
                }),
            );
        for path in ["/chat/", "/relay/", "/idle/"] {
            let group = Group::new(128);
            program = program.route(
                path,
                any(move |upgrade: WebSocketUpgrade| async move {
                    upgrade.on_upgrade(async move |socket| ended(member(socket, &group).await))
                }),
            );
        }
        let listener = TcpListener::bind(arguments.address).await?;
        axum::serve(listener, program).await?;
        Ok(())
    })
}

/// A lost connection is the client's affair.
fn ended(_: Result<()>) {}

async fn echo(mut socket: WebSocket) -> Result<()> {
    while let Some(message) = socket.recv().await {
        if let message @ (Message::Text(_) | Message::Binary(_)) = message? {
            socket.send(message).await?;
        }
    }
    Ok(())
}

async fn json(mut socket: WebSocket) -> Result<()> {
    while let Some(message) = socket.recv().await {
        if let Message::Text(text) = message? {
            socket.send(Message::Text(again(&text)?.into())).await?;
        }
    }
    Ok(())
}

/// Every member sends the same text, which is encoded once.
async fn member(mut socket: WebSocket, group: &Group) -> Result<()> {
    let mut events = group.subscribe();
    loop {
        tokio::select! {
            message = socket.recv() => match message.context("the client is gone")?? {
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
