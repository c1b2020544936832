//! What ties a login to the user's password: Django's session auth hash.

use std::fmt::Write as _;

use subtle::ConstantTimeEq as _;

use crate::SecretKeys;
use crate::session::salted_hmac;

const SALT: &str = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/// The hash that a login leaves in its session: another one after each change of the password, which
/// so ends all other sessions of the user.
///
/// `password` is the whole column: algorithm, cost, salt and hash.
pub(crate) fn auth_hash(keys: &SecretKeys, password: &str) -> String {
    hash_by(keys.current(), password)
}

/// Which key made a session's hash, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthHash {
    /// The current one.
    Current,
    /// A fallback: the hash is good, and to be replaced by the current one where that can be.
    Fallback,
    /// None: the password has changed, or the hash was never one.
    No,
}

/// Compares the hash in a session with the user's password.
pub(crate) fn check(keys: &SecretKeys, password: &str, hash: &str) -> AuthHash {
    // As text: in capitals it is no hash, as in Django.
    let is_by = |key| bool::from(hash_by(key, password).as_bytes().ct_eq(hash.as_bytes()));
    if is_by(keys.current()) {
        AuthHash::Current
    } else if keys.fallbacks().any(is_by) {
        AuthHash::Fallback
    } else {
        AuthHash::No
    }
}

fn hash_by(key: &str, password: &str) -> String {
    let mut text = String::with_capacity(64);
    for byte in salted_hmac(&[SALT], key, password) {
        // Writing to a String does not fail.
        _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn hashes_are_djangos() {
        let vectors = include_str!("../../../tests/interop/django_auth_hash.json");
        let vectors: Value = serde_json::from_str(vectors).expect("JSON");
        assert_eq!(vectors["key_salt"], SALT);
        let vectors = vectors["vectors"].as_array().expect("a list");
        assert_eq!(vectors.len(), 20);
        for vector in vectors {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let texts = |value: &Value| {
                value
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(text)
                    .collect::<Vec<_>>()
            };
            let keys = texts(&vector["fallbacks"]).into_iter().fold(
                SecretKeys::new(text(&vector["secret"])),
                SecretKeys::fallback,
            );
            let password = text(&vector["password_column"]);
            let hash = text(&vector["hash"]);
            assert_eq!(auth_hash(&keys, &password), hash);
            assert_eq!(check(&keys, &password, &hash), AuthHash::Current);
            for old in texts(&vector["fallback_hashes"]) {
                assert_eq!(check(&keys, &password, &old), AuthHash::Fallback);
                let only = SecretKeys::new(keys.current());
                assert_eq!(check(&only, &password, &old), AuthHash::No);
            }
            let other = format!("{password}x");
            for wrong in [
                "",
                &hash[1..],
                &hash.to_uppercase(),
                &format!("{hash}\n"),
                &auth_hash(&keys, &other),
            ] {
                assert_eq!(check(&keys, &password, wrong), AuthHash::No, "{wrong}");
            }
        }
    }
}
