//! Routing: Channels' own cases, middleware between routers, names, the root, the lifespan, and what
//! a client learns.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod cases;
mod lifespan;
mod mistakes;
mod names;
mod nesting;
mod roots;

use channels::prelude::*;
use channels::testing::HttpCommunicator;
use channels::{Answering, Body, HttpApp, HttpRequest};
use serde_json::{Value, json};

/// An application that answers with its number and what it was given.
#[derive(Clone)]
struct App(u32);

impl HttpApp for App {
    fn answer(&self, request: HttpRequest) -> Answering<'_> {
        let scope = request.scope();
        let kwargs: serde_json::Map<String, Value> = scope
            .kwargs()
            .iter()
            .map(|(name, text)| (name.to_owned(), text.into()))
            .collect();
        let seen = json!({"app": self.0, "args": scope.args(), "kwargs": kwargs});
        Box::pin(async move { http::Response::new(Body::from(seen.to_string())) })
    }
}

fn app(router: URLRouter<dyn HttpApp>) -> ProtocolTypeRouter {
    ProtocolTypeRouter::new().http(router)
}

/// What the application saw, or the status of a refusal.
async fn seen(app: &ProtocolTypeRouter, path: &str) -> Value {
    let response = HttpCommunicator::get(app, path).response().await;
    let response = response.expect("a response");
    match response.status() {
        StatusCode::OK => serde_json::from_slice(response.body()).expect("JSON"),
        status => json!(status.as_u16()),
    }
}

fn found(app: u32, args: &[&str], kwargs: impl Into<Value>) -> Value {
    let kwargs = kwargs.into();
    json!({"app": app, "args": args, "kwargs": kwargs})
}
