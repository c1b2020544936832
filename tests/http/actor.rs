//! A consumer that does what its path says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::HttpApp;
use channels::prelude::*;

use crate::router;
use crate::support::Journal;

#[consumer(http)]
pub(crate) struct Actor {
    journal: Journal,
    sent: Arc<AtomicUsize>,
}

impl Actor {
    pub(crate) fn app(journal: &Journal) -> impl HttpApp + use<> {
        Self::counting(journal, &Arc::default())
    }

    pub(crate) fn counting(journal: &Journal, sent: &Arc<AtomicUsize>) -> impl HttpApp + use<> {
        let (journal, sent) = (journal.clone(), Arc::clone(sent));
        Self::app_with(move |_| Self {
            journal: journal.clone(),
            sent: Arc::clone(&sent),
        })
    }

    /// Everything that a consumer can do wrong; each time it learns so.
    async fn mistakes(&self, http: &mut HttpExchange) -> Result {
        let note = |what: &str, result: Result| {
            let kind = result.map_err(|error| error.kind());
            self.journal.note(format!("{what}: {kind:?}"));
        };
        note("body first", http.send_body("x").await);
        note("event first", http.send_event("x").await);
        note("end first", http.end());
        let early = http.send_response(StatusCode::PROCESSING, "x").await;
        note("status", early);
        let bad = http.send_response(StatusCode::OK, "x").header("a b", "c");
        note("header", bad.await);
        let own = http.send_response(StatusCode::OK, "x");
        note("own header", own.header("content-length", "7").await);
        note("ok", http.send_response(StatusCode::OK, "fine").await);
        note("twice", http.send_response(StatusCode::OK, "x").await);
        let sent = http.send_body("late").await.expect_err("too late");
        assert_eq!(sent.into_unsent::<Bytes>().expect("the part"), "late");
        note("end", http.end());
        Ok(())
    }
}

#[consumer]
impl Actor {
    async fn handle(&mut self, http: &mut HttpExchange, body: Bytes) -> Result {
        let what: String = http.url_kwarg("what")?;
        self.journal.note(format!("{} {what}", http.method()));
        match what.as_str() {
            "echo" => http.send_response(StatusCode::OK, body).await,
            "created" => {
                let response = http.send_response(StatusCode::CREATED, "<p>made</p>");
                let response = response.header("content-type", "text/html");
                response.header("x-of", "one").header("x-of", "two").await
            }
            "json" => http.send_json(StatusCode::OK, &[1, 2]).await,
            "empty" => http.send_response(StatusCode::NO_CONTENT, "cut").await,
            "parts" => {
                http.send_headers(StatusCode::OK)
                    .header("content-type", "text/csv")
                    .await?;
                http.send_body("one,").await?;
                http.send_body("").await?;
                http.send_body("two").await?;
                http.end()?;
                http.end()
            }
            // A consumer that nothing can wake: its response ends with `handle`.
            "without-end" => {
                http.send_headers(StatusCode::OK).await?;
                http.send_body("all").await
            }
            "short" => {
                let headers = http.send_headers(StatusCode::OK);
                headers.header("content-length", "10").await?;
                http.send_body("four").await
            }
            "task" => {
                http.send_headers(StatusCode::OK).await?;
                let sender = http.sender();
                http.spawn(async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    assert!(sender.is_open());
                    assert!(sender.send_body("by a task").await.is_ok());
                });
                Ok(())
            }
            "nothing" => Ok(()),
            "stop" => Err(Stop.into()),
            "deny" => Err(DenyConnection.into()),
            "fail" => Err(Error::other("secret")),
            "panic" => panic!("secret"),
            "fail-late" | "panic-late" | "stop-late" => {
                http.send_headers(StatusCode::OK).await?;
                http.send_body("begun").await?;
                match what.as_str() {
                    "fail-late" => Err(Error::other("secret")),
                    "stop-late" => Err(Stop.into()),
                    _ => panic!("secret"),
                }
            }
            "flood" => {
                http.send_headers(StatusCode::OK).await?;
                loop {
                    http.send_body(vec![0; 64 * 1024]).await?;
                    self.sent.fetch_add(1, Ordering::SeqCst);
                }
            }
            "sleep" => {
                tokio::time::sleep(Duration::from_secs(3)).await;
                self.journal.note("slept");
                let sent = http.send_response(StatusCode::OK, "late").await;
                self.journal.note(format!("{:?}", sent.is_ok()));
                Ok(())
            }
            "for-ever" => {
                http.send_headers(StatusCode::OK).await?;
                std::future::pending().await
            }
            "after-the-answer" => {
                http.send_response(StatusCode::ACCEPTED, "").await?;
                tokio::time::sleep(Duration::from_secs(15)).await;
                self.journal.note("worked on");
                Ok(())
            }
            "wrong" => self.mistakes(http).await,
            other => Err(Error::other(format!("what is {other}?"))),
        }
    }

    async fn disconnect(&mut self, why: Disconnect) {
        self.journal.note(format!("disconnect {:?}", why.by));
    }
}

pub(crate) fn actor(journal: &Journal) -> ProtocolTypeRouter {
    router(Actor::app(journal))
}
