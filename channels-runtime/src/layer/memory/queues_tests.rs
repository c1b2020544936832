use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::*;
use crate::TypedEvent;

const MINUTE: Duration = Duration::from_secs(60);

fn name(number: usize) -> ChannelName {
    ChannelName::new(&format!("job.{number}")).expect("a name")
}

fn event() -> Event {
    Event::new("a.job", ()).expect("an event")
}

#[tokio::test(start_paused = true)]
async fn queues_that_nobody_reads_are_dropped_without_a_push() {
    let queues = Arc::new(Queues::new(100, MINUTE).with_most(1_000_000));
    for number in 0..3_000 {
        queues.push(&name(number), event()).expect("room");
    }
    tokio::time::sleep(MINUTE / 2).await;
    queues.push(&name(0), event()).expect("room");
    assert_eq!(queues.state().queues.len(), 3_000);
    tokio::time::sleep(MINUTE + MINUTE / 2).await;
    {
        let state = queues.state();
        assert_eq!((state.queues.len(), state.queues.capacity()), (0, 0));
        assert!(!state.is_swept);
    }
    // And again.
    queues.push(&name(1), event()).expect("room");
    tokio::time::sleep(MINUTE * 2).await;
    assert_eq!(queues.state().queues.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_queues_is_bounded() {
    let queues = Arc::new(Queues::new(100, MINUTE).with_most(10));
    for number in 0..10 {
        queues.push(&name(number), event()).expect("room");
    }
    let error = queues.push(&name(10), event()).expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::ChannelFull);
    assert!(error.into_unsent::<Event>().is_ok());
    queues.push(&name(3), event()).expect("it is there");
    queues.pop(&name(4)).await.expect("an event");
    queues.push(&name(10), event()).expect("room again");
    tokio::time::sleep(MINUTE * 2).await;
    queues.push(&name(11), event()).expect("all have expired");
    assert_eq!(queues.len(), 1);
}

#[test]
fn outside_of_a_runtime_the_next_look_drops_what_has_expired() {
    let queues = Arc::new(Queues::new(100, Duration::ZERO).with_most(10));
    for number in 0..10 {
        queues.push(&name(number), event()).expect("room");
    }
    queues.push(&name(10), event()).expect("all have expired");
    assert_eq!(queues.len(), 0);
}

#[test]
fn a_runtime_that_ends_takes_no_sweep_with_it() {
    let queues = Arc::new(Queues::new(100, MINUTE).with_most(10));
    let start = || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().expect("a runtime");
        runtime.block_on(async { queues.push(&name(0), event()).expect("room") });
        assert!(queues.state().is_swept);
    };
    start();
    assert!(!queues.state().is_swept);
    start();
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_all_queues_is_bounded() {
    let weight = event().weight();
    let queues = Arc::new(Queues::new(100, MINUTE).with_max_weight(5 * weight));
    for number in 0..5 {
        queues.push(&name(number), event()).expect("room");
    }
    let error = queues.push(&name(5), event()).expect_err("no room");
    assert_eq!(error.kind(), ErrorKind::ChannelFull);
    assert!(error.into_unsent::<Event>().is_ok(), "the event comes back");
    // Who takes one makes room, and so does the time.
    queues.pop(&name(0)).await.expect("an event");
    queues.push(&name(5), event()).expect("room");
    queues.push(&name(6), event()).expect_err("no room");
    tokio::time::sleep(MINUTE * 2).await;
    assert_eq!(queues.state().weight, 0);
    queues.push(&name(6), event()).expect("room");
    queues.flush();
    assert_eq!(queues.state().weight, 0);
}

/// Panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl TypedEvent for Bomb {
    const NAME: &'static str = "a.bomb";
    const MISMATCH: &'static str = "";

    fn duplicate(&self) -> Self {
        Self
    }
}

impl Serialize for Bomb {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_struct("Bomb")
    }
}

impl<'de> Deserialize<'de> for Bomb {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("on purpose, in a drop");
    }
}

/// Two in one queue would end the process if the second were dropped during the first one's panic.
#[tokio::test(start_paused = true)]
async fn events_that_panic_when_they_are_dropped_harm_nobody() {
    let queues = Arc::new(Queues::new(100, MINUTE));
    let fill = |queues: &Arc<Queues>| {
        for _ in 0..3 {
            queues.push(&name(0), Bomb.into()).expect("room");
        }
    };
    fill(&queues);
    tokio::time::sleep(MINUTE * 3).await;
    assert_eq!(queues.state().queues.len(), 0, "the sweeper goes on");
    fill(&queues);
    tokio::time::advance(MINUTE * 2).await;
    queues.push(&name(0), event()).expect("room");
    fill(&queues);
    queues.flush();
    fill(&queues);
    queues.close();
    let queues = Arc::new(Queues::new(100, MINUTE));
    fill(&queues);
    drop(queues);
}
