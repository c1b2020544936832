//! Calls of a layer, and what they have to answer.

use std::sync::Arc;

use super::super::in_time;
use super::ensure;
use super::inbox::{event, text_of};
use crate::{ChannelLayer, ChannelName, Error, ErrorKind, Event, GroupName, Result};

pub(super) fn is_refused<T>(call: &str, result: Result<T>, kind: ErrorKind) -> Result<Error> {
    match result {
        Err(error) if error.kind() == kind => Ok(error),
        Err(error) => Err(error),
        Ok(_) => Err(Error::new(
            ErrorKind::Other,
            format!("`{call}` succeeds, expected an error of the kind `{kind:?}`"),
        )),
    }
}

pub(super) fn is_closed<T>(call: &str, result: Result<T>) -> Result<Error> {
    match result {
        Err(error) if error.kind() == ErrorKind::Layer => Ok(error),
        Err(error) => Err(error),
        Ok(_) => Err(Error::new(
            ErrorKind::Other,
            format!("`{call}` works after `close`"),
        )),
    }
}

/// Fails unless the error has the event that was not sent.
pub(super) fn comes_back(error: Error, text: &str) -> Result {
    let event: Event = error
        .into_unsent()
        .map_err(|_| Error::new(ErrorKind::Other, "the event does not come back"))?;
    let came = text_of(&event)?;
    ensure(came == text, || {
        format!("`{came}` comes back instead of `{text}`")
    })
}

pub(super) async fn send(
    layer: &Arc<dyn ChannelLayer>,
    channel: &ChannelName,
    text: &str,
) -> Result {
    in_time("send", layer.send(channel, event(text)?)).await?
}

pub(super) async fn group_send(layer: &Arc<dyn ChannelLayer>, group: &str, text: &str) -> Result {
    group_send_event(layer, group, event(text)?).await
}

pub(super) async fn group_send_event(
    layer: &Arc<dyn ChannelLayer>,
    group: &str,
    event: Event,
) -> Result {
    let sent = layer.group_send(GroupName::new(group)?, event, None);
    in_time("group_send", sent).await?.map(drop)
}

pub(super) async fn leave(
    layer: &Arc<dyn ChannelLayer>,
    group: &str,
    channel: &ChannelName,
) -> Result {
    let left = layer.group_discard(GroupName::new(group)?, channel);
    in_time("group_discard", left).await?
}
