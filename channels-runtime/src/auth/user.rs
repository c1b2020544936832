//! Users, and where they are kept.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::session::StoreFuture;

/// A user, as of when it was looked up: a row of Django's `auth_user`, or nobody in particular.
///
/// Clones are cheap. Django's `request.user`: `AnonymousUser` is [`User::anonymous`].
#[derive(Clone, Default)]
pub struct User(Option<Arc<UserRecord>>);

/// What is kept of a user. The columns of Django's `auth_user`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserRecord {
    /// The primary key, as text: sessions hold it so.
    pub id: String,
    /// The name to log in with: up to 150 characters.
    pub username: String,
    /// The encoded password: algorithm, cost, salt and hash.
    pub password: String,
    /// When the user logged in last.
    pub last_login: Option<SystemTime>,
    /// Whether the user may do everything.
    pub is_superuser: bool,
    /// Whether the user may use the site's administration.
    pub is_staff: bool,
    /// Whether the user may log in.
    pub is_active: bool,
    /// The first name, or nothing.
    pub first_name: String,
    /// The last name, or nothing.
    pub last_name: String,
    /// The address, or nothing.
    pub email: String,
}

impl User {
    /// Nobody in particular.
    pub fn anonymous() -> Self {
        Self(None)
    }

    /// Whether it is somebody.
    pub fn is_authenticated(&self) -> bool {
        self.0.is_some()
    }

    /// The primary key, as text; `None` for nobody.
    pub fn id(&self) -> Option<&str> {
        self.record().map(|record| record.id.as_str())
    }

    /// The name; empty for nobody, as in Django.
    pub fn username(&self) -> &str {
        self.record().map_or("", |record| &record.username)
    }

    /// Whether the user may use the site's administration.
    pub fn is_staff(&self) -> bool {
        self.record().is_some_and(|record| record.is_staff)
    }

    /// Whether the user may do everything.
    pub fn is_superuser(&self) -> bool {
        self.record().is_some_and(|record| record.is_superuser)
    }

    /// The whole row; `None` for nobody.
    pub fn record(&self) -> Option<&UserRecord> {
        self.0.as_deref()
    }
}

impl From<UserRecord> for User {
    fn from(record: UserRecord) -> Self {
        Self(Some(Arc::new(record)))
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record() {
            Some(record) => write!(f, "User({}: {:?})", record.id, record.username),
            None => f.write_str("User(anonymous)"),
        }
    }
}

impl fmt::Debug for UserRecord {
    /// Shows who it is, never the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserRecord")
            .field("id", &self.id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Where users are kept: Django's table, or the program's own.
///
/// # Errors
///
/// A store that cannot be asked fails with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable),
/// after retries of its own.
pub trait UserStore: fmt::Debug + Send + Sync + 'static {
    /// The user with a primary key. `None` for text that is no key of the store, too.
    fn by_id<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<UserRecord>>;

    /// Those of several users that there are: for checks of many connections at once.
    fn by_ids<'a>(&'a self, ids: &'a [String]) -> StoreFuture<'a, Vec<UserRecord>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for id in ids {
                found.extend(self.by_id(id).await?);
            }
            Ok(found)
        })
    }

    /// The user with a name, in exactly this case.
    fn by_username<'a>(&'a self, username: &'a str) -> StoreFuture<'a, Option<UserRecord>>;

    /// Keeps a new user and gives its primary key; what `user.id` says is ignored.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the name is taken.
    fn create_user<'a>(&'a self, user: &'a UserRecord) -> StoreFuture<'a, String>;

    /// Overwrites the encoded password, if it is still the old one: two changes at the same time do
    /// not undo each other. Tells whether it was.
    fn set_password<'a>(&'a self, id: &'a str, old: &'a str, new: &'a str)
    -> StoreFuture<'a, bool>;

    /// Notes when a user has logged in.
    fn set_last_login<'a>(&'a self, id: &'a str, when: SystemTime) -> StoreFuture<'a, ()>;

    /// Checks whether the store can find users at all. An application with users calls it when it
    /// starts: see [`Site::check_stores`](crate::Site::check_stores). Does nothing by default.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if it cannot, and a retry would not help.
    fn check(&self) -> StoreFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
