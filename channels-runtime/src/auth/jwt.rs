//! JSON Web Tokens (RFC 7519).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};

use super::token::{TokenVerifier, Verified};
use crate::{Error, ErrorKind, Result, Scope};

/// Takes JSON Web Tokens that were signed with a known key: a [`TokenVerifier`].
///
/// A token has to say when it ends (`exp`), and whose it is: the primary key of one of the site's
/// users, in `sub` or another [claim](Self::user_id_claim). The algorithm is the verifier's, whatever
/// the token says. Clocks may differ by a minute.
///
/// Where tokens for several uses are signed with one key, a [claim](Self::claim) says which these are:
/// without, a refresh token counts as well.
///
/// A token whose header has `crit` is refused: no extension is supported (RFC 7515 §4.1.11).
///
/// # Examples
///
/// ```
/// use channels_runtime::{JwtVerifier, TokenAuthMiddleware};
///
/// // What `djangorestframework-simplejwt` makes with its defaults.
/// let verifier = JwtVerifier::hs256("the SECRET_KEY")
///     .user_id_claim("user_id")
///     .claim("token_type", "access");
/// let tokens = TokenAuthMiddleware::new(verifier);
/// ```
#[derive(Clone)]
pub struct JwtVerifier(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    key: DecodingKey,
    validation: Validation,
    user_id: String,
    /// What a token has to say besides.
    claims: Vec<(String, Value)>,
    /// Whether everybody knows the secret.
    is_open: bool,
}

impl JwtVerifier {
    /// Tokens that were signed with a shared secret: HMAC with SHA-256.
    ///
    /// An application with an empty secret does not start ([`ErrorKind::Config`]).
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        Self::new(DecodingKey::from_secret(secret), Algorithm::HS256)
            .with(|inner| inner.is_open = secret.is_empty())
    }

    /// Tokens that were signed by the owner of an RSA key, which is public in this PEM text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the text is no such key.
    pub fn rs256(pem: impl AsRef<[u8]>) -> Result<Self> {
        let key = DecodingKey::from_rsa_pem(pem.as_ref()).map_err(no_key)?;
        Ok(Self::new(key, Algorithm::RS256))
    }

    /// Tokens that were signed by the owner of a key on the curve P-256, which is public in this PEM
    /// text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the text is no such key.
    pub fn es256(pem: impl AsRef<[u8]>) -> Result<Self> {
        let key = DecodingKey::from_ec_pem(pem.as_ref()).map_err(no_key)?;
        Ok(Self::new(key, Algorithm::ES256))
    }

    /// Tokens that were signed by the owner of an Ed25519 key, which is public in this PEM text.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the text is no such key.
    pub fn eddsa(pem: impl AsRef<[u8]>) -> Result<Self> {
        let key = DecodingKey::from_ed_pem(pem.as_ref()).map_err(no_key)?;
        Ok(Self::new(key, Algorithm::EdDSA))
    }

    fn new(key: DecodingKey, algorithm: Algorithm) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.validate_nbf = true;
        Self(Arc::new(Inner {
            key,
            validation,
            user_id: "sub".to_owned(),
            claims: Vec::new(),
            is_open: false,
        }))
    }

    /// Only tokens of this issuer (`iss`).
    #[must_use]
    pub fn issuer(self, issuer: &str) -> Self {
        self.with(|inner| {
            inner.validation.set_issuer(&[issuer]);
            require(&mut inner.validation, "iss");
        })
    }

    /// Only tokens for this audience (`aud`). Without one, tokens that are for somebody do not count.
    #[must_use]
    pub fn audience(self, audience: &str) -> Self {
        self.with(|inner| {
            inner.validation.set_audience(&[audience]);
            require(&mut inner.validation, "aud");
        })
    }

    /// The claim that holds the primary key of the user, a text or a number, instead of `sub`.
    #[must_use]
    pub fn user_id_claim(self, claim: &str) -> Self {
        self.with(|inner| claim.clone_into(&mut inner.user_id))
    }

    /// Only tokens in which this claim has this value: a text, a number, or any JSON.
    #[must_use]
    pub fn claim(self, name: &str, value: impl Into<Value>) -> Self {
        self.with(|inner| inner.claims.push((name.to_owned(), value.into())))
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    fn read(&self, token: &str) -> Option<Verified> {
        let Inner {
            key,
            validation,
            user_id,
            claims: required,
            ..
        } = &*self.0;
        let claims = match decode::<Map<String, Value>>(token, key, validation) {
            Ok(token) => token.claims,
            Err(error) => {
                tracing::debug!(%error, "a token does not count");
                return None;
            }
        };
        if let Err(reason) = check_extensions(token) {
            tracing::debug!(reason, "token refused");
            return None;
        }
        // The library passes over an audience that is neither a text nor a list.
        if validation.aud.is_none() && claims.get("aud").is_some_and(|aud| !is_empty(aud)) {
            tracing::debug!("token refused: it is for an audience, and none is configured");
            return None;
        }
        let lacks = |(name, value): &&(String, Value)| claims.get(name) != Some(value);
        if let Some((claim, _)) = required.iter().find(lacks) {
            tracing::debug!(claim, "a token does not count");
            return None;
        }
        let id = match claims.get(user_id)? {
            Value::String(id) => id.clone(),
            Value::Number(id) => id.to_string(),
            _ => return None,
        };
        // Where it is a fraction of a second, the whole one counts.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "out of range it saturates"
        )]
        let end = claims.get("exp")?.as_f64()? as u64;
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(end));
        let verified = Verified::user_id(id);
        Some(match end {
            Some(end) => verified.until(end + LEEWAY),
            // So far away that no clock tells it.
            None => verified,
        })
    }
}

/// As long as the library's own: a token that was taken is not over at once.
const LEEWAY: Duration = Duration::from_secs(60);

impl TokenVerifier for JwtVerifier {
    async fn verify(&self, token: &str, _scope: &Scope) -> Result<Option<Verified>> {
        Ok(self.read(token))
    }

    fn needs_users(&self) -> bool {
        true
    }

    fn check(&self) -> Result {
        if self.0.is_open {
            let what =
                "the secret of a `JwtVerifier` is empty; it has to be one that nobody guesses";
            return Err(Error::new(ErrorKind::Config, what));
        }
        Ok(())
    }
}

/// Refuses extensions that have to be understood: none are (RFC 7515 §4.1.11). The library ignores `crit`.
fn check_extensions(token: &str) -> Result<(), &'static str> {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| "header")?;
    let header: Map<String, Value> = serde_json::from_slice(&header).map_err(|_| "header")?;
    if header.contains_key("crit") {
        return Err("its header has `crit`: extensions are not supported");
    }
    Ok(())
}

/// Whether a claim has no value.
fn is_empty(claim: &Value) -> bool {
    claim.is_null() || claim.as_array().is_some_and(Vec::is_empty)
}

fn require(validation: &mut Validation, claim: &str) {
    validation.required_spec_claims.insert(claim.to_owned());
}

fn no_key(error: jsonwebtoken::errors::Error) -> Error {
    Error::caused(
        ErrorKind::Config,
        "this is no public key of the algorithm",
        error,
    )
}

impl fmt::Debug for JwtVerifier {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtVerifier").finish_non_exhaustive()
    }
}
