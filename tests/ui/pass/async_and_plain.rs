//! `async fn` and plain `fn`, `&self` and `&mut self`, in one consumer.
#![allow(clippy::needless_arbitrary_self_type, reason = "a way to write it")]

use channels::prelude::*;

type Outcome = std::result::Result<(), std::num::ParseIntError>;

#[consumer(groups("mixed"))]
#[derive(Default)]
pub(crate) struct Mixed {
    received: u32,
}

#[derive(Event, Serialize, Deserialize)]
#[event("mixed.counted")]
pub(crate) struct Counted {
    received: u32,
}

#[consumer]
impl Mixed {
    fn connect(&mut self, socket: &mut BlockingWebSocket) -> Result {
        socket.accept()
    }

    async fn receive(&mut self, socket: &mut WebSocket, Json(number): Json<u32>) -> Result {
        self.received += number;
        let received = self.received;
        socket.group_send("mixed", Counted { received }).await
    }

    #[handler("mixed.counted")]
    fn counted(&self, event: &Counted, socket: &mut BlockingWebSocket) -> Result {
        socket.send(event.received.to_string())
    }

    #[handler("mixed.own.error")]
    fn own_error(&self) -> Outcome {
        "1".parse::<u32>().map(drop)
    }

    #[handler("mixed.boxed.error")]
    async fn boxed_error(
        &self,
    ) -> std::result::Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    #[handler("mixed.never")]
    async fn never(&mut self) -> ! {
        std::future::pending().await
    }

    #[handler("mixed.typed.self")]
    fn typed_self(self: &mut Self) {
        self.received = 0;
    }

    fn disconnect(&mut self) {}
}
