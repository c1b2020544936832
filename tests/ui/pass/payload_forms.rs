//! Each form of a payload, before and behind the connection.
#![allow(unused_parens, reason = "a type in parentheses is one of the forms")]

use channels::prelude::*;

/// A consumer that answers with the length of what it gets, in the given form.
macro_rules! measures {
    ($($consumer:ident: $payload:ty, |$pattern:pat_param| $length:expr;)*) => { $(
        #[consumer]
        #[derive(Default)]
        pub(crate) struct $consumer;

        #[consumer]
        impl $consumer {
            async fn receive(&mut self, $pattern: $payload, socket: &mut WebSocket) -> Result {
                socket.send(format!("{}", $length)).await
            }
        }
    )* };
}

measures! {
    OfString: String, |text| text.len();
    OfText: Text, |text| text.as_str().len();
    OfStr: &str, |text| text.len();
    OfBytes: Bytes, |bytes| bytes.len();
    OfVec: Vec<u8>, |bytes| bytes.len();
    OfSlice: &[u8], |bytes| bytes.len();
    OfMessage: Message, |message| message.len();
    OfBorrowedMessage: &Message, |message| message.len();
    OfJson: Json<Vec<u8>>, |Json(numbers)| numbers.len();
    OfParenthesised: (&(str)), |text| text.len();
}

#[derive(Clone, Event, Serialize, Deserialize)]
#[event("payload.said")]
pub(crate) struct Said {
    pub(crate) text: String,
}

#[consumer(groups("payload"))]
#[derive(Default)]
pub(crate) struct Events;

#[consumer]
impl Events {
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        let said = Said { text };
        socket.group_send("payload", said.clone()).await?;
        for event_type in [
            "payload.raw",
            "payload.raw.ref",
            "payload.any",
            "payload.rest",
        ] {
            socket
                .group_send("payload", Event::new(event_type, said.clone())?)
                .await?;
        }
        socket
            .group_send("payload", Event::new("payload.nothing", ())?)
            .await
    }

    #[handler("payload.said")]
    async fn said(&mut self, socket: &mut WebSocket, Said { text }: Said) -> Result {
        socket.send(text).await
    }

    #[handler("payload.raw")]
    async fn raw(&mut self, event: Event, socket: &mut WebSocket) -> Result {
        socket.send(event.event_type().as_str()).await
    }

    #[handler("payload.raw.ref")]
    async fn raw_ref(&mut self, event: &Event, socket: &mut WebSocket) -> Result {
        socket.send(event.event_type().as_str()).await
    }

    #[handler("payload.any")]
    async fn any(&mut self, socket: &mut WebSocket, Payload(said): Payload<Said>) -> Result {
        socket.send(format!("any {}", said.text)).await
    }

    #[handler("payload.nothing")]
    async fn nothing(&mut self, socket: &mut WebSocket) -> Result {
        socket.send("nothing").await
    }

    #[fallback]
    async fn rest(&mut self, socket: &mut WebSocket, event: Event) -> Result {
        socket
            .send(format!("fallback {}", event.event_type()))
            .await
    }

    async fn disconnect(&mut self, Disconnect { code, .. }: &Disconnect) {
        assert_eq!(*code, CloseCode::NORMAL);
    }
}
