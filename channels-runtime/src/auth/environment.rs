//! The site that the environment describes.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use super::site::Site;
use crate::environment::{invalid, variable};
use crate::log::Excerpt;
use crate::session::{SecretKeys, new_session_key};
use crate::{Database, Error, ErrorKind, Result};

/// Where sessions and users are if the environment names no database: Django's tables in a file.
const EMBEDDED: &str = "channels.sqlite3";

/// How often the expired sessions of the embedded database are deleted.
const CLEANUP: Duration = Duration::from_secs(60 * 60);

/// Where the embedded database's secret key is.
const EMBEDDED_KEY: &str = "channels.secret_key";

impl Site {
    /// The site that the environment describes, by these variables:
    ///
    /// - `DATABASE_URL`: the Django site's database, `postgres://user:password@host/name`, say; see
    ///   [`Database::open`]. A SQLite file has to be there already: a new one would have nobody in it.
    ///   `sqlite://db.sqlite3` is a path from here, `sqlite:////var/lib/db.sqlite3` one from the root,
    ///   as for dj-database-url; its `sqlite:///db.sqlite3`, from here, is one from the root as well;
    /// - `SECRET_KEY`: the Django site's, and `SECRET_KEY_FALLBACKS`: older ones, with spaces between
    ///   them;
    /// - `ALLOWED_HOSTS`: those of [`allowed_hosts`](Self::allowed_hosts), with commas between them.
    ///
    /// An empty variable counts as unset. The message of an error names the variable.
    ///
    /// Without `DATABASE_URL` the database is the SQLite file `channels.sqlite3` in the working
    /// directory, which is made on first use. Then a missing `SECRET_KEY` is made as well, and kept in
    /// the file `channels.secret_key` next to it, and expired sessions are deleted once an hour.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if a variable is wrong, or the secret key or the file of a given database is
    /// missing;
    /// [`ErrorKind::Io`] if the file of the secret key can be neither read nor made.
    pub fn from_env() -> Result<Self> {
        let url = variable("DATABASE_URL")?;
        let current = match (variable("SECRET_KEY")?, &url) {
            (Some(key), _) => key,
            (None, None) => embedded_key()?,
            (None, Some(_)) => {
                let what = "`DATABASE_URL` is set and `SECRET_KEY` is not: give the key that signs \
                            the sessions in that database";
                return Err(Error::new(ErrorKind::Config, what));
            }
        };
        let fallbacks = variable("SECRET_KEY_FALLBACKS")?.unwrap_or_default();
        let keys = fallbacks
            .split_whitespace()
            .fold(SecretKeys::new(current), SecretKeys::fallback);
        let (database, is_own) = match url {
            Some(url) => {
                let database = Database::open_existing(&url)
                    .map_err(|error| invalid("DATABASE_URL", &error))?;
                (database, false)
            }
            None => (Database::open(&format!("sqlite://{EMBEDDED}"))?, true),
        };
        let hosts = variable("ALLOWED_HOSTS")?.unwrap_or_default();
        let hosts = hosts.split(',').map(str::trim);
        let hosts: Vec<_> = hosts.filter(|host| !host.is_empty()).collect();
        for host in &hosts {
            check_host(host).map_err(|error| invalid("ALLOWED_HOSTS", &error))?;
        }
        let site = Self::new(keys, database.clone(), database).allowed_hosts(hosts);
        Ok(if is_own {
            site.clear_expired_every(CLEANUP)
        } else {
            site
        })
    }
}

/// Refuses an entry that no host ever matches: a URL, or a host with a port.
fn check_host(host: &str) -> Result {
    let has_port = match host.strip_prefix('[') {
        Some(rest) => !rest.ends_with(']'),
        None => host.matches(':').count() == 1,
    };
    if has_port || host.contains('/') || host.contains(char::is_whitespace) {
        let what = format!(
            "`{}` is not a host; expected host names without scheme, port and path, separated by \
             commas, such as `example.org,.example.org`",
            Excerpt(host.as_bytes())
        );
        return Err(Error::new(ErrorKind::Config, what));
    }
    Ok(())
}

/// The secret key that goes with the embedded database, made where there is none.
fn embedded_key() -> Result<String> {
    if !Path::new(EMBEDDED_KEY).exists() {
        make_key().map_err(|error| {
            let what = format!("no secret key can be made in `{EMBEDDED_KEY}`");
            Error::caused(ErrorKind::Io, what, error)
        })?;
    }
    let key = fs::read_to_string(EMBEDDED_KEY).map_err(|error| {
        let what = format!("the secret key in `{EMBEDDED_KEY}` cannot be read");
        Error::caused(ErrorKind::Io, what, error)
    })?;
    match key.trim() {
        "" => {
            let what = format!("the file of the secret key, `{EMBEDDED_KEY}`, is empty");
            Err(Error::new(ErrorKind::Config, what))
        }
        key => Ok(key.to_owned()),
    }
}

/// Makes the file for its owner alone. It is there with the key in it or not at all, and of several
/// processes one makes it.
fn make_key() -> io::Result<()> {
    let key = [new_session_key(), new_session_key()];
    let key: String = key
        .into_iter()
        .collect::<Result<_>>()
        .map_err(io::Error::other)?;
    let unfinished = format!("{EMBEDDED_KEY}.{}", std::process::id());
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&unfinished)?.write_all(key.as_bytes())?;
    let linked = fs::hard_link(&unfinished, EMBEDDED_KEY);
    fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_host_has_no_scheme_port_or_path() {
        for good in ["example.org", ".example.org", "*", "[::1]", "::1", "a-b_c"] {
            assert!(check_host(good).is_ok(), "{good}");
        }
        for bad in [
            "https://example.org",
            "example.org:80",
            "[::1]:80",
            "a/b",
            "a b",
        ] {
            let error = invalid("ALLOWED_HOSTS", &check_host(bad).expect_err(bad));
            let shown = error.to_string();
            assert!(shown.contains("`ALLOWED_HOSTS` is invalid: `"), "{shown}");
            assert!(
                shown.contains(bad) && shown.contains("expected host"),
                "{shown}"
            );
        }
    }
}
