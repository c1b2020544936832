//! Long polls: `handle` returns, a later event answers.

use std::time::Duration;

use channels::prelude::*;
use channels::testing::HttpCommunicator;
use channels::{DropReason, GroupName};
use tokio::time::Instant;

use crate::support::{Journal, until, within};
use crate::{Item, ended, item, router};

/// The time of a poll is up.
#[derive(Event, Serialize, Deserialize)]
#[event("poll.expired")]
struct Expired {}

/// Answers by its event alone: there is nothing to do before.
#[consumer(http, groups("news"))]
#[derive(Default)]
struct Waits;

#[consumer]
impl Waits {
    #[handler("news.item")]
    async fn item(&mut self, http: &mut HttpExchange, event: Item) -> Result {
        http.send_response(StatusCode::OK, event.text).await
    }
}

/// Answers when there is something to say, or when the time is up.
#[consumer(http)]
#[derive(Default)]
pub(crate) struct Poll;

#[consumer]
impl Poll {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let what: String = http.url_kwarg("what")?;
        http.group_add(&what).await?;
        http.after(Duration::from_secs(25), Expired {});
        Ok(())
    }

    #[handler("news.item")]
    async fn item(&mut self, http: &mut HttpExchange, event: Item) -> Result {
        http.send_response(StatusCode::OK, event.text).await
    }

    #[handler("poll.expired")]
    async fn expired(&mut self, http: &mut HttpExchange) -> Result {
        http.send_response(StatusCode::NO_CONTENT, "").await
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_is_answered_by_an_event_or_by_its_timer() {
    let layer = InMemoryChannelLayer::new();
    let app = router(Poll::app()).channel_layer(layer.clone());
    let poll = |what: &str| {
        let request = HttpCommunicator::get(&app, &format!("/{what}/"));
        tokio::spawn(request.timeout(Duration::from_secs(60)).response())
    };
    let (answered, silent) = (poll("a"), poll("b"));
    until("both wait", || app.context().connections() == 2).await;
    let group = GroupName::new("a").expect("a name");
    until("a member", || {
        let sent = layer.group_send(group, item("news").into(), None);
        futures_util::FutureExt::now_or_never(sent)
            .is_some_and(|sent| sent.is_ok_and(|delivery| delivery.matched == 1))
    })
    .await;
    let answered = within(answered)
        .await
        .expect("no panic")
        .expect("a response");
    assert_eq!(answered.body(), "news");
    let started = Instant::now();
    let silent = tokio::time::timeout(Duration::from_secs(60), silent).await;
    let silent = silent
        .expect("in time")
        .expect("no panic")
        .expect("a response");
    assert_eq!(silent.status(), StatusCode::NO_CONTENT);
    assert!(started.elapsed() <= Duration::from_secs(25));
    ended(&app).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_whose_client_goes_leaves_nothing_behind() {
    let layer = InMemoryChannelLayer::new();
    let app = router(Poll::app()).channel_layer(layer.clone());
    let request = HttpCommunicator::get(&app, "/a/").timeout(Duration::from_secs(1));
    request.open().await.expect_err("the test gives up");
    ended(&app).await;
    let group = GroupName::new("a").expect("a name");
    let delivery = layer.group_send(group, item("news").into(), None).await;
    assert_eq!(delivery.expect("sent").matched, 0);
}

#[tokio::test]
async fn a_consumer_of_events_alone_needs_no_handle() {
    let layer = InMemoryChannelLayer::new();
    let app = router(Waits::app()).channel_layer(layer.clone());
    let waiting = tokio::spawn(HttpCommunicator::get(&app, "/x/").response());
    let group = GroupName::new("news").expect("a name");
    // An event of another shape is counted, and the poll goes on.
    let odd = Event::new("news.item", serde_json::json!({ "number": 1 })).expect("an event");
    let unknown = Event::new("news.other", serde_json::json!({})).expect("an event");
    loop {
        let sent = layer.group_send(group, odd.clone(), None).await;
        if sent.expect("sent").matched == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    layer.group_send(group, unknown, None).await.expect("sent");
    layer
        .group_send(group, item("news").into(), None)
        .await
        .expect("sent");
    let answered = within(waiting)
        .await
        .expect("no panic")
        .expect("a response");
    assert_eq!(answered.body(), "news");
    ended(&app).await;
    let stats = app.context().stats();
    assert_eq!(stats.drops(DropReason::Undecodable), 1);
    assert_eq!(stats.drops(DropReason::Unhandled), 1);
}

#[tokio::test(start_paused = true)]
async fn ticks_that_a_busy_consumer_misses_are_skipped() {
    #[consumer(http, mailbox = 4)]
    struct Slow {
        start: Instant,
        journal: Journal,
        /// What a handler keeps is its own: it holds up no timer.
        kept: Vec<Event>,
    }

    #[consumer]
    impl Slow {
        async fn handle(&mut self, http: &mut HttpExchange) {
            http.every(Duration::from_secs(1), item("tick"));
            // The first tick waits; there is none beside it.
            tokio::time::sleep(Duration::from_millis(3500)).await;
        }

        #[handler("news.item")]
        async fn item(&mut self, http: &mut HttpExchange, event: Event) -> Result {
            let at = self.start.elapsed().as_secs_f32();
            let text = &event.get::<Item>().expect("the event").text;
            self.journal.note(format!("{text} at {at:.1}"));
            self.kept.push(event);
            if self.kept.len() == 3 {
                return http.send_response(StatusCode::OK, "enough").await;
            }
            tokio::time::sleep(Duration::from_millis(3200)).await;
            Ok(())
        }
    }

    let (start, journal) = (Instant::now(), Journal::default());
    let slow = Slow::app_with({
        let journal = journal.clone();
        move |_| Slow {
            start,
            journal: journal.clone(),
            kept: Vec::new(),
        }
    });
    let request = HttpCommunicator::get(&router(slow), "/slow/");
    let request = request.timeout(Duration::from_secs(60)).response();
    assert_eq!(request.await.expect("a response").body(), "enough");
    let ticks = ["tick at 3.5", "tick at 7.0", "tick at 11.0"];
    assert_eq!(journal.lines(), ticks);
}
