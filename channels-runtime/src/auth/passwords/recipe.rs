//! How one password is hashed: algorithm, cost and salt, as Django writes them into the column.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bcrypt::HashParts;
use sha2::{Digest as _, Sha256};

use super::PasswordHasher;
use super::pbkdf2::{self, Digest};
use crate::{Error, ErrorKind, Result};

/// Django 5.2's default costs.
pub(super) const ITERATIONS: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();
const ARGON2: Costs = Costs {
    memory: 102_400,
    time: 2,
    lanes: 8,
};
const BCRYPT: u32 = 12;
const SCRYPT: Scrypt = Scrypt {
    log_n: 14,
    r: 8,
    p: 5,
};

/// How many characters of salt Django makes: 128 bits of letters and digits.
const SALT: usize = 22;

/// What a column may ask for at most: whoever can write it could else stop the server.
const MOST_ITERATIONS: u32 = 20_000_000;
const MOST_KIBIBYTES: u32 = 1024 * 1024;
const MOST_ROUNDS: u32 = 64;
const MOST_BCRYPT: u32 = 18;

#[derive(Clone, Debug)]
pub(super) enum Recipe {
    Argon2 {
        algorithm: Algorithm,
        costs: Costs,
        salt: Vec<u8>,
        length: usize,
    },
    BcryptSha256 {
        /// `$2b$`, or an older one.
        version: String,
        cost: u32,
        salt: [u8; 16],
    },
    Pbkdf2Sha1(Pbkdf2),
    Pbkdf2Sha256(Pbkdf2),
    Scrypt {
        costs: Scrypt,
        salt: String,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Pbkdf2 {
    iterations: NonZeroU32,
    salt: String,
}

/// Argon2's costs; the memory in KiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    memory: u32,
    time: u32,
    lanes: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Scrypt {
    log_n: u8,
    r: u32,
    p: u32,
}

impl Recipe {
    /// One for a new password.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if the operating system has no random bytes.
    pub(super) fn new(hasher: PasswordHasher, iterations: NonZeroU32) -> Result<Self> {
        let salt = new_salt()?;
        Ok(match hasher {
            PasswordHasher::Argon2 => Self::Argon2 {
                algorithm: Algorithm::Argon2id,
                costs: ARGON2,
                salt: salt.into_bytes(),
                length: 32,
            },
            PasswordHasher::BcryptSha256 => {
                let mut salt = [0; 16];
                random(&mut salt)?;
                Self::BcryptSha256 {
                    version: "$2b$".to_owned(),
                    cost: BCRYPT,
                    salt,
                }
            }
            PasswordHasher::Pbkdf2Sha1 => Self::Pbkdf2Sha1(Pbkdf2 { iterations, salt }),
            PasswordHasher::Pbkdf2Sha256 => Self::Pbkdf2Sha256(Pbkdf2 { iterations, salt }),
            PasswordHasher::Scrypt => Self::Scrypt {
                costs: SCRYPT,
                salt,
            },
        })
    }

    /// The one by which an encoded password was made; `None` for an unusable one, for what is not
    /// well-formed, and for costs beyond reason.
    pub(super) fn read(encoded: &str) -> Option<Self> {
        let (algorithm, rest) = encoded.split_once('$')?;
        match algorithm {
            "argon2" => read_argon2(rest),
            "bcrypt_sha256" => read_bcrypt(rest),
            "pbkdf2_sha1" => Pbkdf2::read(rest).map(Self::Pbkdf2Sha1),
            "pbkdf2_sha256" => Pbkdf2::read(rest).map(Self::Pbkdf2Sha256),
            "scrypt" => read_scrypt(rest),
            _ => None,
        }
    }

    pub(super) fn hasher(&self) -> PasswordHasher {
        match self {
            Self::Argon2 { .. } => PasswordHasher::Argon2,
            Self::BcryptSha256 { .. } => PasswordHasher::BcryptSha256,
            Self::Pbkdf2Sha1(_) => PasswordHasher::Pbkdf2Sha1,
            Self::Pbkdf2Sha256(_) => PasswordHasher::Pbkdf2Sha256,
            Self::Scrypt { .. } => PasswordHasher::Scrypt,
        }
    }

    /// Whether it is guessed more quickly than a new one would be.
    ///
    /// Django asks whether the costs differ. A site of a newer Django has higher ones, and the two
    /// would rewrite each other's.
    pub(super) fn is_weak(&self, iterations: NonZeroU32) -> bool {
        match self {
            Self::Argon2 {
                algorithm,
                costs,
                salt,
                ..
            } => {
                *algorithm != Algorithm::Argon2id
                    || costs.memory < ARGON2.memory
                    || costs.time < ARGON2.time
                    || salt.len() < SALT
            }
            Self::BcryptSha256 { cost, .. } => *cost < BCRYPT,
            Self::Pbkdf2Sha1(recipe) | Self::Pbkdf2Sha256(recipe) => {
                recipe.iterations < iterations || recipe.salt.chars().count() < SALT
            }
            // Before 5.1 Django has `p` at one, and would take the five back at its next login.
            Self::Scrypt { costs, .. } => costs.log_n < SCRYPT.log_n || costs.r < SCRYPT.r,
        }
    }

    /// What is to be done after a wrong guess, so that it takes as long as at today's cost.
    pub(super) fn missing_iterations(&self, iterations: NonZeroU32) -> Option<Self> {
        let rest = |recipe: &Pbkdf2| {
            let missing = iterations.get().saturating_sub(recipe.iterations.get());
            Some(Pbkdf2 {
                iterations: NonZeroU32::new(missing)?,
                salt: recipe.salt.clone(),
            })
        };
        match self {
            Self::Pbkdf2Sha1(recipe) => rest(recipe).map(Self::Pbkdf2Sha1),
            Self::Pbkdf2Sha256(recipe) => rest(recipe).map(Self::Pbkdf2Sha256),
            Self::Argon2 { .. } | Self::BcryptSha256 { .. } | Self::Scrypt { .. } => None,
        }
    }

    /// Encodes a password by it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] if there is no memory for it.
    pub(super) fn encode(&self, password: &str) -> Result<String> {
        match self {
            Self::Argon2 {
                algorithm,
                costs,
                salt,
                length,
            } => argon2(*algorithm, *costs, salt, *length, password),
            Self::BcryptSha256 {
                version,
                cost,
                salt,
            } => {
                let password = hex(&Sha256::digest(password));
                let hash = bcrypt::hash_with_salt(password, *cost, *salt).map_err(failed)?;
                let hash = hash.to_string();
                Ok(format!(
                    "bcrypt_sha256${version}{}",
                    hash.get(4..).unwrap_or_default()
                ))
            }
            Self::Pbkdf2Sha1(Pbkdf2 { iterations, salt }) => {
                let mut hash = [0; 20];
                let (password, bytes) = (password.as_bytes(), salt.as_bytes());
                pbkdf2::derive(Digest::Sha1, password, bytes, *iterations, &mut hash);
                Ok(format!(
                    "pbkdf2_sha1${iterations}${salt}${}",
                    STANDARD.encode(hash)
                ))
            }
            Self::Pbkdf2Sha256(Pbkdf2 { iterations, salt }) => {
                let mut hash = [0; 32];
                let (password, bytes) = (password.as_bytes(), salt.as_bytes());
                pbkdf2::derive(Digest::Sha256, password, bytes, *iterations, &mut hash);
                Ok(format!(
                    "pbkdf2_sha256${iterations}${salt}${}",
                    STANDARD.encode(hash)
                ))
            }
            Self::Scrypt { costs, salt } => {
                let Scrypt { log_n, r, p } = *costs;
                let params = scrypt::Params::new(log_n, r, p).map_err(failed)?;
                let mut hash = [0; 64];
                scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &params, &mut hash)
                    .map_err(failed)?;
                let n = 1_u64 << log_n;
                Ok(format!(
                    "scrypt${n}${salt}${r}${p}${}",
                    STANDARD.encode(hash)
                ))
            }
        }
    }
}

fn argon2(
    algorithm: Algorithm,
    costs: Costs,
    salt: &[u8],
    length: usize,
    password: &str,
) -> Result<String> {
    let Costs {
        memory,
        time,
        lanes,
    } = costs;
    let params = Params::new(memory, time, lanes, Some(length)).map_err(failed)?;
    let mut hash = vec![0; length];
    Argon2::new(algorithm, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .map_err(failed)?;
    Ok(format!(
        "argon2${algorithm}$v=19$m={memory},t={time},p={lanes}${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(hash),
    ))
}

/// `argon2id$v=19$m=102400,t=2,p=8$SALT$HASH`.
fn read_argon2(text: &str) -> Option<Recipe> {
    let [algorithm, "v=19", costs, salt, hash] = fields(text)? else {
        return None;
    };
    let algorithm = algorithm.parse().ok()?;
    let mut costs = costs.split(',');
    let mut cost = |name: &str, most| number(costs.next()?.strip_prefix(name)?, most);
    let costs = Costs {
        memory: cost("m=", MOST_KIBIBYTES)?,
        time: cost("t=", MOST_ROUNDS)?,
        lanes: cost("p=", MOST_ROUNDS)?,
    };
    let length = STANDARD_NO_PAD.decode(hash).ok()?.len();
    (4..=64).contains(&length).then_some(Recipe::Argon2 {
        algorithm,
        costs,
        salt: STANDARD_NO_PAD.decode(salt).ok()?,
        length,
    })
}

/// `$2b$12$` and 53 characters of salt and hash.
fn read_bcrypt(text: &str) -> Option<Recipe> {
    let parts: HashParts = text.parse().ok()?;
    let cost = parts.get_cost();
    (cost <= MOST_BCRYPT).then_some(Recipe::BcryptSha256 {
        version: text.get(..4)?.to_owned(),
        cost,
        salt: parts.get_salt_raw(),
    })
}

/// `16384$SALT$8$5$HASH`.
fn read_scrypt(text: &str) -> Option<Recipe> {
    let [n, salt, r, p, _] = fields(text)?;
    let n = number(n, MOST_KIBIBYTES)?;
    let (r, p) = (number(r, MOST_ROUNDS)?, number(p, MOST_ROUNDS)?);
    let kibibytes = u64::from(n) * u64::from(r) * 128 / 1024;
    let is_good = n.is_power_of_two() && kibibytes <= u64::from(MOST_KIBIBYTES);
    is_good.then_some(Recipe::Scrypt {
        costs: Scrypt {
            log_n: n.trailing_zeros().try_into().ok()?,
            r,
            p,
        },
        salt: salt.to_owned(),
    })
}

impl Pbkdf2 {
    /// `1000000$SALT$HASH`.
    fn read(text: &str) -> Option<Self> {
        let (iterations, rest) = text.split_once('$')?;
        let (salt, _) = rest.split_once('$')?;
        Some(Self {
            iterations: NonZeroU32::new(number(iterations, MOST_ITERATIONS)?)?,
            salt: salt.to_owned(),
        })
    }
}

fn fields<const N: usize>(text: &str) -> Option<[&str; N]> {
    let fields: Vec<_> = text.split('$').collect();
    fields.try_into().ok()
}

fn number(text: &str, most: u32) -> Option<u32> {
    text.parse()
        .ok()
        .filter(|number| (1..=most).contains(number))
}

/// Django's salt: letters and digits.
fn new_salt() -> Result<String> {
    const CHARACTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut salt = String::with_capacity(SALT);
    let mut bytes = [0; SALT];
    while salt.len() < SALT {
        random(&mut bytes)?;
        // 248 is four times 62: so all are equally likely.
        let fair = bytes.iter().filter(|&&byte| byte < 248);
        let characters = fair.map(|byte| char::from(CHARACTERS[usize::from(byte % 62)]));
        salt.extend(characters.take(SALT - salt.len()));
    }
    Ok(salt)
}

fn random(bytes: &mut [u8]) -> Result {
    getrandom::fill(bytes).map_err(failed)
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    digits.collect()
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("a password cannot be hashed: {error}"),
    )
}
