//! A program that knows `channels` by another path says so once for each item.

/// A facade of somebody else's.
pub(crate) mod facade {
    pub(crate) use ::channels as sockets;
}

use facade::sockets;
use facade::sockets::prelude::*;

/// Hides the crate's own name where a relative path would look for it.
#[allow(dead_code, reason = "is there to be in the way")]
mod channels {}

#[derive(sockets::Event, Serialize, Deserialize)]
#[event("renamed.said", crate = crate::renamed_crate::facade::sockets)]
pub(crate) struct Said {
    pub(crate) text: String,
}

#[consumer(groups("renamed"), crate = crate::renamed_crate::facade::sockets)]
#[derive(Default)]
pub(crate) struct Chat;

#[consumer(crate = crate::renamed_crate::facade::sockets)]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.group_send("renamed", Said { text }).await
    }

    #[sockets::prelude::handler("renamed.said")]
    async fn said(&mut self, socket: &mut WebSocket, Said { text }: Said) -> Result {
        socket.send(text).await
    }
}
