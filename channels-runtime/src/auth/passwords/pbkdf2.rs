//! PBKDF2 (RFC 8018), by the implementation that is faster in this build.

use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use sha1::Sha1;
use sha2::Sha256;

/// The hash function under PBKDF2's HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
}

/// Who computes it.
///
/// The `pbkdf2` crate is the faster one when it is optimized. A program's debug build compiles its
/// dependencies without optimization, which makes that crate 15 to 35 times slower; ring's inner loop is
/// assembly, so it loses less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Implementation {
    RustCrypto,
    Ring,
}

/// Derives a key as long as `key` from a password.
pub(super) fn derive(
    digest: Digest,
    password: &[u8],
    salt: &[u8],
    iterations: NonZeroU32,
    key: &mut [u8],
) {
    static FASTER: OnceLock<Implementation> = OnceLock::new();
    let implementation = *FASTER.get_or_init(faster);
    implementation.derive(digest, password, salt, iterations, key);
}

impl Implementation {
    fn derive(
        self,
        digest: Digest,
        password: &[u8],
        salt: &[u8],
        iterations: NonZeroU32,
        key: &mut [u8],
    ) {
        match (self, digest) {
            (Self::RustCrypto, Digest::Sha1) => {
                pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations.get(), key);
            }
            (Self::RustCrypto, Digest::Sha256) => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations.get(), key);
            }
            (Self::Ring, Digest::Sha1) => {
                let algorithm = ring::pbkdf2::PBKDF2_HMAC_SHA1;
                ring::pbkdf2::derive(algorithm, iterations, salt, password, key);
            }
            (Self::Ring, Digest::Sha256) => {
                let algorithm = ring::pbkdf2::PBKDF2_HMAC_SHA256;
                ring::pbkdf2::derive(algorithm, iterations, salt, password, key);
            }
        }
    }

    /// How long a thousandth of a usual hash takes: the shortest of three, so that an interrupted one
    /// does not count.
    fn time(self) -> Duration {
        let iterations = NonZeroU32::new(1000).unwrap_or(NonZeroU32::MIN);
        let times = (0..3).map(|_| {
            let begun = Instant::now();
            let mut key = [0; 32];
            self.derive(Digest::Sha256, b"password", b"salt", iterations, &mut key);
            begun.elapsed()
        });
        times.min().unwrap_or_default()
    }
}

fn faster() -> Implementation {
    if Implementation::Ring.time() < Implementation::RustCrypto.time() {
        Implementation::Ring
    } else {
        Implementation::RustCrypto
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_implementations_derive_the_same_keys() {
        for digest in [Digest::Sha1, Digest::Sha256] {
            for iterations in [1, 2, 100] {
                for length in [20, 32, 64] {
                    for password in ["", "secret", "pässword", &"x".repeat(1000)] {
                        let key = |implementation: Implementation| {
                            let mut key = vec![0; length];
                            let iterations = NonZeroU32::new(iterations).expect("more than none");
                            let password = password.as_bytes();
                            implementation.derive(digest, password, b"salt", iterations, &mut key);
                            key
                        };
                        assert_eq!(key(Implementation::Ring), key(Implementation::RustCrypto));
                    }
                }
            }
        }
    }
}
