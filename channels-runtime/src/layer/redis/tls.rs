//! TLS: whom to trust, and which certificate to show.

use std::fmt;
use std::path::{Path, PathBuf};

use redis::{Client, ClientTlsConfig, ConnectionAddr, TlsCertificates};

use super::options::wrong;
use crate::{Error, ErrorKind, Result};

/// The `ssl_` options of a URL, as redis-py names them.
#[derive(Debug, Default)]
pub(super) struct TlsOptions {
    /// The authorities to trust instead of the system's, in PEM.
    pub(super) ca_certs: Option<PathBuf>,
    /// The client's certificate, followed by its chain, in PEM.
    pub(super) certfile: Option<PathBuf>,
    /// The key of that certificate. Defaults to the key in `certfile`.
    pub(super) keyfile: Option<PathBuf>,
    pub(super) verify: Verify,
}

/// What is verified of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verify {
    #[default]
    All,
    /// The certificate, but not that it is issued for this host.
    Certificate,
    Nothing,
}

/// How connections are encrypted. The files are read once, when the layer is opened.
#[derive(Clone)]
pub(super) struct Tls {
    /// An address with all settings: its host and port are replaced.
    template: ConnectionAddr,
    verify: Verify,
}

impl Tls {
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a file cannot be read, or does not hold what its option needs.
    pub(super) fn open(options: &TlsOptions) -> Result<Self> {
        // rustls panics where no provider is installed; one that the program chose is kept.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if options.verify == Verify::Nothing {
            tracing::warn!(
                "`ssl_cert_reqs=none`: the certificate of Redis is not verified, anybody on the way \
                 can read and change what is sent"
            );
        }
        let mut template = ConnectionAddr::TcpTls {
            host: String::new(),
            port: 0,
            insecure: options.verify == Verify::Nothing,
            tls_params: None,
        };
        if options.ca_certs.is_some() || options.certfile.is_some() || options.keyfile.is_some() {
            let client = Client::build_with_tls(template, certificates(options)?);
            let client = client.map_err(|error| {
                let what = "the URL of Redis is wrong: invalid PEM in a file of the `ssl_` options";
                Error::caused(ErrorKind::Config, what, error)
            })?;
            template = client.get_connection_info().addr().clone();
        }
        template.set_danger_accept_invalid_hostnames(options.verify == Verify::Certificate);
        Ok(Self {
            template,
            verify: options.verify,
        })
    }

    /// The address of a server, with all settings.
    pub(super) fn address(&self, server: &str, server_port: u16) -> ConnectionAddr {
        let mut address = self.template.clone();
        if let ConnectionAddr::TcpTls { host, port, .. } = &mut address {
            server.clone_into(host);
            *port = server_port;
        }
        address
    }
}

fn certificates(options: &TlsOptions) -> Result<TlsCertificates> {
    let root_cert = options
        .ca_certs
        .as_deref()
        .map(|path| read("ssl_ca_certs", path, "CERTIFICATE"));
    let client_tls = match (&options.certfile, &options.keyfile) {
        (None, None) => None,
        (None, Some(_)) => return Err(wrong("`ssl_keyfile` needs `ssl_certfile`")),
        (Some(certfile), keyfile) => Some(ClientTlsConfig {
            client_cert: read("ssl_certfile", certfile, "CERTIFICATE")?,
            client_key: match keyfile {
                Some(keyfile) => read("ssl_keyfile", keyfile, "PRIVATE KEY")?,
                None => read("ssl_certfile", certfile, "PRIVATE KEY")?,
            },
        }),
    };
    Ok(TlsCertificates {
        client_tls,
        root_cert: root_cert.transpose()?,
    })
}

/// Reads a PEM file that has to hold a section of this kind: `rustls` takes a file without one for
/// an empty list.
fn read(option: &str, path: &Path, kind: &str) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(|error| {
        let what = format!(
            "the URL of Redis is wrong: the file of `{option}` cannot be read: {}",
            path.display()
        );
        Error::caused(ErrorKind::Config, what, error)
    })?;
    let end = format!("{kind}-----");
    let text = String::from_utf8_lossy(&bytes);
    let begins = |line: &str| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&end);
    if !text.lines().any(begins) {
        return Err(wrong(&format!(
            "the file of `{option}` has no `{kind}` in PEM: {}",
            path.display()
        )));
    }
    Ok(bytes)
}

/// Without the keys.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verify = &self.verify;
        f.debug_struct("Tls")
            .field("verify", verify)
            .finish_non_exhaustive()
    }
}
