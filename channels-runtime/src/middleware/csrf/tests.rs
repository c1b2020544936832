use http::Request;
use serde_json::Value;

use super::secret::{is_same, mask, new_secret, unmask};
use super::*;
use crate::ErrorKind;
use crate::scope::ConnectInfo;

fn vectors(name: &str) -> Vec<Value> {
    let vectors = include_str!("../../../../tests/interop/csrf.json");
    let vectors: Value = serde_json::from_str(vectors).expect("JSON");
    vectors[name].as_array().expect("a list").clone()
}

#[test]
fn tokens_are_djangos() {
    let vectors = vectors("vectors");
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().expect("a text");
        assert_eq!(mask(text("secret"), text("mask")), text("masked_token"));
        assert_eq!(unmask(text("masked_token")).as_deref(), Ok(text("secret")));
    }
}

fn scope(vector: &Value) -> Scope {
    let mut request = Request::builder().method(vector["method"].as_str().unwrap_or("POST"));
    let headers = [
        ("host", "host"),
        ("x-csrftoken", "header"),
        ("origin", "origin"),
        ("referer", "referer"),
    ];
    for (header, name) in headers {
        if let Some(value) = vector[name].as_str() {
            request = request.header(header, value);
        }
    }
    if let Some(cookie) = vector["cookie"].as_str() {
        request = request.header("cookie", format!("a=b; csrftoken={cookie}"));
    }
    let info = ConnectInfo {
        secure: vector["secure"] == true,
        ..ConnectInfo::default()
    };
    let request = request.extension(info).body(());
    let (mut parts, ()) = request.expect("a request").into_parts();
    Scope::from_parts_lossy(&mut parts)
}

#[test]
fn requests_are_judged_as_by_django() {
    let vectors = vectors("requests");
    assert_eq!(vectors.len(), 24);
    for vector in vectors {
        let trusted = vector["trusted"].as_array().cloned().unwrap_or_default();
        let trusted = trusted
            .iter()
            .map(|origin| origin.as_str().expect("a text"));
        let middleware = CsrfMiddleware::new()
            .trusted_origins(trusted)
            .expect("origins");
        let scope = scope(&vector);
        let verdict = if is_unsafe(scope.method()) {
            middleware.check(&scope, b"")
        } else {
            Ok(())
        };
        assert_eq!(vector["accepted"], verdict.is_ok(), "{vector} {verdict:?}");
    }
}

#[test]
fn a_form_holds_the_token_as_well() {
    let vector = vectors("requests").swap_remove(2);
    assert_eq!(vector["id"], "no token");
    let scope = scope(&vector);
    let secret = vector["cookie"].as_str().expect("a text");
    let token = mask(secret, &new_secret().expect("random bytes"));
    let middleware = CsrfMiddleware::new();
    for (form, is_good) in [
        (format!("a=b&csrfmiddlewaretoken={token}&c=d"), true),
        (format!("csrfmiddlewaretoken={secret}"), true),
        (format!("csrfmiddlewaretoken=&x={token}"), false),
        (format!("csrfmiddlewaretoken={}", &token[1..]), false),
        (String::new(), false),
    ] {
        let verdict = middleware.check(&scope, form.as_bytes());
        assert_eq!(verdict.is_ok(), is_good, "{form} {verdict:?}");
    }
}

#[test]
fn a_token_is_another_text_each_time() {
    let token = CsrfToken::of_cookie(None);
    assert_eq!(token.to_set(), None);
    let (one, other) = (token.value().expect("one"), token.value().expect("other"));
    assert_ne!(one, other);
    let secret = token.to_set().expect("a secret");
    assert!(is_same(&unmask(&one).expect("a token"), &secret));
    assert!(is_same(&unmask(&other).expect("a token"), &secret));
    token.rotate().expect("a new one");
    assert_ne!(token.to_set().expect("a secret"), secret);
    let kept = CsrfToken::of_cookie(Some(&secret));
    assert_eq!(
        kept.to_set(),
        None,
        "a cookie that nobody uses is not set again"
    );
}

#[test]
fn origins_that_cannot_match_are_refused() {
    for wrong in [
        "",
        "example.org",
        "//example.org",
        "ws://example.org",
        "https://",
        "https://*",
        "https://*.",
        "https://*example.org",
        "https://a.*.org",
        "https://example.org/",
        "https://example.org:x",
        "https://[::1",
        "https://u@example.org",
    ] {
        let error = CsrfMiddleware::new().trusted_origins([wrong]);
        assert_eq!(error.expect_err(wrong).kind(), ErrorKind::Config);
    }
}
