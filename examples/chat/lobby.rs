//! The lobby: the group chat of Channels' tutorial.

use channels::prelude::*;

/// Somebody said something, to all.
#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
pub(crate) struct CallBack {
    message: String,
}

/// One page in the lobby.
#[consumer(groups("f1"))]
#[derive(Default)]
pub(crate) struct Lobby;

#[consumer]
impl Lobby {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.group_send("f1", CallBack { message: text }).await
    }

    #[handler("call.back")]
    async fn call_back(&mut self, socket: &mut WebSocket, event: CallBack) -> Result {
        socket.send(event.message).await
    }
}
