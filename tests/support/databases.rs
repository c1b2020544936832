//! Real databases for tests: each is started on a free port with its files in a folder of its own,
//! and ends with its value.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use tokio::process::Command;

pub(crate) use crate::process::free_port;
use crate::process::{Folder, Processes, find};
use crate::within;

/// Its number on every Linux.
const NOBODY: u32 = 65534;

/// Whoever the tests log in as. It would be seen in an error that shows it.
pub(crate) const PASSWORD: &str = "hunter2";

/// The longest that a server takes to start, on a machine that does a lot else.
pub(crate) const START: Duration = Duration::from_secs(60);

/// A PostgreSQL server with the empty database `site`.
pub(crate) struct Postgres(Server);

/// A MariaDB server with the empty database `site`.
pub(crate) struct MariaDb(Server);

impl Postgres {
    pub(crate) async fn start() -> Self {
        let (binaries, folder) = (postgres_binaries(), folder());
        let data = folder.path().join("data");
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).expect("a file");
        let mut initdb = as_nobody(&binaries.join("initdb"), &folder);
        initdb
            .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--username=u"])
            .args(["--auth=scram-sha-256", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(&data);
        run(initdb).await;
        let port = free_port();
        let mut command = as_nobody(&binaries.join("postgres"), &folder);
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k"])
            .arg(folder.path())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        let root = format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/postgres");
        let url = format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/site");
        let mut server = Server {
            command,
            processes: None,
            // An immediate shutdown, as good as a crash; its children end with it.
            signal: "QUIT",
            admin: root.clone(),
            url,
            _folder: folder,
        };
        server.start().await;
        execute(&root, "CREATE DATABASE site").await;
        Self(server)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    /// Ends it at once, in the middle of everything.
    pub(crate) async fn stop(&mut self) {
        self.0.stop().await;
    }

    pub(crate) async fn start_again(&mut self) {
        self.0.start().await;
    }
}

impl MariaDb {
    pub(crate) async fn start() -> Self {
        let folder = folder();
        let data = folder.path().join("data");
        let setup = folder.path().join("setup.sql");
        let statements = format!(
            "CREATE DATABASE IF NOT EXISTS site CHARACTER SET utf8mb4;\n\
             CREATE USER IF NOT EXISTS u@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO u@'%';\n"
        );
        fs::write(&setup, statements).expect("a file");
        let mut install = as_nobody(&found("mariadb-install-db", "mariadb-server"), &folder);
        install
            .args([
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ])
            .arg(format!("--datadir={}", data.display()));
        run(install).await;
        let port = free_port();
        let mut command = as_nobody(&found("mariadbd", "mariadb-server"), &folder);
        command
            .args(["--no-defaults", "--bind-address=127.0.0.1"])
            .args(["--innodb-flush-log-at-trx-commit=2", "--skip-name-resolve"])
            .arg(format!("--port={port}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!(
                "--socket={}",
                folder.path().join("socket").display()
            ))
            .arg(format!(
                "--pid-file={}",
                folder.path().join("pid").display()
            ))
            .arg(format!("--init-file={}", setup.display()));
        let url = format!("mysql://u:{PASSWORD}@127.0.0.1:{port}/site");
        let mut server = Server {
            command,
            processes: None,
            signal: "KILL",
            admin: url.clone(),
            url,
            _folder: folder,
        };
        server.start().await;
        Self(server)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    /// Ends it at once, in the middle of everything.
    pub(crate) async fn stop(&mut self) {
        self.0.stop().await;
    }

    pub(crate) async fn start_again(&mut self) {
        self.0.start().await;
    }
}

/// A server that can be stopped and started again.
struct Server {
    command: Command,
    processes: Option<Processes>,
    /// What ends it in the middle of everything.
    signal: &'static str,
    /// A database that is there from the start.
    admin: String,
    url: String,
    _folder: Folder,
}

impl Server {
    /// Starts it, and waits until it answers.
    async fn start(&mut self) {
        sqlx::any::install_default_drivers();
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.processes = Some(Processes::start(&mut self.command));
        let begun = Instant::now();
        while let Err(error) = AnyConnection::connect(&self.admin).await {
            assert!(begun.elapsed() < START, "{:?}: {error}", self.command);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn stop(&mut self) {
        let mut processes = self.processes.take().expect("it runs");
        processes.signal(self.signal);
        processes.ended().await;
    }
}

/// Executes statements in a database.
pub(crate) async fn execute(url: &str, statements: &str) {
    let mut connection = connect(url).await;
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{statements}: {error}"));
    connection.close().await.expect("a clean end");
}

/// The rows of a query whose columns are text.
pub(crate) async fn rows(url: &str, query: &str) -> Vec<Vec<String>> {
    let mut connection = connect(url).await;
    let rows = sqlx::query(AssertSqlSafe(query.to_owned()))
        .fetch_all(&mut connection)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    connection.close().await.expect("a clean end");
    let columns = |row: &sqlx::any::AnyRow| (0..row.len()).map(|at| row.get(at)).collect();
    rows.iter().map(columns).collect()
}

/// A connection beside those of the store.
pub(crate) async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    AnyConnection::connect(url)
        .await
        .expect("the database is up")
}

/// The servers refuse to run as root.
fn as_nobody(program: &Path, folder: &Folder) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder.path());
    command
        .env("HOME", folder.path())
        .env("TMPDIR", folder.path());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// A folder of the servers' user.
fn folder() -> Folder {
    let folder = Folder::new();
    if is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may do that");
    }
    folder
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// Debian has servers where the PATH of ordinary users does not lead.
fn found(program: &str, package: &str) -> PathBuf {
    let server = Path::new("/usr/sbin").join(program);
    if server.is_file() {
        return server;
    }
    find(program, package).unwrap_or_else(|missing| panic!("{missing}"))
}

/// The latest version: Debian has a folder for each, which is not on the PATH.
fn postgres_binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
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
