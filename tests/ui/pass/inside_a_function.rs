//! Consumers and events that are declared where they are used.

use channels::WebSocketApp;
use channels::prelude::*;

pub(crate) fn app() -> impl WebSocketApp {
    #[derive(Event, Serialize, Deserialize)]
    #[event("function.said")]
    struct Said {
        text: String,
    }

    #[consumer(groups("function"))]
    #[derive(Default)]
    struct Chat;

    #[consumer]
    impl Chat {
        async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
            socket.group_send("function", Said { text }).await
        }

        #[handler("function.said")]
        async fn said(&mut self, socket: &mut WebSocket, Said { text }: Said) -> Result {
            socket.send(text).await
        }
    }

    Chat::app()
}
