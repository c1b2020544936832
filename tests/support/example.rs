//! The programs of `examples/`, as their users run them.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::OnceCell;

/// How long building one may take, when nobody has done it before.
const BUILD_DEADLINE: Duration = Duration::from_secs(900);

/// The example's program, of the code as it is now. `cargo test` does not build it: an example
/// whose own tests run is built as a test program only. So Cargo is asked here, once: a
/// test program needs one example.
pub(crate) async fn example(name: &str) -> &'static PathBuf {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    PROGRAM
        .get_or_init(async || {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = Command::new(cargo);
            build
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .args(["build", "--example", name, "--quiet"])
                .args(["--locked", "--offline", "--message-format=json"])
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
        })
        .await
}

/// Reads off Cargo's messages where it has put the program.
fn executable(name: &str, messages: &[u8]) -> PathBuf {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("Cargo says where it is")
}
