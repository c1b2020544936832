//! Passwords: Django's `PASSWORD_HASHERS`.

mod recipe;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::thread::available_parallelism;

use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use self::recipe::Recipe;
use crate::{Error, ErrorKind, Result};

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
/// A hash takes a good part of a second of one core, and its memory. At most as many as there are cores
/// are made at a time, on threads of their own; the others wait.
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
    permits: Arc<Semaphore>,
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
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            preferred: PasswordHasher::Pbkdf2Sha256,
            iterations: recipe::ITERATIONS,
            permits: Arc::new(Semaphore::new(cores)),
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

    /// Whether a password is the one that was encoded. An unusable, unknown or malformed one is never
    /// right, and takes as long as any.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if it cannot be hashed: the runtime shuts down.
    pub(super) async fn check(&self, password: &str, encoded: &str) -> Result<Checked> {
        let Some(recipe) = Recipe::read(encoded) else {
            if !encoded.is_empty() && !encoded.starts_with('!') {
                let algorithm = encoded.split('$').next().unwrap_or_default();
                tracing::warn!(
                    algorithm,
                    "a user's password is of no known form: it is never right"
                );
            }
            self.harden(password).await?;
            return Ok(Checked::Wrong);
        };
        let is_outdated = recipe.hasher() != self.preferred || recipe.is_weak(self.iterations);
        let missing = recipe.missing_iterations(self.iterations);
        let (password, encoded) = (password.to_owned(), encoded.to_owned());
        let is_right = self
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
    /// [`ErrorKind::Unavailable`] if it cannot be hashed: the system has no random bytes, or the
    /// runtime shuts down.
    pub(super) async fn make(&self, password: &str) -> Result<String> {
        let recipe = Recipe::new(self.preferred, self.iterations)?;
        let password = password.to_owned();
        self.run(move || recipe.encode(&password)).await
    }

    /// Takes as long as a check, so that nobody learns from the time which users there are.
    ///
    /// # Errors
    ///
    /// As [`make`](Self::make).
    pub(super) async fn harden(&self, password: &str) -> Result {
        self.make(password).await.map(|_| ())
    }

    /// Runs what takes long, when a core is free. What has begun goes on if the caller goes away.
    async fn run<T: Send + 'static>(
        &self,
        hash: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(Error::unavailable)?;
        let hashed = tokio::task::spawn_blocking(move || {
            let hashed = hash();
            drop(permit);
            hashed
        });
        hashed.await.map_err(|error| {
            Error::caused(ErrorKind::Unavailable, "a password cannot be hashed", error)
        })?
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
