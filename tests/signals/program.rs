//! The program that gets the signals.

use std::time::Duration;

use channels::prelude::*;
use channels::{Server, Worker};

/// The variable that says what the program is.
pub(crate) const WHAT: &str = "CHANNELS_TEST_PROGRAM";

#[consumer]
#[derive(Default)]
struct Hanging;

#[consumer]
impl Hanging {
    fn receive(&mut self, socket: &mut BlockingWebSocket, text: String) -> Result {
        if text == "block" {
            return block();
        }
        socket.after(Duration::ZERO, Wait);
        Ok(())
    }

    #[handler("hanging.wait")]
    async fn wait(&mut self, _: &mut WebSocket, _: Wait) {
        say("handler hangs;");
        std::future::pending::<()>().await;
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event("hanging.wait")]
struct Wait;

#[derive(Event, Serialize, Deserialize)]
#[event("job.block")]
struct Block;

#[consumer(channel)]
#[derive(Default)]
struct Jobs;

#[consumer]
impl Jobs {
    #[handler("job.block")]
    fn block(&mut self, _: Block) -> Result {
        block()
    }
}

fn block() -> Result {
    say("handler hangs;");
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

#[expect(clippy::print_stdout, reason = "the test reads it")]
fn say(what: &str) {
    println!("{what}");
}

fn limits(what: &str) -> Limits {
    let mut limits = Limits::default();
    let (grace, shutdown) = if what.contains("impatient") {
        (Duration::from_millis(300), Duration::from_secs(1))
    } else {
        (Duration::from_secs(3600), Duration::from_secs(3600))
    };
    limits.grace = grace;
    limits.shutdown_timeout = shutdown;
    limits
}

#[test]
#[ignore = "it is the program that the other tests start"]
fn runs() {
    let what = std::env::var(WHAT).expect("the test sets it");
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(std::io::stdout)
        .init();
    program(&what);
}

/// As a user's program.
#[tokio::main]
async fn program(what: &str) {
    let layer = InMemoryChannelLayer::new();
    let app = ProtocolTypeRouter::new()
        .channel_layer(layer.clone())
        .limits(limits(what))
        .websocket(URLRouter::new().path("ws/", Hanging::app()))
        .channel(ChannelNameRouter::new().channel("jobs", Jobs::app()));
    let app = match what {
        "hanging hook" => app.on_shutdown(async |_| std::future::pending().await),
        _ => app,
    };
    if what.starts_with("worker") {
        let jobs = ChannelName::new("jobs").expect("a name");
        layer.send(&jobs, Block.into()).await.expect("sent");
        let ended = Worker::new(app).run().await;
        return say(&format!("served: {ended:?};"));
    }
    if what == "hanging task" {
        // The program's own, for which the drop of its runtime waits.
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(3600)));
    }
    let server = Server::bind("127.0.0.1:0").await.expect("a free port");
    let address = server.local_addr().expect("an address");
    let serving = tokio::spawn(server.serve(app));
    // Signals are listened for once it serves.
    tokio::time::sleep(Duration::from_millis(200)).await;
    say(&format!("listening on {address};"));
    let ended = serving.await.expect("no panic");
    say(&format!("served: {ended:?};"));
}
