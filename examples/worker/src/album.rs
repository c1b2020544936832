//! The page, and the socket that takes its pictures and returns thumbnails.

use channels::Bytes;
use channels::prelude::*;
use serde_json::json;

use crate::thumbnails::{CHANNEL, Made, Make, Refused};

#[consumer(http)]
#[derive(Default)]
pub(crate) struct Page;

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        http.send_response(StatusCode::OK, include_str!("static/page.html"))
            .header("content-type", "text/html; charset=utf-8")
            .await
    }
}

#[consumer(http)]
#[derive(Default)]
pub(crate) struct Script;

#[consumer]
impl Script {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let script = include_str!("../../shared/connection.js");
        http.send_response(StatusCode::OK, script)
            .header("content-type", "text/javascript; charset=utf-8")
            .await
    }
}

/// One open page. Pictures are binary messages in both directions, errors are JSON.
#[consumer]
#[derive(Default)]
pub(crate) struct Album;

#[consumer]
impl Album {
    async fn receive(&mut self, socket: &mut WebSocket, picture: Bytes) -> Result {
        let make = Make {
            picture,
            reply_to: socket.channel_name()?.clone(),
        };
        match socket.channel_send(&ChannelName::new(CHANNEL)?, make).await {
            Err(error) if error.kind() == ErrorKind::ChannelFull => {
                refuse(socket, "the queue is full: try again in a minute").await
            }
            sent => sent,
        }
    }

    #[handler("thumbnail.made")]
    async fn made(&mut self, socket: &mut WebSocket, made: Made) -> Result {
        socket.send(made.thumbnail).await
    }

    #[handler("thumbnail.refused")]
    async fn refused(&mut self, socket: &mut WebSocket, refused: Refused) -> Result {
        refuse(socket, &refused.reason).await
    }
}

async fn refuse(socket: &mut WebSocket, reason: &str) -> Result {
    socket.send_json(&json!({ "error": reason })).await
}
