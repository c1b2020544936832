//! Users who come with tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use channels::prelude::*;
use channels::testing::{HttpCommunicator, WebsocketCommunicator};
use channels::{
    AuthMiddlewareStack, JwtVerifier, Middleware, Scope, TokenAuthMiddleware, TokenVerifier,
    Verified,
};
use http::header;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::support::within;
use super::{Browser, TestSite, ask, sockets};

struct Tokens;

impl TokenVerifier for Tokens {
    async fn verify(&self, token: &str, _scope: &Scope) -> Result<Option<Verified>> {
        match token {
            "one" => Ok(Some(Verified::user_id("1"))),
            "brief" => {
                let soon = SystemTime::now() + Duration::from_millis(200);
                Ok(Some(Verified::user_id("1").until(soon)))
            }
            "nobody" => Ok(Some(Verified::user_id("99"))),
            "down" => Err(Error::unavailable("no answer")),
            _ => Ok(None),
        }
    }
}

async fn app() -> (TestSite, ProtocolTypeRouter) {
    let site = TestSite::new();
    site.add_user("alice", "secret").await;
    let app = site
        .app()
        .websocket(TokenAuthMiddleware::new(Tokens).around(AuthMiddlewareStack::new(sockets())));
    (site, app)
}

#[tokio::test]
async fn a_token_says_who_is_there() {
    within(async {
        let (_, app) = app().await;
        let bearer = |value: &str| {
            WebsocketCommunicator::new(&app, "/ws/?who").header("authorization", value)
        };
        for (value, expected) in [
            ("Bearer one", Ok("[alice]")),
            ("bEARER  one", Ok("[alice]")),
            ("Bearer nobody", Ok("[]")),
            ("Basic b25lOm9uZQ==", Ok("[]")),
            ("Bearer", Err(401)),
            ("Bearer two", Err(401)),
            ("Bearer down", Err(503)),
        ] {
            let mut socket = bearer(value);
            match (socket.connect().await, expected) {
                (Ok(_), Ok(expected)) => {
                    assert_eq!(ask(&mut socket, "who").await, expected, "{value}");
                }
                (Err(refused), Err(status)) => {
                    assert_eq!(refused.status().as_u16(), status, "{value}");
                    let asks = refused
                        .response()
                        .headers()
                        .contains_key(header::WWW_AUTHENTICATE);
                    assert_eq!(asks, status == 401);
                }
                (other, _) => panic!("{value}: {other:?}"),
            }
        }
    })
    .await;
}

/// A script in a browser cannot set headers.
#[tokio::test]
async fn a_token_may_be_a_subprotocol() {
    within(async {
        let (_, app) = app().await;
        let mut socket =
            WebsocketCommunicator::new(&app, "/ws/").subprotocols(&["chat", "bearer", "one"]);
        let accepted = socket.connect().await.expect("a socket");
        assert_eq!(accepted.subprotocol.as_deref(), Some("bearer"));
        assert_eq!(ask(&mut socket, "who").await, "[alice]");
        let mut socket = WebsocketCommunicator::new(&app, "/ws/").subprotocols(&["bearer", "two"]);
        let refused = socket.connect().await.expect_err("no such token");
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        let mut socket = WebsocketCommunicator::new(&app, "/ws/").subprotocols(&["bearer"]);
        socket.connect().await.expect("a socket without a token");
        assert_eq!(ask(&mut socket, "who").await, "[]");
    })
    .await;
}

