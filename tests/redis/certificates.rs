//! An authority and what it certifies, made by `openssl` for one test.

use std::process::Stdio;

use tokio::process::Command;

use crate::process::{Folder, free_port};
use crate::redis::Redis;
use crate::within;

const MAKE: &str = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";

/// Files in PEM: `ca`, and a certificate with its key for each name.
pub(crate) struct Certificates {
    folder: Folder,
}

impl Certificates {
    /// An authority, a server's certificate for `localhost` alone, and one for a client.
    pub(crate) async fn make() -> Self {
        let made = Self {
            folder: Folder::new(),
        };
        let (ca, ca_key) = (made.file("ca"), made.file("ca-key"));
        openssl(&format!(
            "{MAKE} -subj /CN=authority -keyout {ca_key} -out {ca}"
        ))
        .await;
        for (name, subject) in [("server", "DNS:localhost"), ("client", "DNS:client")] {
            let (key, certificate) = (made.file(&format!("{name}-key")), made.file(name));
            openssl(&format!(
                "{MAKE} -subj /CN={name} -CA {ca} -CAkey {ca_key} -keyout {key} \
                 -out {certificate} -addext subjectAltName={subject} \
                 -addext basicConstraints=critical,CA:FALSE"
            ))
            .await;
        }
        made
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The lines of `redis.conf` for a port with TLS.
    pub(crate) fn lines(&self, port: u16, auth_clients: &str) -> Vec<String> {
        vec![
            format!("tls-port {port}"),
            format!("tls-cert-file {}", self.file("server")),
            format!("tls-key-file {}", self.file("server-key")),
            format!("tls-ca-cert-file {}", self.file("ca")),
            format!("tls-auth-clients {auth_clients}"),
        ]
    }

    /// A server, and its port with TLS.
    pub(crate) async fn start_redis(&self, auth_clients: &str, more: &[&str]) -> (Redis, u16) {
        let port = free_port();
        let lines = self.lines(port, auth_clients);
        let lines = lines.iter().map(String::as_str);
        let lines: Vec<_> = lines.chain(more.iter().copied()).collect();
        (Redis::start_with(&lines).await, port)
    }
}

async fn openssl(arguments: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args(arguments.split_whitespace());
    openssl.stdout(Stdio::null()).stderr(Stdio::null());
    let status = within("openssl", openssl.status()).await;
    assert!(status.expect("openssl is there").success(), "{arguments}");
}
