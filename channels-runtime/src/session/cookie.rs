//! The cookie that holds a session's key.

use std::time::Duration;

use super::expiry::Lifetime;
use crate::{Error, ErrorKind, Result, SameSite, SetCookie};

/// Settings of the session cookie: Django's `SESSION_COOKIE_…`, with its defaults.
///
/// To share sessions with a Django site they have to be that site's.
///
/// # Examples
///
/// ```
/// use channels_runtime::SessionCookie;
///
/// let mut cookie = SessionCookie::default();
/// cookie.secure = true;
/// cookie.domain = Some(".example.com".into());
/// ```
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are settings of their own, as in Django"
)]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionCookie {
    /// Its name: `sessionid`. `SESSION_COOKIE_NAME`.
    pub name: String,
    /// How long a session lives after it was last saved, if it says nothing itself: two weeks.
    /// `SESSION_COOKIE_AGE`.
    pub age: Duration,
    /// The path below which browsers send it: `/`. `SESSION_COOKIE_PATH`.
    pub path: String,
    /// The domain whose hosts share it: none, this host alone. `SESSION_COOKIE_DOMAIN`.
    pub domain: Option<String>,
    /// Whether it travels by HTTPS only: no. `SESSION_COOKIE_SECURE`.
    pub secure: bool,
    /// Whether it is hidden from scripts: yes. `SESSION_COOKIE_HTTPONLY`.
    pub http_only: bool,
    /// Which requests from other sites carry it: [`SameSite::Lax`]. `SESSION_COOKIE_SAMESITE`, whose
    /// `None` and `False` are `None` here.
    pub same_site: Option<SameSite>,
    /// Whether a session ends with the browser, if it says nothing itself: no.
    /// `SESSION_EXPIRE_AT_BROWSER_CLOSE`.
    pub expire_at_browser_close: bool,
    /// Whether a session is saved, and so prolonged, by every request: no.
    /// `SESSION_SAVE_EVERY_REQUEST`.
    pub save_every_request: bool,
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self {
            name: "sessionid".to_owned(),
            age: Duration::from_secs(14 * 24 * 60 * 60),
            path: "/".to_owned(),
            domain: None,
            secure: false,
            http_only: true,
            same_site: Some(SameSite::Lax),
            expire_at_browser_close: false,
            save_every_request: false,
        }
    }
}

impl SessionCookie {
    /// The cookie for a session that was saved under a key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`] if browsers do not take such a cookie: the key is too long, or the
    /// settings are wrong.
    pub(crate) fn set(&self, key: &str, lifetime: &Lifetime) -> Result<SetCookie> {
        let cookie = self.placed(SetCookie::new(&*self.name, key)?)?;
        let cookie = cookie.http_only(self.http_only).secure(self.secure);
        Ok(match lifetime.cookie {
            Some((max_age, date)) => cookie.expires(max_age, date),
            None => cookie,
        })
    }

    /// The cookie that makes the browser forget the session.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`] if the settings are wrong.
    pub(crate) fn delete(&self) -> Result<SetCookie> {
        self.placed(SetCookie::delete(&*self.name)?)
    }

    /// Refuses settings by which no browser would keep the session.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`].
    pub(crate) fn check(&self) -> Result {
        self.delete().map_err(|error| {
            Error::caused(
                ErrorKind::Config,
                "the session cookie's settings are wrong",
                error,
            )
        })?;
        // RFC 6265bis, on cookie name prefixes.
        if self.name.starts_with("__Host-") && (self.domain.is_some() || self.path != "/") {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the session cookie is named `{}`: by `__Host-`, browsers want the path `/` and \
                     no domain",
                    self.name
                ),
            ));
        }
        Ok(())
    }

    fn placed(&self, cookie: SetCookie) -> Result<SetCookie> {
        let cookie = cookie.path(&*self.path)?.same_site(self.same_site);
        match &self.domain {
            Some(domain) => cookie.domain(&**domain),
            None => Ok(cookie),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use serde_json::Value;

    use super::super::SessionData;
    use super::*;

    fn settings(vector: &Value) -> SessionCookie {
        let mut settings = SessionCookie::default();
        for (name, value) in vector["settings"].as_object().expect("settings") {
            let text = || value.as_str().expect("a text").to_owned();
            let flag = || value.as_bool().expect("a flag");
            match name.as_str() {
                "SESSION_COOKIE_NAME" => settings.name = text(),
                "SESSION_COOKIE_PATH" => settings.path = text(),
                "SESSION_COOKIE_DOMAIN" => settings.domain = Some(text()),
                "SESSION_COOKIE_SECURE" => settings.secure = flag(),
                "SESSION_COOKIE_HTTPONLY" => settings.http_only = flag(),
                "SESSION_EXPIRE_AT_BROWSER_CLOSE" => settings.expire_at_browser_close = flag(),
                "SESSION_SAVE_EVERY_REQUEST" => settings.save_every_request = flag(),
                "SESSION_COOKIE_AGE" => {
                    settings.age = Duration::from_secs(value.as_u64().expect("seconds"));
                }
                "SESSION_COOKIE_SAMESITE" => {
                    settings.same_site = match value.as_str() {
                        Some("Strict") => Some(SameSite::Strict),
                        Some("None") => Some(SameSite::None),
                        _ => None,
                    };
                }
                other => panic!("{other}"),
            }
        }
        settings
    }

    #[test]
    fn cookies_are_djangos() {
        let vectors = include_str!("../../../tests/interop/django_cookies.json");
        let vectors: Value = serde_json::from_str(vectors).expect("JSON");
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (mut set, mut deleted, mut silent) = (0, 0, 0);
        for vector in vectors["set_cookie"].as_array().expect("a list") {
            let settings = settings(vector);
            let Some(expected) = vector["django_set_cookie"][0].as_str() else {
                // Whether there is something to say is not decided here.
                silent += 1;
                continue;
            };
            let cookie = match vector["action"].as_str().expect("an action") {
                "flush" | "read" => {
                    deleted += 1;
                    settings.delete()
                }
                action => {
                    set += 1;
                    let mut data = SessionData::default();
                    match action.parse::<i64>() {
                        Ok(age) => data.insert("_session_expiry", &age),
                        Err(_) if action == "None" => Ok(()),
                        Err(_) => data.insert("_session_expiry", &action.replace(' ', "T")),
                    }
                    .expect("a value");
                    let lifetime = Lifetime::of(&data, &settings, now).expect("a lifetime");
                    settings.set(&format!("newkey1{}", "z".repeat(25)), &lifetime)
                }
            };
            assert_eq!(cookie.expect("a cookie").to_string(), expected);
            settings.check().expect("good settings");
        }
        assert_eq!((set, deleted, silent), (20, 4, 6));
    }

    #[test]
    fn settings_that_no_browser_takes_are_refused() {
        let wrong: [fn(&mut SessionCookie); 6] = [
            |cookie| cookie.name = "session id".to_owned(),
            |cookie| cookie.name = String::new(),
            |cookie| cookie.path = "/;a".to_owned(),
            |cookie| cookie.domain = Some("é.example".to_owned()),
            |cookie| (cookie.name, cookie.path) = ("__Host-id".to_owned(), "/app/".to_owned()),
            |cookie| {
                (cookie.name, cookie.domain) = ("__Host-id".to_owned(), Some("a.b".to_owned()));
            },
        ];
        for change in wrong {
            let mut cookie = SessionCookie::default();
            change(&mut cookie);
            assert_eq!(cookie.check().expect_err("wrong").kind(), ErrorKind::Config);
        }
    }
}
