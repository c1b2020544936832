//! Workers that cannot begin, and what runs around those that can.

use channels::prelude::*;

use super::support::{Journal, within};
use super::{Clerk, Running, app};

async fn refused(worker: Worker) -> String {
    let error = within(worker.run_until(std::future::pending())).await;
    let error = error.expect_err("nothing to work on");
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[tokio::test]
async fn without_channels_it_says_so() {
    let journal = Journal::default();
    let plain = ProtocolTypeRouter::new();
    assert!(
        refused(Worker::new(plain))
            .await
            .contains("ChannelNameRouter")
    );
    let empty = ProtocolTypeRouter::new().channel(ChannelNameRouter::new());
    assert!(refused(Worker::new(empty)).await.contains("no channels"));
    let none: [&str; 0] = [];
    assert!(
        refused(Worker::new(app(&journal).0).only(none))
            .await
            .contains("no channels")
    );
    let said = refused(Worker::new(app(&journal).0).only(["task"])).await;
    assert_eq!(
        said,
        "there is no channel `task`; there are: [tasks]; did you mean `tasks`?"
    );
}

#[tokio::test]
async fn a_layer_that_is_missing_is_told_at_start_up() {
    #[consumer(channel, layer = "elsewhere")]
    #[derive(Default)]
    struct Elsewhere;

    #[consumer]
    impl Elsewhere {
        #[handler("task.note")]
        async fn note(&mut self, _event: Event) {}
    }

    let router = ChannelNameRouter::new().channel("tasks", Elsewhere::app());
    let app = ProtocolTypeRouter::new().channel(router);
    assert!(refused(Worker::new(app)).await.contains("elsewhere"));
}

#[test]
#[should_panic(expected = "the channel `tasks` has a consumer already")]
fn a_channel_has_one_consumer() {
    let clerk = || Clerk::app_with(|_| unreachable!("nothing is sent"));
    let _ = ChannelNameRouter::new()
        .channel("tasks", clerk())
        .channel("tasks", clerk());
}

#[test]
#[should_panic(expected = "is no channel name")]
fn a_channel_has_a_good_name() {
    let clerk = Clerk::app_with(|_| unreachable!("nothing is sent"));
    let _ = ChannelNameRouter::new().channel("two words", clerk);
}

#[test]
#[should_panic(expected = "is a connection's channel")]
fn a_connections_channel_has_no_worker() {
    let clerk = Clerk::app_with(|_| unreachable!("nothing is sent"));
    let _ = ChannelNameRouter::new().channel("specific.a!b", clerk);
}

#[tokio::test]
async fn the_applications_hooks_run_around_it() {
    let journal = Journal::default();
    let (app, layer) = app(&journal);
    let (begun, ended) = (journal.clone(), journal.clone());
    let app = app
        .on_startup(async move || {
            begun.note("startup");
            Ok(7_u32)
        })
        .on_shutdown(move |_| async move { ended.note("shutdown") });
    let worker = Running::start(Worker::new(app));
    super::support::until("it has begun", || journal.count("startup") == 1).await;
    worker.stopped().await.expect("a good end");
    assert_eq!(journal.lines(), ["startup", "shutdown"]);
    let closed = layer.receive(&super::tasks()).await.expect_err("closed");
    assert_eq!(closed.kind(), ErrorKind::Layer);
}
