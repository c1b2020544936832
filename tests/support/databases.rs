//! Real database servers, each in a folder of its own, on a free port.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::process::{Folder, Processes, find};
use crate::within;

/// Database servers refuse to run as root: so they run as nobody where the tests do.
const NOBODY: u32 = 65534;

/// A PostgreSQL with an empty database `site`, whose user is `postgres`.
pub(crate) struct Postgres {
    port: u16,
    binaries: PathBuf,
    server: Option<Processes>,
    folder: Folder,
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        let mut this = Self {
            port: free_port(),
            binaries: postgres_binaries(),
            server: None,
            folder: folder(),
        };
        let data = this.folder.path().join("data");
        let mut command = this.command("initdb");
        command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
        command
            .args(["--locale=C", "--no-sync", "--pgdata"])
            .arg(&data);
        run(command).await;
        this.start_again().await;
        let port = this.port.to_string();
        let mut command = this.command("createdb");
        command.args(["--host=127.0.0.1", "--username=postgres", "--port"]);
        command.args([&port, "site"]);
        run(command).await;
        this
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/site", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL in the database.
    pub(crate) async fn sql(&self, sql: &str) {
        let mut command = self.command("psql");
        command.args(["--host=127.0.0.1", "--username=postgres", "--quiet"]);
        command.args(["--set=ON_ERROR_STOP=1", "--port", &self.port.to_string()]);
        command.args(["--dbname=site", "--command", sql]);
        run(command).await;
    }

    /// Ends it at once, in the middle of everything.
    pub(crate) async fn kill(&mut self) {
        let mut server = self.server.take().expect("it runs");
        server.signal("KILL");
        server.ended().await;
    }

    /// Starts it where it was.
    pub(crate) async fn start_again(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.folder.path().join("data"));
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.folder.path().display()),
            "fsync=off".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        self.server = Some(Processes::start(
            command.stdout(Stdio::null()).stderr(Stdio::null()),
        ));
        let ready = async || {
            let mut command = self.command("pg_isready");
            command.args(["--host=127.0.0.1", "--port", &self.port.to_string()]);
            command
                .stdout(Stdio::null())
                .status()
                .await
                .is_ok_and(|status| status.success())
        };
        until("PostgreSQL answers", ready).await;
    }

    fn command(&self, program: &str) -> Command {
        as_nobody(&self.binaries.join(program), self.folder.path())
    }
}

/// A MariaDB with an empty database `site`, whose user is `root` without a password.
pub(crate) struct MariaDb {
    port: u16,
    _server: Processes,
    folder: Folder,
}

impl MariaDb {
    pub(crate) async fn start() -> Self {
        let (port, folder) = (free_port(), folder());
        let data = folder.path().join("data");
        let install = found("mariadb-install-db", "mariadb-server");
        let mut command = as_nobody(&install, folder.path());
        command.args([
            "--no-defaults",
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]);
        command.arg(format!("--datadir={}", data.display()));
        run(command).await;
        let mut command = as_nobody(&found("mariadbd", "mariadb-server"), folder.path());
        command.args([
            "--no-defaults",
            "--bind-address=127.0.0.1",
            "--innodb-flush-log-at-trx-commit=0",
        ]);
        command.arg(format!("--port={port}"));
        command.arg(format!("--datadir={}", data.display()));
        command.arg(format!(
            "--socket={}",
            folder.path().join("socket").display()
        ));
        command.arg(format!(
            "--pid-file={}",
            folder.path().join("pid").display()
        ));
        let server = Processes::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let this = Self {
            port,
            _server: server,
            folder,
        };
        let ready = async || this.client("SELECT 1").await;
        until("MariaDB answers", ready).await;
        assert!(
            this.client("CREATE DATABASE site CHARACTER SET utf8mb4")
                .await
        );
        this
    }

    pub(crate) fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}/site", self.port)
    }

    async fn client(&self, sql: &str) -> bool {
        let mut command = as_nobody(&found("mariadb", "mariadb-server"), self.folder.path());
        command.args(["--no-defaults", "--user=root", "--execute", sql]);
        command.arg(format!(
            "--socket={}",
            self.folder.path().join("socket").display()
        ));
        let run = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.await.is_ok_and(|status| status.success())
    }
}

/// A port that nobody has just now.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn folder() -> Folder {
    let folder = Folder::new();
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may do that");
    }
    folder
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

fn as_nobody(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("TMPDIR", folder);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn found(program: &str, package: &str) -> PathBuf {
    find(program, package).unwrap_or_else(|missing| panic!("{missing}"))
}

/// Debian has a folder for each version, which is not on the PATH.
fn postgres_binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let binaries = versions.flatten().map(|version| version.path().join("bin"));
    let newest = binaries
        .filter(|folder| folder.join("initdb").is_file())
        .max();
    newest.unwrap_or_else(|| {
        let initdb = found("initdb", "postgresql");
        initdb.parent().expect("a folder").to_owned()
    })
}

async fn run(mut command: Command) {
    let output = within("a database's tool", command.stdin(Stdio::null()).output()).await;
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}
