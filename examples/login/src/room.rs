//! A chat room for users who are logged in.

use channels::prelude::*;

/// Characters of a message.
const MAX_TEXT: usize = 2000;

/// One open page of a room.
#[consumer]
#[derive(Default)]
pub(crate) struct Room {
    group: String,
    name: String,
}

/// A message from a page.
#[derive(Deserialize)]
struct Say {
    text: String,
}

/// A message for every page in the room.
#[derive(Event, Serialize, Deserialize)]
#[event("room.said")]
struct Said {
    name: String,
    text: String,
}

#[consumer]
impl Room {
    async fn connect(&mut self, socket: &mut WebSocket) -> Result {
        let user = socket.user().await?;
        if !user.is_authenticated() {
            return socket.deny(StatusCode::FORBIDDEN).await;
        }
        self.name = user.username().into();
        self.group = format!("room.{}", socket.url_kwarg::<String>("room")?);
        socket.group_add(&self.group).await
    }

    async fn receive(&mut self, socket: &mut WebSocket, Json(said): Json<Say>) -> Result {
        if said.text.trim().is_empty() || said.text.chars().count() > MAX_TEXT {
            return socket
                .close(
                    CloseCode::POLICY_VIOLATION,
                    "expected a text of 1 to 2000 characters",
                )
                .await;
        }
        let said = Said {
            name: self.name.clone(),
            text: said.text,
        };
        socket.group_send(&self.group, said).await
    }

    #[handler("room.said", relay)]
    async fn said(&mut self, socket: &mut WebSocket, said: Said) -> Result {
        socket.send_json(&said).await
    }
}
