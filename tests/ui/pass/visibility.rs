//! Public consumers with private events, and the other way round.
#![allow(dead_code, unreachable_pub, reason = "public to nobody")]

use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("visibility.private")]
struct Private {
    number: u8,
}

#[derive(Event, Serialize, Deserialize)]
#[event("visibility.public")]
pub struct Public {
    pub number: u8,
}

#[consumer]
#[derive(Default)]
pub struct Open;

#[consumer]
impl Open {
    #[handler("visibility.private")]
    async fn private(&mut self, _: &Private) {}

    /// A handler may be public, for tests to call it.
    ///
    /// # Errors
    ///
    /// None.
    #[handler("visibility.public")]
    pub async fn public(&mut self, _: &Public) -> Result {
        Ok(())
    }
}

#[consumer]
#[derive(Default)]
struct Closed;

#[consumer]
impl Closed {
    #[handler("visibility.public")]
    pub(crate) async fn public(&mut self, _: Public) {}

    #[handler("visibility.private")]
    pub(self) async fn private(&mut self, _: Private) {}
}

/// A consumer whose impl block stands in another module.
pub(crate) mod elsewhere {
    use channels::prelude::*;

    #[consumer]
    impl super::Apart {
        async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
            self.helper(socket, text).await
        }
    }
}

#[consumer]
#[derive(Default)]
pub(crate) struct Apart;

impl Apart {
    async fn helper(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.send(text).await
    }
}