/// RFC 6750 §3.1. A token that cannot be read is not absent: the session must not take its place.
#[tokio::test]
async fn one_token_is_given_and_it_can_be_read() {
    within(async {
        let (_, app) = app().await;
        let mut browser = Browser::new(&app);
        browser.log_in("alice", "secret").await;
        for (headers, status) in [
            (&[("authorization", &b"Bearer one\xff"[..])][..], 401),
            (&[("authorization", b"Bearer \xff")], 401),
            (&[("authorization", b"bearer one two")], 401),
            (&[("authorization", b"Bearer\ttwo")], 401),
            (
                &[
                    ("authorization", b"Bearer one"),
                    ("authorization", b"Bearer one"),
                ],
                400,
            ),
            (
                &[
                    ("authorization", b"Bearer one"),
                    ("authorization", b"Bearer two"),
                ],
                400,
            ),
            (
                &[
                    ("authorization", b"Bearer one"),
                    ("authorization", b"Bearer \xff"),
                ],
                401,
            ),
            (
                &[
                    ("authorization", b"Bearer one"),
                    ("sec-websocket-protocol", b"bearer, one"),
                ],
                400,
            ),
            (
                &[
                    ("authorization", b"Bearer two"),
                    ("sec-websocket-protocol", b"bearer, one"),
                ],
                400,
            ),
            (&[("sec-websocket-protocol", b"bearer, one\xff")], 400),
            (
                &[("sec-websocket-protocol", b"bearer, one, bearer, two")],
                400,
            ),
        ] as [(&[(&str, &[u8])], u16); 11]
        {
            let mut socket = browser.socket("/ws/?who");
            for (name, value) in headers {
                socket = socket.header_bytes(name, value);
            }
            let refused = socket.connect().await.expect_err("no socket");
            assert_eq!(refused.status(), status, "{headers:?}");
        }
        // The same for pages, and for handshakes that go on to them.
        let pages = URLRouter::new().path("who/", super::Who::app());
        let app =
            app.http(TokenAuthMiddleware::new(Tokens).around(AuthMiddlewareStack::new(pages)));
        for (headers, status) in [
            (&[][..], 200),
            (&[("authorization", &b"Bearer"[..])][..], 401),
            (&[("authorization", b"Bearer  ")], 401),
            (&[("authorization", b"Bearer one\xff")], 401),
            (
                &[("sec-websocket-protocol", b"bearer, abc/def=")],
                200, // no socket is asked for
            ),
            (
                &[
                    ("upgrade", b"websocket"),
                    ("sec-websocket-protocol", b"bearer, abc/def="),
                ],
                400,
            ),
            (
                &[
                    ("upgrade", b"websocket"),
                    ("sec-websocket-protocol", b"bearer, two"),
                ],
                401,
            ),
        ] as [(&[(&str, &[u8])], u16); 7]
        {
            let mut page = HttpCommunicator::get(&app, "/who/").header("cookie", &browser.cookie());
            for (name, value) in headers {
                page = page.header_bytes(name, value);
            }
            let response = page.response().await.expect("a response");
            assert_eq!(response.status(), status, "{headers:?}");
        }
        // Another scheme beside it is not a token.
        let mut socket = WebsocketCommunicator::new(&app, "/ws/?who")
            .header("authorization", "Basic b25lOm9uZQ==")
            .subprotocols(&["bearer", "one"]);
        socket.connect().await.expect("a socket");
        assert_eq!(ask(&mut socket, "who").await, "[alice]");
    })
    .await;
}

#[tokio::test]
async fn who_has_no_token_may_have_a_session() {
    within(async {
        let (_, app) = app().await;
        let mut browser = Browser::new(&app);
        browser.log_in("alice", "secret").await;
        let mut socket = browser.open("/ws/").await;
        assert_eq!(ask(&mut socket, "who").await, "[alice]");
    })
    .await;
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    within(async {
        let (_, app) = app().await;
        let mut socket =
            WebsocketCommunicator::new(&app, "/ws/?who").header("authorization", "Bearer brief");
        socket.connect().await.expect("a socket");
        let frame = socket.closed().await.expect("an end").expect("a frame");
        assert_eq!(frame.code, CloseCode::POLICY_VIOLATION);
    })
    .await;
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

fn hs256(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::default(), claims, &key).expect("a token")
}

async fn verified(verifier: &JwtVerifier, token: &str) -> bool {
    let middleware = TokenAuthMiddleware::new(verifier.clone());
    let app = TestSite::new()
        .app()
        .websocket(middleware.around(sockets()));
    let bearer = format!("Bearer {token}");
    let mut socket = WebsocketCommunicator::new(&app, "/ws/").header("authorization", &bearer);
    match socket.connect().await {
        Ok(_) => true,
        Err(refused) => {
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
            false
        }
    }
}

#[tokio::test]
async fn json_web_tokens_are_taken_as_they_should() {
    within(async {
        let verifier = JwtVerifier::hs256("key")
            .user_id_claim("user_id")
            .issuer("us")
            .audience("chat");
        let good = json!({"user_id": 1, "exp": now() + 60, "iss": "us", "aud": "chat"});
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            if claims[name].is_null() {
                claims.as_object_mut().expect("an object").remove(name);
            }
            claims
        };
        for (claims, is_good) in [
            (good.clone(), true),
            (with("user_id", json!("7")), true),
            (with("aud", json!(["other", "chat"])), true),
            (with("exp", json!(now() - 30)), true),
            (with("exp", json!(now() - 3600)), false),
            (with("exp", Value::Null), false),
            (with("exp", json!("soon")), false),
            (with("nbf", json!(now() + 3600)), false),
            (with("iss", json!("them")), false),
            (with("iss", Value::Null), false),
            (with("aud", json!("other")), false),
            (with("aud", Value::Null), false),
            (with("user_id", Value::Null), false),
            (with("user_id", json!([1])), false),
        ] {
            let token = hs256(&claims, "key");
            assert_eq!(verified(&verifier, &token).await, is_good, "{claims}");
        }
        let foreign = hs256(&good, "another key");
        let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ1c2VyX2lkIjoxfQ.";
        let header = Header::new(Algorithm::HS512);
        let other = encode(&header, &good, &EncodingKey::from_secret(b"key")).expect("a token");
        for token in [foreign.as_str(), unsigned, &other, "a.b.c", "x"] {
            assert!(!verified(&verifier, token).await, "{token}");
        }
    })
    .await;
}

