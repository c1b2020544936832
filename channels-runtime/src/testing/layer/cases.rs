//! The cases, in the order in which they run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::{LocalBoxFuture, join, join4};
use serde_json::json;

use super::super::in_time;
use super::bounds::{
    a_channel_joins_as_many_groups_as_its_receiver_allows, a_workers_channel_is_not_a_member,
    an_event_without_fields_is_one, the_frameworks_own_events_cannot_be_sent,
    the_frameworks_own_events_travel_in_its_own_groups, the_longest_group_names_are_carried,
};
use super::calls::{comes_back, group_send, group_send_event, is_closed, leave, send};
use super::inbox::{event, text_of};
use super::{Ground, ensure};
use crate::{ChannelLayer, ChannelName, Error, ErrorKind, Event, GroupName, Result};

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) run: for<'a> fn(&'a mut Ground) -> LocalBoxFuture<'a, Result>,
}

/// A case by the name of its function.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        &[$(Case { name: stringify!($case), run: |ground| Box::pin($case(ground)) }),*]
    };
}

pub(super) const ALL: &[Case] = cases![
    every_channel_has_a_name_of_its_own,
    a_send_reaches_its_channel_alone,
    an_event_comes_as_it_was_sent,
    a_send_to_nobody_is_no_error,
    a_group_send_reaches_each_member_once,
    a_group_send_leaves_out_whom_it_shall,
    groups_of_similar_names_are_different,
    who_leaves_hears_nothing_more,
    who_leaves_without_having_been_there_changes_nothing,
    who_is_dropped_hears_nothing_more,
    who_comes_back_is_a_member_again,
    the_order_of_a_sender_is_kept_and_nothing_comes_twice,
    a_member_without_room_harms_nobody,
    the_longest_group_names_are_carried,
    an_event_without_fields_is_one,
    a_workers_channel_is_not_a_member,
    a_channel_joins_as_many_groups_as_its_receiver_allows,
    the_frameworks_own_events_cannot_be_sent,
    the_frameworks_own_events_travel_in_its_own_groups,
];

/// For layers that keep events for workers.
pub(super) const QUEUES: &[Case] = cases![
    events_wait_for_a_worker,
    each_event_goes_to_one_worker,
    a_worker_that_gives_up_loses_nothing,
    a_connection_is_no_queue,
];

pub(super) const LAST: &[Case] = cases![a_flush_forgets_all, a_closed_layer_says_so];

async fn every_channel_has_a_name_of_its_own(ground: &mut Ground) -> Result {
    let mut names = BTreeSet::new();
    for _ in 0..50 {
        for inbox in ground.pair(&[]).await? {
            let name = inbox.name();
            ensure(names.insert(name.to_string()), || {
                format!("`{name}` is there twice")
            })?;
        }
    }
    Ok(())
}

async fn a_send_reaches_its_channel_alone(ground: &mut Ground) -> Result {
    let [mut near, mut far] = ground.pair(&[]).await?;
    let beside = ground.pair(&[]).await?;
    send(&ground.near, near.name(), "near to near").await?;
    send(&ground.near, far.name(), "near to far").await?;
    near.hears("near to near").await?;
    far.hears("near to far").await?;
    send(&ground.far, near.name(), "far to near").await?;
    near.hears("far to near").await?;
    ground.quiet(beside.into_iter().chain([near, far]));
    Ok(())
}

async fn an_event_comes_as_it_was_sent(ground: &mut Ground) -> Result {
    let [mut near, mut far] = ground.pair(&["as-sent"]).await?;
    let sent = json!({
        "type": "test.said", "text": "\u{e9}\u{1f600}\0\n", "empty": {}, "none": null,
        "numbers": [0, -1, 1.5, u64::MAX, i64::MIN], "nested": [[{"a": [true, false]}]],
        "long": "x".repeat(100_000),
    });
    group_send_event(&ground.near, "as-sent", Event::from_json(sent.clone())?).await?;
    for inbox in [&mut near, &mut far] {
        let came = inbox.next().await?.to_json()?;
        ensure(came == sent, || format!("another event came: {came}"))?;
    }
    Ok(())
}

async fn a_send_to_nobody_is_no_error(ground: &mut Ground) -> Result {
    let [mut near, mut far] = ground.pair(&[]).await?;
    near.close();
    far.close();
    for layer in [&ground.near, &ground.far] {
        send(layer, near.name(), "nobody").await?;
        send(layer, far.name(), "nobody").await?;
        group_send(layer, "nobody", "nobody").await?;
    }
    ground.quiet([near, far]);
    Ok(())
}

async fn a_group_send_reaches_each_member_once(ground: &mut Ground) -> Result {
    // The third is in both, the first one twice.
    let mut members = vec![
        ground.open(&ground.near, &["one", "one"]).await?,
        ground.open(&ground.far, &["one"]).await?,
        ground.open(&ground.far, &["one", "two"]).await?,
    ];
    group_send(&ground.near, "one", "near").await?;
    group_send(&ground.far, "one", "far").await?;
    for member in &mut members {
        member.hears_all(&["far", "near"]).await?;
    }
    group_send(&ground.near, "two", "two").await?;
    members[2].hears("two").await?;
    ground.quiet(members);
    Ok(())
}

