//! What the framework's server serves: the consumers that are measured.

use channels::prelude::*;

#[consumer]
#[derive(Default)]
struct Echo;

#[consumer]
impl Echo {
    async fn receive(&mut self, socket: &mut WebSocket, message: Message) -> Result {
        socket.send(message).await
    }
}

/// What clients send.
#[derive(Serialize, Deserialize)]
struct Said {
    message: String,
}

#[consumer]
#[derive(Default)]
struct JsonEcho;

#[consumer]
impl JsonEcho {
    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<Said>) -> Result {
        socket.send_json(&said).await
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack {
    message: String,
}

#[consumer(groups("f1"))]
#[derive(Default)]
struct Chat;

#[consumer]
impl Chat {
    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<Said>) -> Result {
        let message = said.message;
        socket.group_send("f1", CallBack { message }).await
    }

    #[handler("call.back")]
    async fn call_back(&mut self, socket: &mut WebSocket, event: &CallBack) -> Result {
        socket.send_json(event).await
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("relay.back")]
struct RelayBack {
    message: String,
}

#[consumer(groups("f2"))]
#[derive(Default)]
struct Relay;

#[consumer]
impl Relay {
    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<Said>) -> Result {
        let message = said.message;
        socket.group_send("f2", RelayBack { message }).await
    }

    #[handler("relay.back", relay)]
    async fn relay_back(&mut self, socket: &mut WebSocket, event: &RelayBack) -> Result {
        socket.send_json(event).await
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("idle.over")]
struct IdleOver {
    message: String,
}

#[consumer(groups("idle"))]
#[derive(Default)]
struct Idle;

#[consumer]
impl Idle {
    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<Said>) -> Result {
        let message = said.message;
        socket.group_send("idle", IdleOver { message }).await
    }

    #[handler("idle.over")]
    async fn idle_over(&mut self, socket: &mut WebSocket, event: &IdleOver) -> Result {
        socket.send_json(event).await
    }
}

/// The application, with the settings that a program gets by default.
pub fn app() -> ProtocolTypeRouter {
    let routes = URLRouter::new()
        .path("echo/", Echo::app())
        .path("json/", JsonEcho::app())
        .path("chat/", Chat::app())
        .path("relay/", Relay::app())
        .path("idle/", Idle::app());
    ProtocolTypeRouter::new().websocket(routes)
}
