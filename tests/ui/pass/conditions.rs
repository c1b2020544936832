//! Methods under `#[cfg(…)]`: in the table only if they exist.
#![allow(
    clippy::non_minimal_cfg,
    reason = "conditions that hold, or do not, everywhere"
)]

use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("conditions.on")]
pub(crate) struct On;

#[consumer(groups("conditions"))]
#[derive(Default)]
pub(crate) struct Chat;

#[consumer]
impl Chat {
    #[cfg(all())]
    async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
        socket.group_send("conditions", On).await?;
        socket.send(text).await
    }

    #[cfg(any())]
    async fn receive(&mut self, bytes: AnUnknownType) -> Result {
        there::is::no(such::thing)
    }

    #[cfg(all())]
    #[handler("conditions.on")]
    async fn on(&mut self, socket: &mut WebSocket, _: On) -> Result {
        socket.send("on").await
    }

    #[handler("conditions.on")]
    #[cfg(any())]
    async fn off(&mut self, event: Off) {}

    #[cfg_attr(all(), cfg(any()))]
    #[handler("conditions.gone")]
    fn gone(&mut self, event: Off) {}

    #[cfg_attr(all(), doc = "Documented under a condition.")]
    #[handler("conditions.kept")]
    async fn kept(&mut self) {}
}

/// A consumer that does not exist.
#[cfg(any())]
#[consumer]
struct Missing(There::is::none);

#[cfg(any())]
#[consumer]
impl Missing {
    async fn receive(&mut self, nothing: Off) {}
}

/// The condition stands below the macro, which has to repeat it.
#[consumer]
#[cfg(any())]
struct Removed(There::is::none);

#[consumer]
#[cfg(any())]
impl Removed {
    #[handler("conditions.removed")]
    async fn removed(&mut self, nothing: Off) {}
}
