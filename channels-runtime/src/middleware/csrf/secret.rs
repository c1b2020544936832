//! Secrets, and the tokens that hide them: the same secret looks different in each page, so that
//! compression tells nothing of it (BREACH).

use subtle::ConstantTimeEq as _;

use crate::{Error, ErrorKind, Result};

const CHARACTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LENGTH: usize = 32;

/// A new secret.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] if the operating system has no random bytes.
pub(super) fn new_secret() -> Result<String> {
    let mut secret = String::with_capacity(LENGTH);
    let mut bytes = [0; LENGTH];
    while secret.len() < LENGTH {
        getrandom::fill(&mut bytes).map_err(|error| {
            let message = "the operating system has no random bytes for a token";
            Error::caused(ErrorKind::Unavailable, message, error)
        })?;
        // 248 is four times 62: so all are equally likely.
        let fair = bytes.iter().filter(|&&byte| byte < 248);
        let characters = fair.map(|byte| char::from(CHARACTERS[usize::from(byte % 62)]));
        secret.extend(characters.take(LENGTH - secret.len()));
    }
    Ok(secret)
}

/// A token for a secret: the mask, then what the mask makes of the secret.
pub(super) fn mask(secret: &str, mask: &str) -> String {
    let masked = secret.bytes().zip(mask.bytes());
    let masked = masked.map(|(secret, mask)| character(place(secret) + place(mask)));
    mask.chars().chain(masked).collect()
}

/// The secret of a token, or of a cookie of an old Django; a bare secret is its own.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn unmask(token: &str) -> Result<String, &'static str> {
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err("has invalid characters");
    }
    match token.len() {
        LENGTH => Ok(token.to_owned()),
        length if length == 2 * LENGTH => {
            let (mask, masked) = token.split_at(LENGTH);
            let secret = masked.bytes().zip(mask.bytes());
            Ok(secret
                .map(|(masked, mask)| character(62 + place(masked) - place(mask)))
                .collect())
        }
        _ => Err("has incorrect length"),
    }
}

pub(super) fn is_same(secret: &str, other: &str) -> bool {
    secret.as_bytes().ct_eq(other.as_bytes()).into()
}

fn place(character: u8) -> usize {
    let place = CHARACTERS.iter().position(|&known| known == character);
    place.unwrap_or_default()
}

fn character(place: usize) -> char {
    char::from(CHARACTERS[place % CHARACTERS.len()])
}
