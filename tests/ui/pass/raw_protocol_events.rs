//! The protocol's own events, under any name.

use channels::prelude::*;

#[consumer]
#[derive(Default)]
pub(crate) struct Raw;

#[consumer]
impl Raw {
    #[handler("websocket.connect")]
    async fn somebody_knocks(&mut self, socket: &mut WebSocket) -> Result {
        socket.accept().subprotocol("raw").await
    }

    #[handler("websocket.receive")]
    async fn something_came(&mut self, socket: &mut WebSocket, message: Message) -> Result {
        socket.send(message).await
    }

    #[handler("websocket.disconnect")]
    fn nobody_is_left(&mut self, why: &Disconnect) {
        assert_eq!(why.code, CloseCode::NORMAL);
    }
}