async fn a_group_send_leaves_out_whom_it_shall(ground: &mut Ground) -> Result {
    let [mut near, mut far] = ground.pair(&["except"]).await?;
    let group = GroupName::new("except")?;
    for layer in [&ground.near, &ground.far] {
        let sent = layer.group_send(group, event("not near")?, Some(near.name()));
        in_time("group_send", sent).await??;
        far.hears("not near").await?;
    }
    // The events of one sender are in order: nothing can come from before.
    group_send(&ground.near, "except", "all").await?;
    near.hears("all").await?;
    far.hears("all").await?;
    ground.quiet([near, far]);
    Ok(())
}

async fn groups_of_similar_names_are_different(ground: &mut Ground) -> Result {
    let names = [
        "a",
        "A",
        "a.b",
        "a_b",
        "a/b",
        "été",
        "\u{1f600} x",
        "utf8-.a",
        "a ",
    ];
    let mut members = Vec::new();
    for name in names {
        members.push((name, ground.open(&ground.far, &[name]).await?));
    }
    for name in names {
        group_send(&ground.near, name, name).await?;
    }
    for (name, inbox) in &mut members {
        inbox.hears(name).await?;
    }
    ground.quiet(members.into_iter().map(|(_, inbox)| inbox));
    Ok(())
}

async fn who_leaves_hears_nothing_more(ground: &mut Ground) -> Result {
    let [mut near, mut far] = ground.pair(&["left", "stayed"]).await?;
    leave(&ground.near, "left", near.name()).await?;
    group_send(&ground.far, "left", "left").await?;
    far.hears("left").await?;
    group_send(&ground.far, "stayed", "stayed").await?;
    near.hears("stayed").await?;
    far.hears("stayed").await?;
    ground.quiet([near, far]);
    Ok(())
}

async fn who_leaves_without_having_been_there_changes_nothing(ground: &mut Ground) -> Result {
    let [mut near, far] = ground.pair(&[]).await?;
    let mut member = ground.open(&ground.near, &["others"]).await?;
    leave(&ground.far, "others", far.name()).await?;
    leave(&ground.near, "unknown", near.name()).await?;
    group_send(&ground.far, "others", "still").await?;
    member.hears("still").await?;
    near.close();
    ground.quiet([near, far, member]);
    Ok(())
}

async fn who_is_dropped_hears_nothing_more(ground: &mut Ground) -> Result {
    let [mut near, mut far] = ground.pair(&["dropped"]).await?;
    let mut stays = ground.open(&ground.near, &["dropped"]).await?;
    near.close();
    far.close();
    for layer in [&ground.near, &ground.far] {
        group_send(layer, "dropped", "late").await?;
        stays.hears("late").await?;
    }
    ground.quiet([near, far, stays]);
    Ok(())
}

async fn who_comes_back_is_a_member_again(ground: &mut Ground) -> Result {
    let [mut near, mut far] = ground.pair(&["back"]).await?;
    for round in 0..20 {
        for (layer, inbox) in [(&ground.near, &near), (&ground.far, &far)] {
            leave(layer, "back", inbox.name()).await?;
            let joined = layer.group_add(GroupName::new("back")?, inbox.name());
            in_time("group_add", joined).await??;
        }
        let text = round.to_string();
        group_send(&ground.near, "back", &text).await?;
        near.hears(&text).await?;
        far.hears(&text).await?;
    }
    ground.quiet([near, far]);
    Ok(())
}

async fn the_order_of_a_sender_is_kept_and_nothing_comes_twice(ground: &mut Ground) -> Result {
    // Fewer than a queue of Channels holds.
    const EVENTS: usize = 90;
    let [mut near, mut far] = ground.pair(&["order"]).await?;
    let burst = async |layer: &Arc<dyn ChannelLayer>, sender: &str| {
        for number in 0..EVENTS / 2 {
            group_send(layer, "order", &format!("{sender} {number}")).await?;
        }
        Ok::<_, Error>(())
    };
    let (one, two) = join(burst(&ground.near, "near"), burst(&ground.far, "far")).await;
    one.and(two)?;
    for inbox in [&mut near, &mut far] {
        let mut next = BTreeMap::new();
        for _ in 0..EVENTS / 2 * 2 {
            let text = text_of(&inbox.next().await?)?;
            let (sender, number) = text.split_once(' ').unwrap_or_default();
            let next = next.entry(sender.to_owned()).or_insert(0);
            ensure(number == next.to_string(), || {
                format!("expected the event {next} of `{sender}`, came `{text}`")
            })?;
            *next += 1;
        }
    }
    ground.quiet([near, far]);
    Ok(())
}

