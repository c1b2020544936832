//! HTTP consumers: answers, streams, events, long polls, and every way in which an exchange ends.

#[path = "../support/mod.rs"]
mod support;

mod actor;
mod answers;
mod bodies;
mod ends;
mod events;
mod polls;
mod servers;

use channels::HttpApp;
use channels::prelude::*;
use channels::testing::HttpCommunicator;
use support::until;

/// What the tests' group hears.
#[derive(Event, Serialize, Deserialize)]
#[event("news.item")]
struct Item {
    text: String,
}

fn item(text: &str) -> Item {
    Item {
        text: text.to_owned(),
    }
}

/// An application of one route, `/<what>/`.
fn router(app: impl HttpApp) -> ProtocolTypeRouter {
    ProtocolTypeRouter::new()
        .channel_layer(InMemoryChannelLayer::new())
        .http(URLRouter::new().path("<slug:what>/", app))
}

/// Waits until every consumer is gone.
async fn ended(app: &ProtocolTypeRouter) {
    until("no exchange lives", || app.context().connections() == 0).await;
}

async fn get(app: &ProtocolTypeRouter, path: &str) -> http::Response<Bytes> {
    let response = HttpCommunicator::get(app, path).response().await;
    response.expect("a response")
}
