//! A load generator of one thread: one read and one write per message, frames masked beforehand.

mod client;
mod echo;
mod group;
mod idle;
mod storm;
mod swarm;

pub use self::echo::{Check, Echo};
pub use self::group::Fan;
pub use self::idle::Idle;
pub use self::storm::Storm;
pub use self::swarm::{Sink, Swarm};

use std::rc::Rc;

/// A frame that several sockets may send.
pub type Frame = Rc<[u8]>;
