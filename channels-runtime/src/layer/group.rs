//! Groups of one kind of consumer, that take only what it handles.

use std::fmt;
use std::marker::PhantomData;

use super::{ChannelLayer, Delivery, LayerFuture};
use crate::{ChannelName, GroupName, Handles, Result, TypedEvent};

/// A group whose members are consumers `C`: it sends only events that `C` handles.
///
/// ```compile_fail,E0277
/// # use channels_runtime::{ChannelLayer, Group, InMemoryChannelLayer, TypedEvent};
/// # struct Chat;
/// # async fn example<Unhandled: TypedEvent>(event: Unhandled) -> channels_runtime::Result {
/// let layer = InMemoryChannelLayer::new();
/// Group::<Chat>::new("f1")?.send(&layer, event).await?; // `Chat` has no handler for it
/// # Ok(())
/// # }
/// ```
pub struct Group<'a, C> {
    name: GroupName<'a>,
    members: PhantomData<fn(&C)>,
}

impl<'a, C> Group<'a, C> {
    /// The group of that name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Name`](crate::ErrorKind::Name) if the name is not allowed.
    pub fn new(name: &'a str) -> Result<Self> {
        Ok(Self {
            name: GroupName::new(name)?,
            members: PhantomData,
        })
    }

    /// Sends an event to every member.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`](crate::ErrorKind::Layer) if the layer fails; the event comes back
    /// with the error.
    // (Of an `async fn`, rustc would report an event without a handler at the call, at the future
    // and at its `.await`.)
    pub fn send<'s, E>(&'s self, layer: &'s dyn ChannelLayer, event: E) -> LayerFuture<'s, Delivery>
    where
        E: TypedEvent + HandledBy<C>,
    {
        layer.group_send(self.name, event.into(), None)
    }

    /// Sends an event to every member but one.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_except<'s, E>(
        &'s self,
        layer: &'s dyn ChannelLayer,
        event: E,
        except: &'s ChannelName,
    ) -> LayerFuture<'s, Delivery>
    where
        E: TypedEvent + HandledBy<C>,
    {
        layer.group_send(self.name, event.into(), Some(except))
    }
}

/// The event is one that the consumer `C` [`Handles`].
///
/// (A bound `C: Handles<E>` would let rustc guess `E` before it has seen the event: it would take
/// the one that `C` handles, and report the event as a mismatch.)
pub trait HandledBy<C> {}

impl<C: Handles<E>, E> HandledBy<C> for E {}

impl<C> fmt::Debug for Group<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Group").field(&self.name).finish()
    }
}
