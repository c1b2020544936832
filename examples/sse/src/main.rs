//! Server-sent events: every open page receives the posted texts.
//!
//! ```text
//! cargo run -p sse
//! ```
//!
//! Then open <http://127.0.0.1:8000> in two windows, or:
//!
//! ```text
//! curl -N http://127.0.0.1:8000/events/
//! curl -d 'Dinner is ready' http://127.0.0.1:8000/say/
//! curl http://127.0.0.1:8000/next/
//! ```
//!
//! The last request is a long poll: the response is the next text.

use std::time::Duration;

use channels::prelude::*;

/// A posted text.
#[derive(Event, Serialize, Deserialize)]
#[event("said")]
struct Said {
    text: String,
}

/// The end of a long poll without a text.
#[derive(Event, Serialize, Deserialize)]
#[event("silence")]
struct Silence {}

#[consumer(http)]
#[derive(Default)]
struct Page;

#[consumer]
impl Page {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        let page = http.send_response(StatusCode::OK, PAGE);
        page.header("content-type", "text/html; charset=utf-8")
            .await
    }
}

#[consumer(http)]
#[derive(Default)]
struct Say;

#[consumer]
impl Say {
    async fn handle(&mut self, http: &mut HttpExchange, text: String) -> Result {
        http.group_send("listeners", Said { text }).await?;
        http.send_response(StatusCode::NO_CONTENT, "").await
    }
}

/// The event stream of one page, a member of the group while it is open.
#[consumer(http, groups("listeners"), overflow = drop_oldest)]
#[derive(Default)]
struct Events;

#[consumer]
impl Events {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        http.event_stream().await
    }

    #[handler("said")]
    async fn said(&mut self, http: &mut HttpExchange, event: &Said) -> Result {
        let event = ServerSentEvent::json(event)?.event("said");
        http.send_event(event).await
    }
}

/// A long poll: the request waits for the next text.
#[consumer(http)]
#[derive(Default)]
struct Next;

#[consumer]
impl Next {
    async fn handle(&mut self, http: &mut HttpExchange) -> Result {
        http.after(Duration::from_secs(25), Silence {});
        http.group_add("listeners").await
    }

    #[handler("said")]
    async fn said(&mut self, http: &mut HttpExchange, event: &Said) -> Result {
        http.send_json(StatusCode::OK, event).await
    }

    #[handler("silence")]
    async fn silence(&mut self, http: &mut HttpExchange) -> Result {
        http.send_response(StatusCode::NO_CONTENT, "").await
    }
}

const PAGE: &str = r#"<!doctype html>
<title>Server-sent events</title>
<style>body { font: 1rem/1.5 system-ui; max-width: 30rem; margin: 3rem auto }</style>
<form><input autofocus placeholder="Say something"> <button>Say</button></form>
<ul></ul>
<script>
  new EventSource("/events/").addEventListener("said", ({ data }) => {
    const item = document.createElement("li");
    item.textContent = JSON.parse(data).text;
    document.querySelector("ul").prepend(item);
  });
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    const input = document.querySelector("input");
    fetch("/say/", { method: "POST", body: input.value });
    input.value = "";
  };
</script>
"#;

#[tokio::main]
async fn main() -> Result {
    let pages = URLRouter::new()
        .path("", Page::app())
        .path("say/", Say::app())
        .path("events/", Events::app())
        .path("next/", Next::app());
    eprintln!("The page is at http://127.0.0.1:8000/");
    channels::serve("127.0.0.1:8000", ProtocolTypeRouter::new().http(pages)).await
}
