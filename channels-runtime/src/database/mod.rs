//! The database of a Django site: its sessions and its users.

mod connections;
mod failure;
mod sessions;
mod sqlite;
mod statement;
mod time;
mod url;
mod users;
#[cfg(all(test, feature = "sqlite"))]
mod vectors;

use std::sync::Arc;
use std::{fmt, io};

use self::connections::Connections;
use self::url::{DatabaseUrl, Dialect};
use crate::{Error, ErrorKind, Result};

/// The connections of a database, unless it is told otherwise.
const CONNECTIONS: usize = 10;

/// The database of a Django site: a store of sessions ([`SessionStore`](crate::SessionStore)) and of
/// users ([`UserStore`](crate::UserStore)). Clones share its connections.
///
/// SQLite (feature `sqlite`), PostgreSQL (`postgres`), MySQL and MariaDB (`mysql`). The tables are
/// `django_session` and `auth_user`, and their rows those of Django with `USE_TZ = True`, its
/// default: what one of the two programs writes, the other reads.
///
/// - A SQLite file that is missing is made on the first use, readable for its owner alone, as
///   Django's `manage.py migrate` makes it: Django can go on with it. In other databases Django
///   makes the tables. (By [`Site::from_env`](crate::Site::from_env) the file of a `DATABASE_URL` has
///   to be there.)
/// - Keys and usernames are told apart by case, in MySQL as well.
/// - A connection serves one statement at a time, and is made when it is needed. TLS is the URL's
///   `sslmode` (PostgreSQL) or `ssl-mode` (MySQL), with the system's certificates.
/// - Whoever uses sqlx's `Any` driver in the same program installs its drivers with sqlx's
///   `install_default_drivers`, as this does.
///
/// # Errors
///
/// Its methods fail with:
///
/// - [`ErrorKind::Unavailable`] if the database cannot be reached for two to four seconds, if all of
///   its connections are busy for five, or if it does not answer for six. A lost connection is
///   replaced at once, and the statement sent again: nobody notices. A statement that was given up
///   may have been run, or still be;
/// - [`ErrorKind::Config`] if a table is missing, or the database refuses the program;
/// - [`ErrorKind::Decode`] if a row is not what Django writes.
///
/// After that it works again by itself.
///
/// # Examples
///
/// ```no_run
/// use channels_runtime::{Database, SessionStore, UserStore};
///
/// # async fn example() -> channels_runtime::Result {
/// let database = Database::open("sqlite://db.sqlite3")?;
/// if let Some(alice) = database.by_username("alice").await? {
///     println!("{} is user {}", alice.username, alice.id);
/// }
/// println!("{} sessions had expired", database.clear_expired().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database {
    connections: Arc<Connections>,
    /// The table of the users, in quotes.
    users: Arc<str>,
    /// The same, without.
    user_table: Arc<str>,
}

impl Database {
    /// Opens a database by its URL: `sqlite://db.sqlite3` (a path from here; from the root it is
    /// `sqlite:///var/lib/db.sqlite3`), `postgres://user:password@host/name`,
    /// `mysql://user:password@host/name`. The first connection is made when it is needed.
    ///
    /// Characters that mean something in a URL are percent-encoded: `%3F` for `?`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the URL is not understood, or the feature for it is off. The error
    /// does not show the password.
    ///
    /// # Examples
    ///
    /// ```
    /// use channels_runtime::{Database, ErrorKind};
    ///
    /// let error = Database::open("postgers://localhost/site").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "a database's URL begins with sqlite://, postgres:// or mysql://, \
    ///      this one with postgers://"
    /// );
    /// ```
    pub fn open(url: &str) -> Result<Self> {
        let url = DatabaseUrl::parse(url)?;
        Ok(Self {
            users: url.dialect.quoted("auth_user").into(),
            user_table: "auth_user".into(),
            connections: Arc::new(Connections::new(url, CONNECTIONS)),
        })
    }

    /// The same, of a database that has to be there already: a file that is missing is not made.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and [`ErrorKind::Config`] if the file is missing.
    pub(crate) fn open_existing(url: &str) -> Result<Self> {
        let database = Self::open(url)?;
        if let Some(file) = &database.connections.url.file
            && let Err(error) = std::fs::metadata(file)
            && error.kind() == io::ErrorKind::NotFound
        {
            let message = format!(
                "there is no database in the file {}: sqlite://db.sqlite3 is a path from the working \
                 directory, sqlite:///var/lib/db.sqlite3 one from the root",
                file.display()
            );
            return Err(Error::caused(ErrorKind::Config, message, error));
        }
        Ok(database)
    }

    /// At most so many connections, 10 unless it is said. Clones that were made before keep theirs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is none, or more than a thousand.
    pub fn max_connections(self, most: usize) -> Result<Self> {
        if !(1..=1000).contains(&most) {
            let message = format!("a database has 1 to 1000 connections, not {most}");
            return Err(Error::new(ErrorKind::Config, message));
        }
        let connections = Connections::new(self.connections.url.clone(), most);
        Ok(Self {
            connections: Arc::new(connections),
            ..self
        })
    }

    /// The table of a custom user model, Django's `AUTH_USER_MODEL`, that derives from
    /// `AbstractUser` and has a number as its primary key: `accounts_user` for `accounts.User`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is not a name of up to 63 ASCII letters, digits and `_`.
    pub fn user_table(self, name: &str) -> Result<Self> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let starts_well = !name.starts_with(|first: char| first.is_ascii_digit());
        if !(1..=63).contains(&name.len()) || !name.bytes().all(is_letter) || !starts_well {
            let message = format!(
                "a table of users is named with up to 63 letters, digits and _, not {name:?}"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Self {
            users: self.dialect().quoted(name).into(),
            user_table: name.into(),
            ..self
        })
    }

    fn connections(&self) -> &Connections {
        &self.connections
    }

    fn dialect(&self) -> Dialect {
        self.connections.url.dialect
    }
}

impl fmt::Debug for Database {
    /// Shows nothing of the URL: it holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.dialect()).finish()
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_to_be_there_is_not_made() {
        let path = std::env::temp_dir().join(format!("channels-{}.sqlite3", std::process::id()));
        let url = format!("sqlite://{}", path.display());
        let error = Database::open_existing(&url).expect_err("no file");
        assert_eq!(error.kind(), ErrorKind::Config);
        let said = error.to_string();
        assert!(said.contains(&*path.to_string_lossy()), "{said}");
        assert!(!path.exists(), "it was made");

        std::fs::write(&path, "").expect("a file");
        let opened = Database::open_existing(&url);
        std::fs::remove_file(&path).expect("it is there");
        opened.expect("a file that is there");
    }
}
