//! The two programs that share a database: the Django site, and the rooms.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::databases::free_port;
use crate::example::example;
use crate::process::Processes;
use crate::within;

pub(crate) const NAME: &str = "ana";
pub(crate) const PASSWORD: &str = "correct horse battery";
const SECRET_KEY: &str = "one key for both of them";

/// A Django site with its administration, whose only user is [`NAME`].
pub(crate) struct Django {
    port: u16,
    _server: Processes,
}

impl Django {
    pub(crate) async fn start(database: &str) -> Self {
        manage(database, &["migrate", "--verbosity=0"]).await;
        let email = "--email=ana@example.com";
        let name = format!("--username={NAME}");
        manage(database, &["createsuperuser", "--noinput", &name, email]).await;
        let port = free_port();
        let mut command = command(database);
        command.args(["runserver", "--noreload", &format!("127.0.0.1:{port}")]);
        let server = Processes::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        within("Django's port", async {
            let address = ("127.0.0.1", port);
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        Self {
            port,
            _server: server,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

/// A running `login` example.
pub(crate) struct Rooms {
    address: String,
    _processes: Processes,
}

impl Rooms {
    pub(crate) async fn start(database: &str) -> Self {
        let mut processes = Processes::start(
            Command::new(example("login").await)
                .args(["--addr", "127.0.0.1:0"])
                .env("DATABASE_URL", database)
                .env("SECRET_KEY", SECRET_KEY)
                .stdout(Stdio::null())
                .stderr(Stdio::piped()),
        );
        let address = processes.stderr().find("http://", "/").await;
        Self {
            address,
            _processes: processes,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn manage(database: &str, arguments: &[&str]) {
    let mut command = command(database);
    let output = within("Django's command", command.args(arguments).output()).await;
    let output = output.expect("Python runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
}

fn command(database: &str) -> Command {
    let mut command = Command::new(python());
    command
        .arg("manage.py")
        .current_dir(folder().join("site"))
        .env("SECRET_KEY", SECRET_KEY)
        .env("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DATABASE_URL", database)
        .stdin(Stdio::null());
    command
}

/// The Python that has Django, as `tools/test` installs it.
pub(crate) fn python() -> PathBuf {
    let python = folder().join(".venv/bin/python");
    assert!(
        python.is_file(),
        "these tests need Django in {}: tools/test installs it",
        python.display()
    );
    python
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/django"))
}
