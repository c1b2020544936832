//! The cases of what layers refuse, and of what they must not.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::in_time;
use super::calls::{comes_back, group_send, group_send_event, is_refused, leave};
use super::inbox::{Inbox, event, text_of};
use super::{Ground, ensure};
use crate::{ChannelName, ErrorKind, Event, GroupName, MAX_GROUP_NAME, Result, TypedEvent};

pub(super) async fn the_longest_group_names_are_carried(ground: &mut Ground) -> Result {
    for name in ["x".repeat(MAX_GROUP_NAME), "é".repeat(15) + "abc"] {
        let mut far = ground.open(&ground.far, &[&name]).await?;
        group_send(&ground.near, &name, "long").await?;
        far.hears("long").await?;
        ground.quiet([far]);
    }
    Ok(())
}

/// A unit struct is encoded as a map without fields, and read from one.
#[derive(Serialize, Deserialize)]
struct Nothing;

impl TypedEvent for Nothing {
    const NAME: &'static str = "test.nothing";
    const MISMATCH: &'static str = "";

    fn duplicate(&self) -> Self {
        Self
    }
}

pub(super) async fn an_event_without_fields_is_one(ground: &mut Ground) -> Result {
    let [mut near, mut far] = ground.pair(&["nothing"]).await?;
    group_send_event(&ground.near, "nothing", Nothing.into()).await?;
    for inbox in [&mut near, &mut far] {
        inbox.next().await?.get::<Nothing>()?;
    }
    ground.quiet([near, far]);
    Ok(())
}

pub(super) async fn a_workers_channel_is_not_a_member(ground: &mut Ground) -> Result {
    let (group, worker) = (
        GroupName::new("of-workers")?,
        ChannelName::new("test.worker")?,
    );
    let added = in_time("group_add", ground.near.group_add(group, &worker)).await?;
    is_refused("group_add", added, ErrorKind::Config)?;
    // Without a membership, nothing happens.
    in_time("group_discard", ground.near.group_discard(group, &worker)).await?
}

pub(super) async fn a_channel_joins_as_many_groups_as_its_receiver_allows(
    ground: &mut Ground,
) -> Result {
    let inbox = Inbox::open_for(&ground.near, 2).await?;
    let add = async |group: &'static str| {
        let joined = ground.near.group_add(GroupName::new(group)?, inbox.name());
        in_time("group_add", joined).await?
    };
    for group in ["limit-1", "limit-2", "limit-1"] {
        add(group).await?;
    }
    is_refused("group_add", add("limit-3").await, ErrorKind::Limit)?;
    leave(&ground.near, "limit-1", inbox.name()).await?;
    add("limit-3").await?;
    is_refused("group_add", add("limit-1").await, ErrorKind::Limit)?;
    // What was refused is not joined.
    group_send(&ground.far, "limit-1", "refused").await?;
    ground.quiet([inbox]);
    Ok(())
}

const OWN_GROUP: GroupName<'static> = GroupName::internal("channels$test");
const OWN_TYPE: &str = "channels.test";

/// A layer refuses them by [`Event::check_sendable`].
pub(super) async fn the_frameworks_own_events_cannot_be_sent(ground: &mut Ground) -> Result {
    let [near, far] = ground.pair(&["forged"]).await?;
    let own = || Event::internal(OWN_TYPE, json!({ "text": "forged" }));
    let sent = ground.near.send(far.name(), own()?);
    comes_back(
        is_refused("send", in_time("send", sent).await?, ErrorKind::EventType)?,
        "forged",
    )?;
    for (group, event) in [
        (GroupName::new("forged")?, own()?),
        (OWN_GROUP, event("forged")?),
    ] {
        let sent = ground.near.group_send(group, event, None);
        let sent = in_time("group_send", sent).await?;
        comes_back(
            is_refused("group_send", sent, ErrorKind::EventType)?,
            "forged",
        )?;
    }
    ground.quiet([near, far]);
    Ok(())
}

/// A layer that encodes events reads them by [`Event::from_layer`].
pub(super) async fn the_frameworks_own_events_travel_in_its_own_groups(
    ground: &mut Ground,
) -> Result {
    let [mut near, mut far] = ground.pair(&[]).await?;
    for (layer, inbox) in [(&ground.near, &near), (&ground.far, &far)] {
        in_time("group_add", layer.group_add(OWN_GROUP, inbox.name())).await??;
    }
    let event = Event::internal(OWN_TYPE, json!({ "text": "own" }))?;
    in_time("group_send", ground.near.group_send(OWN_GROUP, event, None)).await??;
    for inbox in [&mut near, &mut far] {
        let event = inbox.next().await?;
        ensure(event.event_type().as_str() == OWN_TYPE, || {
            format!("another event came: {event:?}")
        })?;
        ensure(text_of(&event)? == "own", || "another text came".to_owned())?;
    }
    ground.quiet([near, far]);
    Ok(())
}
