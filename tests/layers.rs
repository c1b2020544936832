//! The cases that every channel layer is put through: ours, one of a third party, and broken ones,
//! each of which has to be found out. Those over Redis are in `tests/redis`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use channels::testing::check_channel_layer;
use channels::{
    Channel, ChannelLayer, ChannelName, Delivery, Event, GroupName, InMemoryChannelLayer,
    LayerFuture, Receiver, Result,
};

#[tokio::test(start_paused = true)]
async fn the_in_memory_layer() {
    let layer = InMemoryChannelLayer::new();
    let checked = check_channel_layer(async || Ok(Arc::new(layer.clone()))).await;
    assert!(checked.expect("it passes"), "it has queues for workers");
}

/// A layer of a third party: it passes everything on, but for its flaw.
#[derive(Clone, Debug)]
struct Wrapped {
    inner: InMemoryChannelLayer,
    flaw: Flaw,
    calls: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    LosesSome,
    RepeatsSome,
    SendsToAll,
    FoldsNames,
    NeverLeaves,
    LosesWhatFails,
    HasNoQueues,
    TakesWorkers,
}

impl Wrapped {
    fn new(flaw: Flaw) -> Self {
        Self {
            inner: InMemoryChannelLayer::new(),
            flaw,
            calls: Arc::default(),
        }
    }

    fn is_seventh(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) % 7 == 6
    }
}

impl ChannelLayer for Wrapped {
    fn new_channel(&self, receiver: Arc<dyn Receiver>) -> LayerFuture<'_, Channel> {
        self.inner.new_channel(receiver)
    }

    fn send<'a>(&'a self, channel: &'a ChannelName, event: Event) -> LayerFuture<'a, ()> {
        LayerFuture::waiting(async move {
            let sent = self.inner.send(channel, event).await;
            match sent {
                Err(error) if self.flaw == Flaw::LosesWhatFails => {
                    Err(channels::Error::layer(error.to_string()))
                }
                sent => sent,
            }
        })
    }

    fn group_add<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        LayerFuture::waiting(async move {
            let folded = group.as_str().to_lowercase();
            let group = match self.flaw {
                Flaw::FoldsNames => GroupName::new(&folded)?,
                Flaw::TakesWorkers if !channel.is_specific() => return Ok(()),
                _ => group,
            };
            self.inner.group_add(group, channel).await
        })
    }

    fn group_discard<'a>(
        &'a self,
        group: GroupName<'a>,
        channel: &'a ChannelName,
    ) -> LayerFuture<'a, ()> {
        if self.flaw == Flaw::NeverLeaves {
            return LayerFuture::ready(Ok(()));
        }
        self.inner.group_discard(group, channel)
    }

    fn group_send<'a>(
        &'a self,
        group: GroupName<'a>,
        event: Event,
        except: Option<&'a ChannelName>,
    ) -> LayerFuture<'a, Delivery> {
        LayerFuture::waiting(async move {
            let folded = group.as_str().to_lowercase();
            let group = match self.flaw {
                Flaw::FoldsNames => GroupName::new(&folded)?,
                Flaw::LosesSome if self.is_seventh() => return Ok(Delivery::default()),
                Flaw::RepeatsSome if self.is_seventh() => {
                    self.inner.group_send(group, event.clone(), except).await?;
                    group
                }
                _ => group,
            };
            let except = except.filter(|_| self.flaw != Flaw::SendsToAll);
            self.inner.group_send(group, event, except).await
        })
    }

    fn receive<'a>(&'a self, channel: &'a ChannelName) -> LayerFuture<'a, Event> {
        LayerFuture::waiting(async move {
            if self.flaw == Flaw::HasNoQueues {
                let what = format!("`{channel}` cannot be received");
                return Err(channels::Error::unavailable(what));
            }
            self.inner.receive(channel).await
        })
    }

    fn flush(&self) -> LayerFuture<'_, ()> {
        self.inner.flush()
    }

    fn close(&self) -> LayerFuture<'_, ()> {
        self.inner.close()
    }
}

async fn check(flaw: Flaw) -> Result<bool> {
    let layer = Wrapped::new(flaw);
    check_channel_layer(async || Ok(Arc::new(layer.clone()))).await
}

#[tokio::test(start_paused = true)]
async fn one_of_a_third_party() {
    assert!(check(Flaw::None).await.expect("it passes"));
}

#[tokio::test(start_paused = true)]
async fn every_flaw_is_found() {
    for (flaw, case) in [
        (Flaw::LosesSome, "`a_group_send"),
        (Flaw::RepeatsSome, "`a_group_send"),
        (Flaw::SendsToAll, "`a_group_send_leaves_out_whom_it_shall`"),
        (Flaw::FoldsNames, "`groups_of_similar_names_are_different`"),
        (Flaw::NeverLeaves, "`who_leaves_hears_nothing_more`"),
        (Flaw::LosesWhatFails, "`a_member_without_room_harms_nobody`"),
        (Flaw::HasNoQueues, "cannot be received"),
        (
            Flaw::TakesWorkers,
            "`a_workers_channel_is_not_a_member`: `group_add` succeeds",
        ),
    ] {
        let error = check(flaw).await.expect_err("a flaw");
        assert!(error.to_string().contains(case), "{flaw:?}: {error}");
    }
}

/// What the layer of the environment is, in a process of its own: the environment is the whole
/// process'.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the test that starts this process reads it"
)]
fn the_environment_in_a_process_of_its_own() {
    match channels::ChannelLayers::from_env() {
        Ok(layers) => println!("layers: {layers:?}"),
        Err(error) => println!("error: {error}"),
    }
}

#[test]
fn an_empty_variable_counts_as_unset_and_an_error_names_it() {
    for (value, expected) in [
        (
            None,
            "layers: ChannelLayers({\"default\": InMemoryChannelLayer",
        ),
        (
            Some(""),
            "layers: ChannelLayers({\"default\": InMemoryChannelLayer",
        ),
        (
            Some(" \t"),
            "layers: ChannelLayers({\"default\": InMemoryChannelLayer",
        ),
        (
            Some("redis://:hunter2@h?hunter2=1"),
            "error: the environment variable `CHANNEL_LAYERS` is invalid: channel layer `default`: ",
        ),
        (
            Some("jobs=hunter2"),
            "error: the environment variable `CHANNEL_LAYERS` is invalid: channel layer `jobs`: ",
        ),
    ] {
        let mut process = std::process::Command::new(std::env::current_exe().expect("this test"));
        process.args([
            "--exact",
            "the_environment_in_a_process_of_its_own",
            "--nocapture",
        ]);
        match value {
            Some(value) => process.env("CHANNEL_LAYERS", value),
            None => process.env_remove("CHANNEL_LAYERS"),
        };
        let output = process.output().expect("it runs");
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(shown.contains(expected), "{value:?}: {shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
