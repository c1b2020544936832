//! Groups of one kind of consumer, that take only what it handles.

use std::fmt;
use std::marker::PhantomData;

use super::{ChannelLayer, Delivery};
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
    pub async fn send<E>(&self, layer: &dyn ChannelLayer, event: E) -> Result<Delivery>
    where
        C: Handles<E>,
        E: TypedEvent,
    {
        layer.group_send(self.name, event.into(), None).await
    }

    /// Sends an event to every member but one.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_except<E>(
        &self,
        layer: &dyn ChannelLayer,
        event: E,
        except: &ChannelName,
    ) -> Result<Delivery>
    where
        C: Handles<E>,
        E: TypedEvent,
    {
        layer
            .group_send(self.name, event.into(), Some(except))
            .await
    }
}

impl<C> fmt::Debug for Group<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Group").field(&self.name).finish()
    }
}
