//! The database of a Django site: its sessions and its users.

mod connections;
mod failure;
mod pool;
mod query;
mod schema;
mod sessions;
mod sql;
mod timestamp;
mod url;
mod users;

use std::fmt;
use std::sync::Arc;

use tokio::sync::OnceCell;

use self::pool::Pool;
use self::sql::Dialect;
use self::url::DatabaseUrl;
use crate::{Error, ErrorKind, Result};

/// The connections of a database, unless it is told otherwise.
const CONNECTIONS: usize = 10;

/// A database with Django's tables: a store of sessions ([`SessionStore`](crate::SessionStore)) and
/// of users ([`UserStore`](crate::UserStore)). Clones share its connections.
///
/// SQLite (feature `sqlite`), PostgreSQL (`postgres`), MySQL and MariaDB (`mysql`). The rows are
/// those of Django with `USE_TZ = True`, its default: what one of the two programs writes, the other
/// reads.
///
/// - A SQLite file that is missing is made on the first use, readable for its owner alone, with the
///   tables in it. What Django has made is left as it is. In other databases,
///   [`create_tables`](Self::create_tables) makes them.
/// - Keys and usernames are told apart by case, in MySQL as well.
/// - A connection serves one statement at a time, and is made when it is needed. TLS is the URL's
///   `sslmode` (PostgreSQL) or `ssl-mode` (MySQL), with the system's certificates.
///
/// # Errors
///
/// Its methods fail with:
///
/// - [`ErrorKind::Unavailable`] if the database cannot be reached within two seconds, if all of its
///   connections are busy for five, or if it does not answer;
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
/// println!("{} sessions have expired", database.clear_expired().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database {
    dialect: Dialect,
    url: Arc<str>,
    user_table: Arc<str>,
    pool: Arc<Pool>,
    /// Whether a missing SQLite file is made, and tables in it.
    makes_file: bool,
    /// What is to be done once, before the first statement.
    ready: Arc<OnceCell<()>>,
    /// The same, before the first statement about users.
    users_ready: Arc<OnceCell<()>>,
}

impl Database {
    /// Opens a database by its URL: `sqlite://db.sqlite3` (a path from here, `sqlite:///var/db` from
    /// the root), `postgres://user:password@host/name`, `mysql://user:password@host/name`. The
    /// first connection is made when it is needed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the URL is not understood, or the feature for it is off.
    ///
    /// # Examples
    ///
    /// ```
    /// use channels_runtime::{Database, ErrorKind};
    ///
    /// let error = Database::open("postgers://localhost/site").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Config);
    /// ```
    pub fn open(url: &str) -> Result<Self> {
        let parsed = DatabaseUrl::new(url)?;
        Ok(Self {
            dialect: parsed.dialect,
            pool: Arc::new(Pool::new(&parsed, CONNECTIONS)?),
            url: url.into(),
            user_table: "auth_user".into(),
            makes_file: parsed.makes_file(),
            ready: Arc::default(),
            users_ready: Arc::default(),
        })
    }

    /// At most so many connections, 10 unless it is said: each serves one statement at a time.
    /// Clones that were made before keep theirs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is none, or more than a thousand.
    pub fn max_connections(self, most: usize) -> Result<Self> {
        if !(1..=1000).contains(&most) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("a database has 1 to 1000 connections, not {most}"),
            ));
        }
        let pool = Arc::new(Pool::new(&DatabaseUrl::new(&self.url)?, most)?);
        Ok(Self { pool, ..self })
    }

    /// The table of a custom user model, Django's `AUTH_USER_MODEL`, that derives from
    /// `AbstractUser` and has an integer as its primary key: `accounts_user` for `accounts.User`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if it is not a name of up to 63 ASCII letters, digits and `_`.
    pub fn user_table(self, name: &str) -> Result<Self> {
        let is_name = (1..=63).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.starts_with(|first: char| first.is_ascii_digit());
        if !is_name {
            return Err(Error::new(
                ErrorKind::Config,
                format!("a table is named with up to 63 letters, digits and _, not {name:?}"),
            ));
        }
        Ok(Self {
            user_table: name.into(),
            ready: Arc::default(),
            users_ready: Arc::default(),
            ..self
        })
    }
}

impl fmt::Debug for Database {
    /// Shows nothing of the URL: it holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("dialect", &self.dialect)
            .field("user_table", &self.user_table)
            .field("pool", &self.pool)
            .finish_non_exhaustive()
    }
}
