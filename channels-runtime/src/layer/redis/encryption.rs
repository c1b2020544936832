//! Fernet tokens, as Python's `cryptography` makes them (`symmetric_encryption_keys`).
//!
//! A token is the base64 of a version, the time, an initialization vector, the encrypted text and
//! a signature of all that: <https://github.com/fernet/spec/blob/master/Spec.md>.

use std::fmt;

use aes::Aes128;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::{Error, ErrorKind, Result};

const VERSION: u8 = 0x80;

/// Where the parts of a token lie: the signature is the rest.
const TIME: usize = 1;
const IV: usize = 9;
const TEXT: usize = 25;
const SIGNATURE: usize = 32;

/// How far in the future a token may have been made: clocks differ.
const SKEW: u64 = 60;

/// Python's decoder asks for padding, and takes bits behind the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The keys made of one or more secrets: the first one encrypts, all of them decrypt.
#[derive(Clone)]
pub(crate) struct Fernet {
    first: Key,
    others: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    sign: [u8; 16],
    encrypt: [u8; 16],
}

/// How old a token may be, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    /// The time in seconds since 1970.
    pub now: u64,
    /// How long after it was made a token is good; to the core layer ten seconds more than the
    /// messages' expiry.
    pub seconds: u64,
}

/// Why a token was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is no token at all, such as a message of a program that does not encrypt.
    Malformed,
    /// None of the keys has signed it, or it was changed: these look the same.
    Unsigned { keys: usize },
    /// It was made so many seconds too long ago.
    Expired { by: u64 },
    /// It was made so many seconds in the future.
    Future { by: u64 },
    /// What is inside was not encrypted as it should be, though the signature is good.
    Padding,
}

impl Fernet {
    /// Derives the keys, as `channels_redis` does. Without any secret nothing is encrypted.
    pub(crate) fn new<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Option<Self> {
        let mut keys = secrets.into_iter().map(|secret| Key::new(secret.as_ref()));
        Some(Self {
            first: keys.next()?,
            others: keys.collect(),
        })
    }

    /// Encrypts with the first key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Layer`] if the operating system has no random bytes.
    pub(crate) fn encrypt(&self, plain: &[u8], now: u64) -> Result<String> {
        let mut iv = [0; 16];
        getrandom::fill(&mut iv)
            .map_err(|error| Error::caused(ErrorKind::Layer, "there are no random bytes", error))?;
        Ok(self.encrypt_with(plain, now, &iv))
    }

    fn encrypt_with(&self, plain: &[u8], now: u64, iv: &[u8; 16]) -> String {
        let key = &self.first;
        let encryptor = cbc::Encryptor::<Aes128>::new(&key.encrypt.into(), &(*iv).into());
        let mut token = vec![VERSION];
        token.extend(now.to_be_bytes());
        token.extend(iv);
        token.extend(encryptor.encrypt_padded_vec::<Pkcs7>(plain));
        let signature = key.mac(&token).finalize().into_bytes();
        token.extend(signature);
        BASE64.encode(token)
    }

    /// Decrypts with the key that signed it, and checks its age if that counts.
    ///
    /// # Errors
    ///
    /// Why it is refused, which says nothing of the keys or of what is inside.
    pub(crate) fn decrypt(
        &self,
        token: &[u8],
        lifetime: Option<Lifetime>,
    ) -> Result<Vec<u8>, Refused> {
        let token = decode(token).ok_or(Refused::Malformed)?;
        let (signed, signature) = token.split_at(token.len() - SIGNATURE);
        // Compared in constant time: `Mac` does.
        let signed_it = |key: &&Key| key.mac(signed).verify_slice(signature).is_ok();
        let key = std::iter::once(&self.first)
            .chain(&self.others)
            .find(signed_it)
            .ok_or(Refused::Unsigned { keys: self.len() })?;
        if let Some(lifetime) = lifetime {
            lifetime.check(made(signed))?;
        }
        key.decrypt(signed)
    }

    fn len(&self) -> usize {
        1 + self.others.len()
    }
}

