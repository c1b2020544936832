//! A database's URL: which database it is, and whether all that it says means something.

use std::path::PathBuf;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sqlx::any::AnyConnectOptions;

use crate::{Error, ErrorKind, Result};

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// What a URL says. No part of it is shown in an error but the scheme: anything else may be a piece
/// of a password.
#[derive(Clone)]
pub(super) struct DatabaseUrl {
    pub(super) dialect: Dialect,
    pub(super) options: AnyConnectOptions,
    /// SQLite's file.
    pub(super) file: Option<PathBuf>,
}

impl DatabaseUrl {
    pub(super) fn parse(url: &str) -> Result<Self> {
        let dialect = Dialect::of_url(url)?;
        if let (feature, false) = dialect.feature() {
            return Err(wrong(format!("the crate's feature `{feature}` is off")));
        }
        dialect.check_parameters(url)?;
        if dialect == Dialect::Sqlite {
            let file = file_of(url)?;
            // sqlx decodes it again; a path that is not encoded it would tidy up.
            let path = utf8_percent_encode(&file, NON_ALPHANUMERIC);
            return Ok(Self {
                dialect,
                options: dialect.options(&format!("sqlite:{path}"))?,
                file: Some(file.into()),
            });
        }
        Ok(Self {
            dialect,
            options: dialect.options(url)?,
            file: None,
        })
    }
}

impl Dialect {
    fn of_url(url: &str) -> Result<Self> {
        let known = "sqlite://, postgres:// or mysql://";
        match url.split_once("://").map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            Some("mysql" | "mariadb") => Ok(Self::MySql),
            Some(scheme) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                let message =
                    format!("a database's URL begins with {known}, this one with {scheme}://");
                Err(wrong(message))
            }
            _ => Err(wrong(format!("a database's URL begins with {known}"))),
        }
    }

    /// The crate's feature for it, and whether that is on.
    fn feature(self) -> (&'static str, bool) {
        match self {
            Self::Sqlite => ("sqlite", cfg!(feature = "sqlite")),
            Self::Postgres => ("postgres", cfg!(feature = "postgres")),
            Self::MySql => ("mysql", cfg!(feature = "mysql")),
        }
    }

    /// The parameters that a URL may have.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Sqlite => &[],
            Self::Postgres => &[
                "application_name",
                "dbname",
                "host",
                "hostaddr",
                "options",
                "password",
                "port",
                "sslcert",
                "sslkey",
                "sslmode",
                "sslrootcert",
                "statement-cache-capacity",
                "user",
            ],
            Self::MySql => &[
                "socket",
                "ssl-ca",
                "ssl-cert",
                "ssl-key",
                "ssl-mode",
                "statement-cache-capacity",
            ],
        }
    }

    /// sqlx passes over what it does not know: `sslmod=require` would connect without TLS.
    fn check_parameters(self, url: &str) -> Result {
        let Some((before, parameters)) = url.split_once('?') else {
            return Ok(());
        };
        let mut place = before.chars().count() + 2;
        for parameter in parameters.split('&') {
            let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !self.parameters().contains(&name) {
                let known = match self.parameters() {
                    [] => "it takes none".to_owned(),
                    known => format!("it takes {}", known.join(", ")),
                };
                return Err(wrong(format!(
                    "the database's URL has an unknown parameter at character {place}: {known}"
                )));
            }
            place += parameter.chars().count() + 1;
        }
        Ok(())
    }

    /// sqlx's options. Its errors show values of parameters, never the URL.
    fn options(self, url: &str) -> Result<AnyConnectOptions> {
        let checked = match self {
            #[cfg(feature = "postgres")]
            Self::Postgres => url.parse::<sqlx::postgres::PgConnectOptions>().map(drop),
            #[cfg(feature = "mysql")]
            Self::MySql => url.parse::<sqlx::mysql::MySqlConnectOptions>().map(drop),
            _ => Ok(()),
        };
        checked
            .and_then(|()| url.parse())
            .map_err(|error: sqlx::Error| {
                let error = match error {
                    sqlx::Error::Configuration(reason) => reason,
                    other => other.into(),
                };
                Error::caused(
                    ErrorKind::Config,
                    format!("the database's URL is wrong: {error}"),
                    error,
                )
            })
    }
}

