//! Passwords: Django's `PASSWORD_HASHERS`.

mod pbkdf2;
mod queue;
mod recipe;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;

use subtle::ConstantTimeEq as _;

use self::queue::HashQueue;
use self::recipe::Recipe;
use crate::Result;
use crate::log::{Excerpt, LogLimit};

/// An algorithm that makes a password's hash slow to guess, by Django's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordHasher {
    /// `argon2`: Argon2id with 100 MiB (RFC 9106).
    Argon2,
    /// `bcrypt_sha256`: bcrypt of the password's SHA-256.
    BcryptSha256,
    /// `pbkdf2_sha1`: PBKDF2 with SHA-1 (RFC 8018), for passwords that have it already.
    Pbkdf2Sha1,
    /// `pbkdf2_sha256`: PBKDF2 with SHA-256. Django's default, and the one here.
    Pbkdf2Sha256,
    /// `scrypt` with 16 MiB (RFC 7914).
    Scrypt,
}

/// How passwords are hashed: Django's `PASSWORD_HASHERS` setting, with its default costs.
///
/// All five of Django's defaults are read. New passwords get the preferred one, and so does a password
/// of another algorithm or of a lower cost when its user logs in: then the user's other sessions end,
/// as in Django. Beside a Django site, prefer what is first in its `PASSWORD_HASHERS`: else each of the
/// two rewrites what the other wrote.
///
/// A hash takes about half a second of one core, and its memory. Hashes are made on separate threads, at
/// most one fewer at a time than there are cores, and at least one. For each of these, eight more
/// wait. A login beyond that is refused with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable),
/// which is a 503 with `Retry-After`, so that no login waits for more than some seconds: see
/// [`max_hashes`](Self::max_hashes). Against guessing there is a [`LoginThrottle`](crate::LoginThrottle).
///
/// A program's debug build compiles its dependencies without optimization. A PBKDF2 hash takes about 1.5 s
/// there. These lines in the `Cargo.toml` of the program make it as fast as in a release build, and the
/// other algorithms with their own crates (`argon2`, `bcrypt`, `blowfish`, `scrypt`, `salsa20`):
///
/// ```toml
/// [profile.dev.package]
/// pbkdf2.opt-level = 3
/// hmac.opt-level = 3
/// sha2.opt-level = 3
/// digest.opt-level = 3
/// block-buffer.opt-level = 3
/// ```
///
/// # Examples
///
/// ```
/// use channels_runtime::{PasswordHasher, PasswordHashers};
///
/// let hashers = PasswordHashers::default().prefer(PasswordHasher::Argon2);
/// ```
#[derive(Clone)]
pub struct PasswordHashers {
    preferred: PasswordHasher,
    iterations: NonZeroU32,
    queue: Arc<HashQueue>,
}

/// What a check of a password has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    Wrong,
    Right,
    /// Right, and to be hashed anew: by the preferred algorithm, or at a higher cost.
    Outdated,
}

impl Default for PasswordHashers {
    fn default() -> Self {
        Self {
            preferred: PasswordHasher::Pbkdf2Sha256,
            iterations: recipe::ITERATIONS,
            queue: Arc::new(HashQueue::with_defaults()),
        }
    }
}

impl PasswordHashers {
    /// What new passwords get: the first of Django's `PASSWORD_HASHERS`.
    #[must_use]
    pub fn prefer(self, hasher: PasswordHasher) -> Self {
        Self {
            preferred: hasher,
            ..self
        }
    }

    /// How often PBKDF2 repeats: 1,000,000 times as in Django 5.2. Each release of Django has more.
    ///
    /// Beside a site with fewer, say how many it has: it would hash anew what was hashed anew here, and
    /// each time the user's other sessions end.
    #[must_use]
    pub fn pbkdf2_iterations(self, iterations: NonZeroU32) -> Self {
        Self { iterations, ..self }
    }

    /// Sets how many hashes are made at a time, and how many wait beyond that. Defaults to one fewer than
    /// there are cores, at least one, and to eight times as many that wait.
    ///
    /// One more is refused with [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable). A waiting hash
    /// costs its password's bytes; one that is being made costs a thread, and 100 MiB with
    /// [`Argon2`](PasswordHasher::Argon2) or 16 MiB with [`Scrypt`](PasswordHasher::Scrypt).
    #[must_use]
    pub fn max_hashes(self, running: NonZeroUsize, waiting: usize) -> Self {
        Self {
            queue: Arc::new(HashQueue::new(running, waiting)),
            ..self
        }
    }

    /// Whether a password is the one that was encoded. An unusable, unknown or malformed one is never
    /// right, and takes as long as any.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if too many hashes are being made.
    pub(super) async fn check(&self, password: &str, encoded: &str) -> Result<Checked> {
        let Some(recipe) = Recipe::read(encoded) else {
            if !encoded.is_empty() && !encoded.starts_with('!') {
                static UNKNOWN: LogLimit = LogLimit::new();
                if let Some(suppressed) = UNKNOWN.permit() {
                    let algorithm = encoded.split('$').next().unwrap_or_default();
                    // Without a `$` it is not an algorithm, and may be a password.
                    let algorithm = if algorithm.len() < encoded.len() {
                        algorithm
                    } else {
                        ""
                    };
                    let algorithm = Excerpt(algorithm.as_bytes());
                    tracing::warn!(
                        ?algorithm,
                        suppressed,
                        "a user's encoded password has an unknown format: no password matches"
                    );
                }
            }
            self.harden(password).await?;
            return Ok(Checked::Wrong);
        };
        let is_outdated = recipe.hasher() != self.preferred || recipe.is_weak(self.iterations);
        let missing = recipe.missing_iterations(self.iterations);
        let (password, encoded) = (password.to_owned(), encoded.to_owned());
        let is_right = self
            .queue
            .run(move || {
                let again = recipe.encode(&password)?;
                let is_right = bool::from(again.as_bytes().ct_eq(encoded.as_bytes()));
                if !is_right {
                    // So long as an up-to-date one would take: else its age shows.
                    missing.map(|missing| missing.encode(&password));
                }
                Ok(is_right)
            })
            .await?;
        Ok(match (is_right, is_outdated) {
            (false, _) => Checked::Wrong,
            (true, false) => Checked::Right,
            (true, true) => Checked::Outdated,
        })
    }

    /// Encodes a password, with new salt.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) if too many hashes are being made, or the
    /// system has no random bytes.
    pub(super) async fn make(&self, password: &str) -> Result<String> {
        let recipe = Recipe::new(self.preferred, self.iterations)?;
        let password = password.to_owned();
        self.queue.run(move || recipe.encode(&password)).await
    }

    /// Takes as long as a check, so that nobody learns from the time which users there are.
    ///
    /// # Errors
    ///
    /// As [`make`](Self::make).
    pub(super) async fn harden(&self, password: &str) -> Result {
        self.make(password).await.map(|_| ())
    }
}

impl fmt::Debug for PasswordHashers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHashers")
            .field("preferred", &self.preferred)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}