impl Key {
    fn new(secret: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let [mut sign, mut encrypt] = [[0; 16]; 2];
        sign.copy_from_slice(&digest[..16]);
        encrypt.copy_from_slice(&digest[16..]);
        Self { sign, encrypt }
    }

    fn mac(&self, signed: &[u8]) -> Hmac<Sha256> {
        // A key shorter than a block is filled up with zeros (RFC 2104 §2).
        let mut block = [0; 64];
        block[..16].copy_from_slice(&self.sign);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(signed);
        mac
    }

    fn decrypt(&self, signed: &[u8]) -> Result<Vec<u8>, Refused> {
        let (mut iv, text) = ([0; 16], &signed[TEXT..]);
        iv.copy_from_slice(&signed[IV..TEXT]);
        cbc::Decryptor::<Aes128>::new(&self.encrypt.into(), &iv.into())
            .decrypt_padded_vec::<Pkcs7>(text)
            .map_err(|_| Refused::Padding)
    }
}

/// The bytes of a token, if it is long enough to be one.
///
/// As Python has it, newlines do not count and the standard alphabet is taken as well.
fn decode(token: &[u8]) -> Option<Vec<u8>> {
    let characters = token.iter().filter_map(|byte| match byte {
        b'\r' | b'\n' => None,
        b'+' => Some(b'-'),
        b'/' => Some(b'_'),
        byte => Some(*byte),
    });
    let token = BASE64.decode(characters.collect::<Vec<_>>()).ok()?;
    (token.len() >= TEXT + SIGNATURE && token[0] == VERSION).then_some(token)
}

/// When a token was made.
fn made(signed: &[u8]) -> u64 {
    let bytes = signed[TIME..IV].iter();
    bytes.fold(0, |time, byte| time << 8 | u64::from(*byte))
}