/// The path of SQLite's file.
fn file_of(url: &str) -> Result<String> {
    let path = url.trim_start_matches("sqlite://");
    let path = percent_decode_str(path)
        .decode_utf8()
        .map_err(|_| wrong("the path of the database's file is no UTF-8"))?;
    if path.is_empty() || path.ends_with('/') {
        return Err(wrong(
            "the database's URL names no file: sqlite://db.sqlite3, sqlite:///var/lib/db.sqlite3",
        ));
    }
    if path.ends_with(":memory:") {
        // Each connection would have a database of its own.
        return Err(wrong(
            "a SQLite database in memory is not shared: there are stores in memory",
        ));
    }
    Ok(path.into_owned())
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        match DatabaseUrl::parse(url) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Config, "{url}");
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("hunter2"), "{shown}");
                error.to_string()
            }
            Ok(_) => panic!("taken: {url}"),
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        let known = "a database's URL begins with sqlite://, postgres:// or mysql://";
        let unknown = format!("{known}, this one with postgers://");
        let none = "the database's URL has an unknown parameter at character 15: it takes none";
        let cases = [
            ("postgers://u:hunter2@localhost/site", unknown.as_str()),
            ("hunter2", known),
            ("", known),
            ("u:hunter2@localhost/site", known),
            ("sqlite://", "the database's URL names no file"),
            ("sqlite:///", "the database's URL names no file"),
            ("sqlite://:memory:", "a SQLite database in memory"),
            ("sqlite://a.db?mode=rwc", none),
            ("sqlite://a.db?", none),
            (
                "sqlite://%ff",
                "the path of the database's file is no UTF-8",
            ),
        ];
        for (url, expected) in cases {
            let message = refused(url);
            assert!(message.starts_with(expected), "{url}: {message}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn postgres_urls_are_looked_at() {
        let message = refused("postgres://u:hunter2@localhost/site?sslmode=require&sslmod=x");
        assert!(
            message.contains("at character 53: it takes application_name, dbname,"),
            "{message}"
        );
        assert!(refused("postgres://u:pass?hunter2@h/").contains("at character 19"));
        assert!(refused("postgres://u:hunter2@h:port/").contains("invalid port number"));
        assert!(refused("postgres://u:hunter2@h/?sslmode=maybe").contains("maybe"));
        assert!(refused("postgres://u:hunter2@h/?port=maybe").contains("invalid digit"));
        let socket = "postgresql:///site?host=/run/postgresql&user=u";
        let parsed = DatabaseUrl::parse(socket).expect("a URL");
        assert_eq!(parsed.dialect, Dialect::Postgres);
    }

    #[cfg(feature = "mysql")]
    #[test]
    fn mysql_urls_are_looked_at() {
        let message = refused("mysql://u:hunter2@localhost/site?sslmode=REQUIRED");
        assert!(message.contains("it takes socket, ssl-ca,"), "{message}");
        assert!(refused("mysql://u:hunter2@h:70000/").contains("invalid port number"));
        for url in ["mysql://u@h/site", "mariadb://u@h/site?socket=/run/s"] {
            let parsed = DatabaseUrl::parse(url).expect("a URL");
            assert_eq!(parsed.dialect, Dialect::MySql);
        }
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn sqlite_paths_stay_as_they_are() {
        use sqlx::ConnectOptions as _;
        use sqlx::sqlite::SqliteConnectOptions;

        for (url, path) in [
            ("sqlite://db.sqlite3", "db.sqlite3"),
            ("sqlite:///var/../lib/a b.db", "/var/../lib/a b.db"),
            ("sqlite://Größe #1%3F.db", "Größe #1?.db"),
        ] {
            let parsed = DatabaseUrl::parse(url).expect("a URL");
            assert_eq!(parsed.file.as_deref(), Some(path.as_ref()), "{url}");
            let opened = SqliteConnectOptions::from_url(&parsed.options.database_url);
            assert_eq!(opened.expect("options").get_filename().to_str(), Some(path));
        }
    }
}
