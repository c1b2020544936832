//! Who is logged in, and what changes that: Django's rules.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::hash::{self, AuthHash};
use super::passwords::Checked;
use super::site::{MODEL_BACKEND, Site};
use super::user::{User, UserRecord};
use crate::log::Excerpt;
use crate::session::{Session, SessionData};
use crate::{Error, ErrorKind, Result};

const USER_ID: &str = "_auth_user_id";
const BACKEND: &str = "_auth_user_backend";
const HASH: &str = "_auth_user_hash";

/// What a session says of its login.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) user_id: String,
    backend: String,
    hash: String,
}

/// What becomes of a session whose login was signed with an old secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// It moves to a new key, as in Django: the answer can still bring the new cookie.
    Now,
    /// It stays as it is until then. Django's next request renews it.
    Later,
}

impl Site {
    /// The user who is logged in with a session, or nobody.
    ///
    /// Returns an anonymous user if the user was deleted or is inactive, if the backend of the login is
    /// not one of the site's, if the hash of the login does not match, or if the session cannot be read.
    /// A hash does not match once the password has changed, and never for a user model with its own
    /// `get_session_auth_hash`. Django deletes the session then; here it is left unchanged, and a line
    /// in the log has the reason. A login that was signed with one of the fallback keys counts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if a store cannot be asked: nobody is taken for a stranger then.
    pub async fn user_of(&self, session: &Session) -> Result<User> {
        self.find_user(session, Renewal::Later).await
    }

    pub(crate) async fn find_user(&self, session: &Session, renewal: Renewal) -> Result<User> {
        // A session that cannot be read was logged when it was loaded.
        let Some(login) = session.read(Login::read).await?.flatten() else {
            return Ok(User::anonymous());
        };
        let Some(record) = self.known(&login).await? else {
            return Ok(User::anonymous());
        };
        match (self.verify(&login, &record), renewal) {
            (AuthHash::No, _) => {
                self.log_mismatch(&record);
                return Ok(User::anonymous());
            }
            (AuthHash::Fallback, Renewal::Now) if !session.is_answered() => {
                session.cycle_key().await?;
                let hash = hash::auth_hash(self.keys(), &record.password);
                session.insert(HASH, &hash).await?;
            }
            (AuthHash::Fallback | AuthHash::Current, _) => {}
        }
        Ok(record.into())
    }

    /// The user with a primary key, or nobody if there is none or it may not log in.
    pub(super) async fn active_user(&self, id: &str) -> Result<User> {
        let record = self.users().by_id(id).await?;
        let active = record.filter(|record| record.is_active);
        Ok(active.map(User::from).unwrap_or_default())
    }

