//! What real signals do to a real process, where something hangs.

#[path = "../support/process.rs"]
#[allow(dead_code, reason = "other tests need the rest")]
mod process;

mod program;

use std::future::Future;
use std::process::Stdio;
use std::time::Duration;

use channels::testing::WebsocketCommunicator;
use process::{Output, Processes};
use tokio::process::Command;

/// The longest that any step takes, on a machine that does a lot else.
const DEADLINE: Duration = Duration::from_secs(60);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("the deadline for {what}"))
}

/// Starts this test program as the program of a user, which does what `what` says.
fn start(what: &str) -> (Processes, Output) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--exact", "program::runs", "--ignored", "--nocapture"])
        .env(program::WHAT, what)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let mut processes = Processes::start(&mut command);
    let output = processes.stdout();
    (processes, output)
}

/// Starts a server, one of whose handlers hangs.
async fn start_hanging(what: &str, message: &str) -> (Processes, Output, WebsocketCommunicator) {
    let (processes, mut output) = start(what);
    let address = output.find("listening on ", ";").await;
    let address = address.parse().expect("an address");
    let mut client = WebsocketCommunicator::at(address, "/ws/");
    client.connect().await.expect("accepted");
    client.send(message).await.expect("sent");
    output.find("handler hangs", ";").await;
    (processes, output, client)
}

#[tokio::test]
async fn a_plain_fn_that_hangs_does_not_keep_the_process() {
    let (mut process, mut output, _client) = start_hanging("impatient", "block").await;
    process.signal("TERM");
    let handler = output.find("blocking work running", "count=1").await;
    assert!(handler.contains("Hanging"), "{handler}");
    output.find("served: Ok", ";").await;
    let status = process.ended().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_second_signal_ends_the_grace_period() {
    for message in ["block", "wait"] {
        let (mut process, mut output, _client) = start_hanging("patient", message).await;
        process.signal("INT");
        output.find("shutting down", "").await;
        process.signal("TERM");
        output.find("did not wait for these connections", "").await;
        output.find("served: Ok", ";").await;
        let status = process.ended().await;
        assert!(status.success(), "{message}: {status}");
    }
}

#[tokio::test]
async fn a_third_signal_exits() {
    for what in ["hanging hook", "hanging task"] {
        let (mut process, mut output, _client) = start_hanging(what, "wait").await;
        process.signal("TERM");
        output.find("shutting down", "").await;
        process.signal("TERM");
        output.find("second signal", "").await;
        process.signal("TERM");
        assert_eq!(process.ended().await.code(), Some(128 + 15), "{what}");
    }
}

#[tokio::test]
async fn a_job_that_hangs_does_not_keep_a_worker() {
    let (mut process, mut output) = start("worker impatient");
    output.find("handler hangs", ";").await;
    process.signal("TERM");
    output.find("a job is given back", "").await;
    output.find("served: Ok", ";").await;
    let status = process.ended().await;
    assert!(status.success(), "{status}");

    let (mut process, mut output) = start("worker patient");
    output.find("handler hangs", ";").await;
    process.signal("TERM");
    output.find("shutting down", "").await;
    process.signal("TERM");
    output.find("a job is given back", "").await;
    output.find("served: Ok", ";").await;
    let status = process.ended().await;
    assert!(status.success(), "{status}");
}
