//! JSON Web Tokens: a token counts only if its signature, its algorithm and its claims are right.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use channels::{JwtVerifier, TokenVerifier};
use channels_runtime::__fuzz;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use serde_json::Value;
use sha2::Sha256;

use crate::support::{block_on, line};

const SECRET: &[u8] = b"a secret that nobody knows";

/// The first byte says whether the rest is a token, or a header (its first line) and claims that are
/// signed here.
pub fn jwt(data: &[u8]) {
    let Some((kind, mut data)) = data.split_first() else {
        return;
    };
    if kind % 2 == 0 {
        let token = String::from_utf8_lossy(data);
        assert!(!counts(&token), "nobody has signed {token:?}");
        return;
    }
    let (header, claims) = (line(&mut data), data);
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any length is a key");
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    if counts(&format!("{signed}.{signature}")) {
        check_header(header);
        check_claims(claims);
    }
}

fn counts(token: &str) -> bool {
    let request = Request::get("/").body(()).expect("a request");
    let scope = __fuzz::scope(request.into_parts().0);
    let verifier = JwtVerifier::hs256(SECRET);
    block_on(verifier.verify(token, &scope))
        .expect("it never fails")
        .is_some()
}

fn check_header(header: &[u8]) {
    let header: Value = serde_json::from_slice(header).expect("a header that counts is JSON");
    assert_eq!(header["alg"], "HS256");
}

fn check_claims(claims: &[u8]) {
    let claims: Value = serde_json::from_slice(claims).expect("claims that count are JSON");
    assert!(claims["sub"].is_string() || claims["sub"].is_number());
    let end = claims["exp"]
        .as_f64()
        .expect("a token that counts has an end");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let leeway = Duration::from_secs(61);
    assert!(end >= now.saturating_sub(leeway).as_secs_f64(), "{end}");
    assert!(
        claims.get("aud").is_none(),
        "the token is for somebody else"
    );
}