/// What is signed with the same key for something else is no such token.
#[tokio::test]
async fn json_web_tokens_may_have_to_claim_something() {
    within(async {
        let verifier = JwtVerifier::hs256("key")
            .claim("token_type", "access")
            .claim("level", 2);
        let good = json!({"sub": 1, "exp": now() + 60, "token_type": "access", "level": 2});
        for (name, value, is_good) in [
            ("more", json!(true), true),
            ("token_type", json!("refresh"), false),
            ("token_type", json!(["access"]), false),
            ("token_type", Value::Null, false),
            ("level", json!("2"), false),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            let token = hs256(&claims, "key");
            assert_eq!(verified(&verifier, &token).await, is_good, "{claims}");
        }
        let without = json!({"sub": 1, "exp": now() + 60, "level": 2});
        assert!(!verified(&verifier, &hs256(&without, "key")).await);
    })
    .await;
}

/// RFC 7515 §4.1.11: what has to be understood, and is not, makes a token invalid.
#[tokio::test]
async fn json_web_tokens_with_critical_extensions_are_refused() {
    within(async {
        let verifier = JwtVerifier::hs256("key");
        let claims = json!({"sub": 1, "exp": now() + 60});
        let sign = |header: Value| {
            let part = |value: &Value| base64url(value.to_string().as_bytes());
            let signed = format!("{}.{}", part(&header), part(&claims));
            let key = EncodingKey::from_secret(b"key");
            let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Algorithm::HS256);
            format!("{signed}.{}", signature.expect("a signature"))
        };
        for (header, is_good) in [
            (json!({"alg": "HS256"}), true),
            (json!({"alg": "HS256", "typ": "JWT", "x": [1]}), true),
            (json!({"alg": "HS256", "crit": ["exp"]}), false),
            (json!({"alg": "HS256", "crit": ["b64"], "b64": true}), false),
            (json!({"alg": "HS256", "crit": ["x"], "x": 1}), false),
            (json!({"alg": "HS256", "crit": []}), false),
            (json!({"alg": "HS256", "crit": null}), false),
            (json!({"alg": "HS256", "crit": "x"}), false),
            (json!({"alg": "HS256", "crit": {}}), false),
        ] {
            let token = sign(header.clone());
            assert_eq!(verified(&verifier, &token).await, is_good, "{header}");
        }
    })
    .await;
}

/// The library reads an audience that is neither a text nor a list as none at all.
#[tokio::test]
async fn json_web_tokens_for_an_unreadable_audience_are_refused() {
    within(async {
        let verifier = JwtVerifier::hs256("key");
        for (audience, is_good) in [
            (Value::Null, true),
            (json!("chat"), false),
            (json!(["chat"]), false),
            (json!(7), false),
            (json!({"name": "chat"}), false),
            (json!([7]), false),
        ] {
            let claims = json!({"sub": 1, "exp": now() + 60, "aud": audience});
            let token = hs256(&claims, "key");
            assert_eq!(verified(&verifier, &token).await, is_good, "{claims}");
        }
    })
    .await;
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[bits >> (18 - 6 * digit) & 63]));
        }
    }
    text
}

/// As it is read from a variable that is not set.
#[test]
fn an_empty_secret_is_refused_at_start_up() {
    for (secret, is_good) in [("", false), ("key", true)] {
        let tokens = TokenAuthMiddleware::new(JwtVerifier::hs256(secret));
        let app = TestSite::new().app().websocket(tokens.around(sockets()));
        match app.check() {
            Ok(()) => assert!(is_good),
            Err(error) => {
                assert!(!is_good, "{error}");
                assert_eq!(error.kind(), ErrorKind::Config);
            }
        }
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for error in [
        JwtVerifier::rs256("no key").expect_err("no key"),
        JwtVerifier::es256("").expect_err("no key"),
        JwtVerifier::eddsa("-----BEGIN PUBLIC KEY-----").expect_err("no key"),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}
