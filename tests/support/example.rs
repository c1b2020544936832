//! The programs of `examples/`, run as users run them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;

/// Time for a build that no earlier step has done.
const BUILD_DEADLINE: Duration = Duration::from_secs(900);

/// Builds the program of an example package and returns its path. `cargo test` builds only the test
/// programs of these packages, so the tests ask Cargo for the program.
pub(crate) async fn example(name: &str) -> PathBuf {
    // One build at a time: concurrent builds would only wait for Cargo's lock.
    static BUILDING: Mutex<()> = Mutex::const_new(());
    let _building = BUILDING.lock().await;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--locked", "--offline"])
        .arg("--message-format=json")
        // The packages and the test target are those of the running `cargo test`, so that Cargo resolves
        // the same features and builds no dependency twice.
        .args(["--workspace", "--exclude", "channels-bench"])
        .args(["--bin", name, "--test", env!("CARGO_CRATE_NAME")])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let ended = tokio::time::timeout(BUILD_DEADLINE, build.output())
        .await
        .expect("the deadline for building an example")
        .expect("Cargo runs");
    assert!(ended.status.success(), "{name} does not build");
    executable(name, &ended.stdout)
}

/// Finds the path of the program in the messages of Cargo.
fn executable(name: &str, messages: &[u8]) -> PathBuf {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .filter(|message| message["target"]["kind"][0] == "bin")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("Cargo reports the path")
}