impl Lifetime {
    fn check(self, made: u64) -> Result<(), Refused> {
        let end = made.saturating_add(self.seconds);
        let latest = self.now.saturating_add(SKEW);
        if end < self.now {
            Err(Refused::Expired { by: self.now - end })
        } else if made > latest {
            Err(Refused::Future { by: made - latest })
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Fernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fernet")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("it is not encrypted, or not as Fernet has it"),
            Self::Unsigned { keys: 1 } => {
                f.write_str("it was made with another key than ours, or changed")
            }
            Self::Unsigned { keys } => {
                write!(
                    f,
                    "it was made with another key than our {keys}, or changed"
                )
            }
            Self::Expired { by } => write!(f, "it expired {by} s ago"),
            Self::Future { by } => write!(
                f,
                "it was made {by} s further in the future than clocks may differ"
            ),
            Self::Padding => f.write_str("it was signed with our key and encrypted with another"),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::super::vectors::{self, bytes, hex, number, text};
    use super::*;

    fn fernet(secrets: &Json) -> Fernet {
        Fernet::new(secrets.as_array().expect("secrets").iter().map(bytes)).expect("some secret")
    }

    #[test]
    fn keys_are_derived_as_by_channels_redis() {
        for vector in vectors::ENCRYPTION.all::<Json>("derived_keys", 5) {
            let key = Key::new(&bytes(&vector["key"]));
            assert_eq!(key.sign[..], hex(text(&vector["sign_key_hex"])));
            assert_eq!(key.encrypt[..], hex(text(&vector["aes_key_hex"])));
            let both = [key.sign, key.encrypt].concat();
            assert_eq!(BASE64.encode(both), vector["fernet_key_b64"]);
        }
    }

    #[test]
    fn no_secrets_encrypt_nothing() {
        let mut used = 0;
        for vector in vectors::ENCRYPTION.all::<Json>("config_values", 4) {
            // A text instead of a list is refused by the type.
            if vector.get("encrypts").is_some() {
                let secrets = &vector["symmetric_encryption_keys"];
                let secrets = secrets.as_array().cloned().unwrap_or_default();
                assert!(Fernet::new(secrets.iter().map(bytes)).is_none());
                used += 1;
            }
        }
        assert_eq!(used, 2);
    }

    #[test]
    fn tokens_are_those_of_python() {
        for vector in vectors::ENCRYPTION.all::<Json>("vectors", 10) {
            let keys = fernet(&vector["keys"]);
            let (plain, token) = (hex(text(&vector["plaintext_hex"])), text(&vector["token"]));
            let iv = hex(text(&vector["iv_hex"])).try_into().expect("16 bytes");
            let time = number(&vector["token_time"]);
            assert_eq!(keys.encrypt_with(&plain, time, &iv), token);
            assert_eq!(keys.decrypt(token.as_bytes(), None), Ok(plain.clone()));
            let others = vector["opens_with"].as_array().expect("a list");
            assert_eq!(others.len(), 7);
            for other in others {
                let keys = fernet(&other[0]);
                let opened = keys.decrypt(token.as_bytes(), None);
                let expected = if other[1] == true {
                    Ok(plain.clone())
                } else {
                    Err(Refused::Unsigned { keys: keys.len() })
                };
                assert_eq!(opened, expected);
            }
        }
    }

    #[test]
    fn a_token_is_refused_at_the_age_at_which_python_refuses_it() {
        let keys = Fernet::new(["a"]).expect("a secret");
        let made = 1_700_000_000_u64;
        let token = keys.encrypt(b"text", made).expect("random bytes");
        for rule in vectors::ENCRYPTION.all::<Json>("age_rules", 9) {
            let age: i64 = number(&rule["clock_minus_token_time"]);
            let now = made.saturating_add_signed(age);
            let lifetime = Lifetime { now, seconds: 70 };
            let opened = keys.decrypt(token.as_bytes(), Some(lifetime));
            assert_eq!(opened.is_ok(), rule["core_expiry_60"], "{age}");
            assert_eq!(keys.decrypt(token.as_bytes(), None).is_ok(), rule["pubsub"]);
        }
        for (now, why) in [
            (made + 73, Refused::Expired { by: 3 }),
            (made - 65, Refused::Future { by: 5 }),
        ] {
            let lifetime = Some(Lifetime { now, seconds: 70 });
            assert_eq!(keys.decrypt(token.as_bytes(), lifetime), Err(why));
        }
    }

    #[test]
    fn what_is_damaged_is_refused_where_python_refuses_it() {
        // The key of the file's damaged tokens is the first secret.
        let keys = Fernet::new(["secret-key-one"]).expect("a secret");
        for case in vectors::ENCRYPTION.all::<Json>("damaged_tokens", 8) {
            let opened = keys.decrypt(&bytes(&case["token"]), None);
            assert_eq!(opened.is_ok(), case["opens"], "{case}: {opened:?}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let keys = Fernet::new(["very secret"]).expect("a secret");
        assert_eq!(format!("{keys:?}"), "Fernet { keys: 1, .. }");
    }

    proptest! {
        #[test]
        fn what_is_encrypted_comes_back(plain: Vec<u8>, secret: Vec<u8>, now: u64, flip: u16, bit in 0..6_u8) {
            let keys = Fernet::new([secret]).expect("a secret");
            let token = keys.encrypt(&plain, now).expect("random bytes");
            prop_assert_eq!(keys.decrypt(token.as_bytes(), Some(Lifetime { now, seconds: 0 })), Ok(plain));

            let mut raw = BASE64.decode(&token).expect("base64");
            let at = usize::from(flip) % raw.len();
            raw[at] ^= 1 << bit;
            prop_assert!(keys.decrypt(BASE64.encode(raw).as_bytes(), None).is_err());
        }

        #[test]
        fn nothing_panics(token: Vec<u8>, text in "[A-Za-z0-9_=-]{0,200}") {
            let keys = Fernet::new(["a", "b"]).expect("secrets");
            prop_assert!(keys.decrypt(&token, None).is_err());
            prop_assert!(keys.decrypt(text.as_bytes(), None).is_err());
            let begun_well = format!("gA{text}");
            prop_assert!(keys.decrypt(begun_well.as_bytes(), None).is_err());
        }
    }
}
