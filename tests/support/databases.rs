//! Real databases for tests: each is started on a free port with its files in a directory of its
//! own, and is gone when the value is dropped.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

/// Whoever the tests log in as. It would be seen in an error that shows it.
pub(crate) const PASSWORD: &str = "hunter2";

/// The longest that a server takes to start, on a machine that does a lot else.
const START: Duration = Duration::from_secs(60);

/// A directory that is gone when the value is dropped.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("channels-test-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A PostgreSQL server with the empty database `site`.
pub(crate) struct Postgres(Process);

/// A MariaDB server with the empty database `site`.
pub(crate) struct MariaDb(Process);

impl Postgres {
    pub(crate) async fn start() -> Self {
        let binaries = newest("/usr/lib/postgresql").join("bin");
        let directory = Directory::new();
        let data = directory.join("data");
        let password = directory.join("password");
        fs::write(&password, PASSWORD).expect("a file");
        hand_over(&directory);
        let mut initdb = unprivileged(&binaries.join("initdb"));
        initdb
            .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--username=u"])
            .args(["--auth=scram-sha-256", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(&data);
        run(initdb);
        let port = free_port();
        let mut command = unprivileged(&binaries.join("postgres"));
        command
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k"])
            .arg(&directory.0)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        let root = format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/postgres");
        let url = format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/site");
        let mut process = Process {
            command,
            child: None,
            // An immediate shutdown, as good as a crash; its children end with it.
            signal: "QUIT",
            admin: root.clone(),
            url,
            _directory: directory,
        };
        process.start().await;
        execute(&root, "CREATE DATABASE site").await;
        Self(process)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    pub(crate) fn stop(&mut self) {
        self.0.stop();
    }

    pub(crate) async fn start_again(&mut self) {
        self.0.start().await;
    }
}

impl MariaDb {
    pub(crate) async fn start() -> Self {
        let directory = Directory::new();
        let data = directory.join("data");
        let setup = directory.join("setup.sql");
        let statements = format!(
            "CREATE DATABASE IF NOT EXISTS site CHARACTER SET utf8mb4;\n\
             CREATE USER IF NOT EXISTS u@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO u@'%';\n"
        );
        fs::write(&setup, statements).expect("a file");
        hand_over(&directory);
        let mut install = unprivileged(Path::new("mariadb-install-db"));
        install
            .args([
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ])
            .arg(format!("--datadir={}", data.display()));
        run(install);
        let port = free_port();
        let server = ["/usr/sbin/mariadbd", "mariadbd"];
        let server = server.iter().find(|path| Path::new(path).exists());
        let mut command = unprivileged(Path::new(server.unwrap_or(&"mariadbd")));
        command
            .args(["--no-defaults", "--bind-address=127.0.0.1"])
            .args(["--innodb-flush-log-at-trx-commit=2", "--skip-name-resolve"])
            .arg(format!("--port={port}"))
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", directory.join("socket").display()))
            .arg(format!("--pid-file={}", directory.join("pid").display()))
            .arg(format!("--init-file={}", setup.display()));
        let url = format!("mysql://u:{PASSWORD}@127.0.0.1:{port}/site");
        let mut process = Process {
            command,
            child: None,
            signal: "KILL",
            admin: url.clone(),
            url,
            _directory: directory,
        };
        process.start().await;
        Self(process)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0.url
    }

    pub(crate) fn stop(&mut self) {
        self.0.stop();
    }

    pub(crate) async fn start_again(&mut self) {
        self.0.start().await;
    }
}

/// A server that can be stopped and started again.
struct Process {
    command: Command,
    child: Option<Child>,
    /// What ends it at once.
    signal: &'static str,
    /// A database that is there from the start.
    admin: String,
    url: String,
    _directory: Directory,
}

impl Process {
    /// Starts it, and waits until it answers.
    async fn start(&mut self) {
        sqlx::any::install_default_drivers();
        self.command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = self.command.spawn();
        let child = self
            .child
            .insert(child.unwrap_or_else(|error| missing(&self.command, &error)));
        let begun = Instant::now();
        while let Err(error) = AnyConnection::connect(&self.admin).await {
            let ended = child.try_wait().expect("a child of this process");
            assert!(ended.is_none(), "{:?} ended: {ended:?}", self.command);
            assert!(
                begun.elapsed() < START,
                "no answer from {:?}: {error}",
                self.command
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it in the middle of whatever it does.
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let mut kill = Command::new("kill");
            kill.args(["-s", self.signal, &child.id().to_string()]);
            let _ = kill.status();
            let _ = child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
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

/// The latest version that is installed.
fn newest(directory: &str) -> PathBuf {
    let versions = fs::read_dir(directory).unwrap_or_else(|error| {
        panic!("{directory}: {error}. The tests need the package `postgresql`: see tools/test")
    });
    let paths = versions.map(|entry| entry.expect("an entry").path());
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    paths.max_by_key(version).expect("a version of PostgreSQL")
}

/// Neither server runs as root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]);
    command.arg(program);
    command
}

fn hand_over(directory: &Directory) {
    if is_root() {
        let mut chown = Command::new("chown");
        chown.args(["-R", "nobody:nogroup"]).arg(&directory.0);
        run(chown);
    }
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    status.contains("\nUid:\t0\t")
}

fn run(mut command: Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| missing(&command, &error));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn missing<T>(command: &Command, error: &std::io::Error) -> T {
    panic!(
        "{command:?}: {error}. The tests need the packages `postgresql` and `mariadb-server`: \
         see tools/test"
    )
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