    /// A session outside of any request: the one that a key names, or a new one. What is changed in it,
    /// [`Session::save`] saves.
    ///
    /// # Examples
    ///
    /// A user is logged in, and this is what their cookie would hold:
    ///
    /// ```
    /// # async fn example() -> channels_runtime::Result {
    /// use channels_runtime::Site;
    ///
    /// let site = Site::in_memory()?;
    /// let ana = site.create_user("ana", "correct horse").await?;
    /// let session = site.session(None);
    /// site.login(&session, &ana).await?;
    /// session.save().await?;
    /// let key = session.key().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn session(&self, key: Option<&str>) -> Session {
        Session::new(Arc::clone(self.engine()), key.map(Into::into))
    }

    /// Checks a name and a password: the user who may log in with them, if there is one.
    ///
    /// An unknown name takes as long as a wrong password. A password that was hashed in an outdated
    /// way is hashed again, which ends the user's other sessions, as in Django.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the user store is unavailable, or too many passwords are being
    /// checked: see [`PasswordHashers::max_hashes`](crate::PasswordHashers::max_hashes).
    pub async fn authenticate(&self, username: &str, password: &str) -> Result<Option<User>> {
        let Some(mut record) = self.users().by_username(username).await? else {
            self.passwords().harden(password).await?;
            return Ok(None);
        };
        match self.passwords().check(password, &record.password).await? {
            Checked::Wrong => return Ok(None),
            Checked::Right => {}
            Checked::Outdated => self.rehash(&mut record, password).await?,
        }
        Ok(record.is_active.then(|| record.into()))
    }

    /// Hashes a correct password again, by the preferred algorithm and cost. If too many passwords are
    /// being checked, this waits for the next login.
    async fn rehash(&self, record: &mut UserRecord, password: &str) -> Result {
        let new = match self.passwords().make(password).await {
            Ok(new) => new,
            Err(error) if error.kind() == ErrorKind::Unavailable => return Ok(()),
            Err(error) => return Err(error),
        };
        let users = self.users();
        if users
            .set_password(&record.id, &record.password, &new)
            .await?
        {
            record.password = new;
        }
        Ok(())
    }

    /// Logs a user in with a session. It is saved like any other change.
    ///
    /// As in Django, a session without a login moves to a new key, so that nobody who knew the old key
    /// is logged in with it, and a session of another user is ended first. A session that cannot be read,
    /// and a login of the same user whose hash does not match, stay in the store unchanged: the login
    /// begins an empty session under a new key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for nobody; [`ErrorKind::Unavailable`] if a store cannot be asked.
    pub async fn login(&self, session: &Session, user: &User) -> Result {
        let Some(record) = user.record() else {
            let what = "nobody can be logged in: the user is anonymous";
            return Err(Error::new(ErrorKind::Config, what));
        };
        let hash = hash::auth_hash(self.keys(), &record.password);
        match session.read(Login::user_and_hash).await? {
            None => session.start_over().await,
            Some(None) => session.cycle_key().await?,
            Some(Some((id, old))) if id == record.id => {
                match hash::check(self.keys(), &record.password, &old) {
                    AuthHash::Current => {}
                    AuthHash::Fallback => session.flush().await?,
                    AuthHash::No => session.start_over().await,
                }
            }
            Some(Some(_)) => session.flush().await?,
        }
        let backend = self.known_backends().first();
        session.insert(USER_ID, &record.id).await?;
        session
            .insert(BACKEND, backend.map_or(MODEL_BACKEND, |backend| backend))
            .await?;
        session.insert(HASH, &hash).await?;
        let users = self.users();
        users.set_last_login(&record.id, SystemTime::now()).await
    }

    /// Ends a session, whoever is logged in with it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the store cannot be asked; then the session goes on.
    pub async fn logout(&self, session: &Session) -> Result {
        session.flush().await
    }

    /// Makes a user who may log in with a name and a password.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] if the name is taken, [`ErrorKind::Name`] if it cannot be one,
    /// [`ErrorKind::Unavailable`] if the users cannot be asked.
    pub async fn create_user(&self, username: &str, password: &str) -> Result<User> {
        check_username(username)?;
        let mut record = UserRecord {
            username: username.to_owned(),
            password: self.passwords().make(password).await?,
            is_active: true,
            ..UserRecord::default()
        };
        record.id = self.users().create_user(&record).await?;
        Ok(record.into())
    }

    /// Gives a user a new password. It ends the user's sessions, and closes their sockets at the next
    /// check; [`Revoked::user`](crate::Revoked::user) closes them at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Conflict`] if the password was changed elsewhere since the user was looked up,
    /// [`ErrorKind::Config`] for nobody, [`ErrorKind::Unavailable`] if the users cannot be asked.
    pub async fn set_password(&self, user: &User, password: &str) -> Result<User> {
        let Some(record) = user.record() else {
            let what = "nobody has no password: the user is anonymous";
            return Err(Error::new(ErrorKind::Config, what));
        };
        let new = self.passwords().make(password).await?;
        let users = self.users();
        if !users
            .set_password(&record.id, &record.password, &new)
            .await?
        {
            let what = "the password was changed elsewhere meanwhile";
            return Err(Error::new(ErrorKind::Conflict, what));
        }
        let mut record = record.clone();
        record.password = new;
        Ok(record.into())
    }

    /// The user of a login, if the site knows both and the user may log in.
    async fn known(&self, login: &Login) -> Result<Option<UserRecord>> {
        if !self.knows(login) {
            if let Some(suppressed) = self.refused_logins().permit() {
                let backend = Excerpt(login.backend.as_bytes());
                tracing::warn!(
                    ?backend,
                    suppressed,
                    "login by a backend that is not in `Site::backends`: the client is anonymous"
                );
            }
            return Ok(None);
        }
        let record = self.users().by_id(&login.user_id).await?;
        Ok(record.filter(|record| record.is_active))
    }

    /// Logs that a session's hash is not that of its user: nothing else tells an operator that a user
    /// model of the site makes its hashes in another way.
    fn log_mismatch(&self, record: &UserRecord) {
        if let Some(suppressed) = self.refused_logins().permit() {
            let user = Excerpt(record.id.as_bytes());
            tracing::warn!(
                ?user,
                suppressed,
                "session auth hash does not match: the client is anonymous, the session is left \
                 unchanged; the password has changed, or the user model has its own \
                 `get_session_auth_hash`"
            );
        }
    }

    /// Whether a login was made by a backend that the site has.
    pub(super) fn knows(&self, login: &Login) -> bool {
        self.known_backends().contains(&login.backend)
    }

    /// Whether a login was made with the password that the user has now.
    pub(super) fn verify(&self, login: &Login, record: &UserRecord) -> AuthHash {
        hash::check(self.keys(), &record.password, &login.hash)
    }
}

impl Login {
    /// What a session says; `None` if nobody is logged in with it.
    pub(super) fn read(data: &SessionData) -> Option<Self> {
        Some(Self {
            user_id: user_id(data)?,
            backend: text(data, BACKEND)?,
            hash: text(data, HASH).unwrap_or_default(),
        })
    }

    fn user_and_hash(data: &SessionData) -> Option<(String, String)> {
        Some((user_id(data)?, text(data, HASH).unwrap_or_default()))
    }
}

fn text(data: &SessionData, name: &str) -> Option<String> {
    data.get(name).ok().flatten()
}

/// Sessions hold the primary key as text; numbers count as Django's `int()` takes them.
fn user_id(data: &SessionData) -> Option<String> {
    match data.get(USER_ID).ok().flatten()? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Some(whole.to_string()),
            (None, Some(fraction)) => Some(format!("{:.0}", fraction.trunc())),
            (None, None) => None,
        },
        _ => None,
    }
}

/// Django's rule: up to 150 letters, digits and `@.+-_`.
fn check_username(username: &str) -> Result {
    let is_allowed = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
    let problem = if username.is_empty() {
        "it is empty".to_owned()
    } else if username.chars().count() > 150 {
        "it has more than 150 characters".to_owned()
    } else if let Some(other) = username.chars().find(|&c| !is_allowed(c)) {
        format!("`{}` is not allowed in it", other.escape_debug())
    } else {
        return Ok(());
    };
    let what = format!("no name for a user: {problem}; use letters, digits and @.+-_");
    Err(Error::new(ErrorKind::Name, what))
}