async fn a_member_without_room_harms_nobody(ground: &mut Ground) -> Result {
    let [near, far] = ground.pair(&["room"]).await?;
    let mut others = ground.pair(&["room"]).await?;
    near.set_full();
    far.set_full();
    group_send(&ground.near, "room", "room").await?;
    for other in &mut others {
        other.hears("room").await?;
    }
    // It says so, if it can know.
    match ground.near.send(near.name(), event("full")?).await {
        Ok(()) => {}
        Err(error) => {
            let kind = error.kind();
            ensure(kind == ErrorKind::ChannelFull, || {
                format!("another error: {error}")
            })?;
            comes_back(error, "full")?;
        }
    }
    ground.quiet(others.into_iter().chain([near, far]));
    Ok(())
}

async fn events_wait_for_a_worker(ground: &mut Ground) -> Result {
    let channel = ChannelName::new("test.wait")?;
    let mut waiting = BTreeSet::new();
    for number in 0..10 {
        let text = number.to_string();
        send(&ground.near, &channel, &text).await?;
        waiting.insert(text);
    }
    for number in 0..10 {
        let layer = if number % 2 == 0 {
            &ground.near
        } else {
            &ground.far
        };
        let event = in_time("receive", layer.receive(&channel)).await??;
        let text = text_of(&event)?;
        ensure(waiting.remove(&text), || {
            format!("expected one of {waiting:?}, came `{text}`")
        })?;
    }
    Ok(())
}

async fn each_event_goes_to_one_worker(ground: &mut Ground) -> Result {
    const EVENTS: usize = 60;
    let channel = ChannelName::new("test.work")?;
    let work = async |layer: &Arc<dyn ChannelLayer>, count: usize| {
        let mut done = Vec::new();
        for _ in 0..count {
            let event = in_time("receive", layer.receive(&channel)).await??;
            done.push(text_of(&event)?);
        }
        Ok::<_, Error>(done)
    };
    let publish = async {
        for number in 0..EVENTS {
            send(&ground.far, &channel, &format!("{number:02}")).await?;
        }
        Ok::<_, Error>(())
    };
    let third = EVENTS / 3;
    let (sent, one, two, three) = join4(
        publish,
        work(&ground.near, third),
        work(&ground.near, third),
        work(&ground.far, third),
    )
    .await;
    sent?;
    let done: Vec<_> = [one?, two?, three?].concat();
    let different: BTreeSet<_> = done.iter().collect();
    ensure(different.len() == EVENTS, || {
        format!("{EVENTS} were sent, came {done:?}")
    })
}

async fn a_worker_that_gives_up_loses_nothing(ground: &mut Ground) -> Result {
    let channel = ChannelName::new("test.patience")?;
    for number in 0..10 {
        let impatient = ground.near.receive(&channel);
        let given_up = tokio::time::timeout(std::time::Duration::ZERO, impatient).await;
        send(&ground.far, &channel, &number.to_string()).await?;
        let text = match given_up {
            Ok(event) => text_of(&event?)?,
            Err(_) => text_of(&in_time("receive", ground.near.receive(&channel)).await??)?,
        };
        ensure(text == number.to_string(), || {
            format!("expected {number}, came `{text}`")
        })?;
    }
    Ok(())
}

async fn a_connection_is_no_queue(ground: &mut Ground) -> Result {
    let [near, _far] = ground.pair(&[]).await?;
    let received = in_time("receive", ground.near.receive(near.name())).await?;
    let kind = received.err().map(|error| error.kind());
    ensure(kind == Some(ErrorKind::Config), || {
        "a connection's channel could be received from".to_owned()
    })
}

async fn a_flush_forgets_all(ground: &mut Ground) -> Result {
    // Whoever joins again may hear what is still on its way, so that is another group.
    let mut near = ground
        .open(&ground.near, &["flush", "joined-again"])
        .await?;
    in_time("flush", ground.near.flush()).await??;
    group_send(&ground.near, "flush", "forgotten").await?;
    let joined = ground
        .near
        .group_add(GroupName::new("joined-again")?, near.name());
    in_time("group_add", joined).await??;
    group_send(&ground.near, "joined-again", "again").await?;
    near.hears("again").await?;
    ground.quiet([near]);
    Ok(())
}

async fn a_closed_layer_says_so(ground: &mut Ground) -> Result {
    let [near, _far] = ground.pair(&[]).await?;
    let (layer, group) = (Arc::clone(&ground.near), GroupName::new("closed")?);
    in_time("close", layer.close()).await??;
    let sent = in_time("send", layer.send(near.name(), event("direct")?)).await?;
    comes_back(is_closed("send", sent)?, "direct")?;
    let sent = layer.group_send(group, event("group")?, None);
    comes_back(
        is_closed("group_send", in_time("group_send", sent).await?)?,
        "group",
    )?;
    let added = in_time("group_add", layer.group_add(group, near.name())).await?;
    is_closed("group_add", added)?;
    let discarded = layer.group_discard(group, near.name());
    is_closed("group_discard", in_time("group_discard", discarded).await?)?;
    is_closed("flush", in_time("flush", layer.flush()).await?)?;
    // Twice is the same as once.
    in_time("close", layer.close()).await?.map(drop)
}
