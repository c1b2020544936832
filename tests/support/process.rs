//! Other programs: found, started, and surely ended.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};

use crate::within;

/// Where a program is, or what to install.
pub(crate) fn find(program: &str, package: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            format!(
                "the tests need `{program}`, which is not on the PATH: \
                 `apt-get install {package}` has it on Debian, and tools/test does that"
            )
        })
}

/// A port that nobody listens at.
#[allow(dead_code, reason = "not every test program needs one")]
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A program and all that it has started: they end with this value, after a panic as well; and
/// with this process, however that ends.
pub(crate) struct Processes {
    leader: Child,
    /// Kills all of them as soon as its standard input ends, which this process alone holds open.
    watchdog: std::process::Child,
}

impl Processes {
    /// Starts a program as the leader of a process group of its own.
    pub(crate) fn start(command: &mut Command) -> Self {
        let leader = command
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let group = leader.id().expect("it was not waited for");
        let watchdog = std::process::Command::new("sh")
            .args(["-c", &format!("read end; kill -s KILL -- -{group}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot watch {command:?}: {error}"));
        Self { leader, watchdog }
    }

    /// The lines of its standard output, if that is piped and was not taken before.
    pub(crate) fn stdout(&mut self) -> Output {
        let output = self.leader.stdout.take().expect("it is piped");
        Output::new(output)
    }

    /// The lines of its standard error, if that is piped and was not taken before.
    pub(crate) fn stderr(&mut self) -> Output {
        let output = self.leader.stderr.take().expect("it is piped");
        Output::new(output)
    }

    /// Sends all of them a signal, by its name. The shell's own `kill` is on every machine.
    pub(crate) fn signal(&self, name: &str) {
        let Some(leader) = self.leader.id() else {
            return; // It has ended, and its number may be another's by now.
        };
        let kill = format!("kill -s {name} -- -{leader}");
        let sent = std::process::Command::new("sh")
            .args(["-c", &kill])
            .stderr(Stdio::null())
            .status();
        if let Err(error) = sent {
            eprintln!("cannot run `{kill}`: {error}");
        }
    }

    /// Whether the leader has not ended.
    #[allow(dead_code, reason = "not every test program asks")]
    pub(crate) fn run(&mut self) -> bool {
        matches!(self.leader.try_wait(), Ok(None))
    }

    /// Waits until the leader has ended.
    pub(crate) async fn ended(&mut self) -> std::process::ExitStatus {
        let status = within("the end of a process", self.leader.wait())
            .await
            .expect("a child of this process");
        // The number of the group is free for others now.
        if let Err(error) = self.watchdog.kill() {
            eprintln!("the watchdog stays: {error}");
        }
        status
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        if let Err(error) = self.watchdog.wait() {
            eprintln!("processes may be left behind: {error}");
        }
    }
}

/// What a program says, by lines. It is read to the end even if nobody asks, so that the program
/// never waits for a full pipe.
pub(crate) struct Output(tokio::sync::mpsc::UnboundedReceiver<String>);

impl Output {
    fn new(output: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut lines: Lines<_> = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let _ = sender.send(line);
            }
        });
        Self(receiver)
    }

    /// What stands between the two texts, in the first line that has both.
    pub(crate) async fn find(&mut self, before: &str, after: &str) -> String {
        let mut said = Vec::new();
        let mut next = async || within(before, self.0.recv()).await;
        while let Some(line) = next().await {
            let rest = line.split_once(before).map(|(_, rest)| rest);
            if let Some((found, _)) = rest.and_then(|rest| rest.split_once(after)) {
                return found.to_owned();
            }
            said.push(line);
        }
        panic!(
            "it ended before it said `{before}…{after}`:\n{}",
            said.join("\n")
        );
    }
}

/// A folder that goes with this value.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let (process, next) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("channels-test-{process}-{next}"));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    /// A folder within it.
    pub(crate) fn within(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        path
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    /// Processes that were killed just now may still hold it: so it takes some attempts.
    fn drop(&mut self) {
        for _ in 0..100 {
            match std::fs::remove_dir_all(&self.0) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                _ => return,
            }
        }
        eprintln!("{} is left behind", self.0.display());
    }
}
