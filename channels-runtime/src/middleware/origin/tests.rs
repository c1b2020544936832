//! The verdicts of Channels, and what reaches the application.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Vectors {
    origin_validator: Vec<Origins>,
    allowed_hosts_origin_validator: Vec<Hosts>,
}

#[derive(Deserialize)]
struct Origins {
    allowed_origins: Vec<String>,
    verdicts: Verdicts,
}

#[derive(Deserialize)]
struct Hosts {
    #[serde(rename = "ALLOWED_HOSTS")]
    allowed: Vec<String>,
    #[serde(rename = "DEBUG")]
    debug: bool,
    verdicts: Verdicts,
}

/// By outcome, the values of the header `Origin`, as often as it stands.
type Verdicts = BTreeMap<String, Vec<Vec<String>>>;

fn vectors() -> Vectors {
    let text = include_str!("../../../../tests/interop/allowed_hosts.json");
    serde_json::from_str(text).expect("the vectors")
}

/// A scope with these headers, as Latin-1.
fn scope(origins: &[String]) -> Scope {
    let mut request = http::Request::get("/");
    for origin in origins {
        let bytes: Vec<u8> = origin
            .chars()
            .map(|c| u8::try_from(c).expect("Latin-1"))
            .collect();
        request = request.header("origin", bytes);
    }
    let (mut parts, ()) = request.body(()).expect("a request").into_parts();
    Scope::from_parts_lossy(&mut parts)
}

/// Compares all verdicts, and tells how many there are. Where Channels raises, we deny.
fn compare(validator: &OriginValidator, verdicts: &Verdicts, what: &str) -> usize {
    for (outcome, headers) in verdicts {
        for origins in headers {
            let origin = origin(&scope(origins));
            let allowed = validator.allows(origin.as_deref());
            assert_eq!(
                allowed,
                outcome == "allowed",
                "{what}: {origins:?}: {outcome}"
            );
        }
    }
    verdicts.values().map(Vec::len).sum()
}

#[test]
fn every_verdict_is_that_of_channels() {
    let vectors = vectors().origin_validator;
    assert_eq!(vectors.len(), 35);
    let mut compared = 0;
    for Origins {
        allowed_origins,
        verdicts,
    } in &vectors
    {
        let patterns = allowed_origins.iter().map(|text| match text.as_str() {
            "*" => Ok(Pattern::Any),
            text => Pattern::read(text),
        });
        let what = format!("{allowed_origins:?}");
        if let Ok(patterns) = patterns.collect() {
            compared += compare(&OriginValidator { patterns }, verdicts, &what);
        } else {
            assert_eq!(allowed_origins, &["http://[::1"]);
            assert!(!verdicts.contains_key("allowed"), "{what}");
            compared += 61;
        }
    }
    assert_eq!(compared, 35 * 61);
}

#[test]
fn a_list_that_cannot_match_as_it_is_written_is_refused() {
    let lists = vectors()
        .origin_validator
        .into_iter()
        .map(|vector| vector.allowed_origins);
    let refused: Vec<_> = lists
        .filter(|list| OriginValidator::new(list).is_err())
        .collect();
    let expected: &[&[&str]] = &[
        &["*.example.com"],
        &["example.com:8000"],
        &["localhost:8000"],
        &["https://example.com:443/x"],
        &["wss://example.com"],
        &["http://example.com:bad"],
        &["http://[::1"],
        &["null"],
        &[""],
        &["//example.com"],
        &["http://"],
        &["bücher.example"],
        &["http://example.com:bad", "*"],
        &["*", "http://example.com:bad"],
    ];
    assert_eq!(refused, expected);
}

#[test]
fn allowed_hosts_have_the_verdicts_of_channels() {
    let vectors = vectors().allowed_hosts_origin_validator;
    let mut compared = 0;
    for Hosts {
        allowed,
        debug,
        verdicts,
    } in &vectors
    {
        let validator = if *debug && allowed.is_empty() {
            AllowedHostsOriginValidator::localhost()
        } else {
            AllowedHostsOriginValidator::new(allowed).expect("a validator")
        };
        compared += compare(&validator.0, verdicts, &format!("{allowed:?} {debug}"));
    }
    assert_eq!((vectors.len(), compared), (5, 5 * 61));
}

#[test]
fn an_allowed_host_has_no_scheme() {
    let error =
        AllowedHostsOriginValidator::new(["https://example.com:8000"]).expect_err("a scheme");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().ends_with("write `example.com`"),
        "{error}"
    );
}

#[cfg(feature = "testing")]
mod through_the_application {
    use super::*;
    use crate::app::{Answering, Handshake, HttpApp, HttpRequest, WebSocketApp};
    use crate::testing::HttpCommunicator;
    use crate::{ProtocolTypeRouter, Result};

    /// Answers everything with 204, for what comes so far.
    struct Reached;

    impl HttpApp for Reached {
        fn answer(&self, request: HttpRequest) -> Answering<'_> {
            request.deny(StatusCode::NO_CONTENT)
        }
    }

    impl WebSocketApp for Reached {
        fn answer(&self, handshake: Handshake) -> Answering<'_> {
            handshake.deny(StatusCode::NO_CONTENT)
        }
    }

    async fn status(
        app: &ProtocolTypeRouter,
        method: Method,
        headers: &[(&str, &str)],
    ) -> Result<u16> {
        let mut client = HttpCommunicator::new(app, method, "/").header("host", "example.com");
        for (name, value) in headers {
            client = client.header(name, value);
        }
        Ok(client.response().await?.status().as_u16())
    }

    const HANDSHAKE: [(&str, &str); 4] = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    async fn handshake(app: &ProtocolTypeRouter, origin: Option<&str>) -> Result<u16> {
        let origin = origin.map(|origin| ("origin", origin));
        let headers: Vec<_> = HANDSHAKE.into_iter().chain(origin).collect();
        status(app, Method::GET, &headers).await
    }

    #[tokio::test]
    async fn a_handshake_of_another_origin_is_refused_before_the_application() -> Result {
        let origins = OriginValidator::new(["https://example.com"])?;
        let app = ProtocolTypeRouter::new().websocket(origins.around(Reached));
        assert_eq!(handshake(&app, Some("https://example.com")).await?, 204);
        for origin in [
            None,
            Some("https://evil.org"),
            Some("null"),
            Some("https://[::1"),
            Some("https://example.com:x"),
        ] {
            assert_eq!(handshake(&app, origin).await?, 403, "{origin:?}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_plain_request_that_changes_nothing_needs_no_origin() -> Result {
        let origins = OriginValidator::new([".example.com"])?;
        let app = ProtocolTypeRouter::new().http(origins.around(Reached));
        let own = [("origin", "http://a.example.com")];
        let other = [("origin", "http://evil.org")];
        for method in [
            Method::GET,
            Method::HEAD,
            Method::OPTIONS,
            Method::POST,
            Method::DELETE,
        ] {
            let safe = !matches!(method, Method::POST | Method::DELETE);
            let without = status(&app, method.clone(), &[]).await?;
            assert_eq!(without, if safe { 204 } else { 403 }, "{method}");
            assert_eq!(status(&app, method.clone(), &own).await?, 204, "{method}");
            assert_eq!(status(&app, method.clone(), &other).await?, 403, "{method}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn the_same_origin_is_that_of_the_host() -> Result {
        let app = ProtocolTypeRouter::new()
            .websocket(SameOriginValidator.around(Reached))
            .http(SameOriginValidator.around(Reached));
        for (origin, expected) in [
            (None, 204),
            (Some("http://example.com"), 204),
            (Some("https://example.com"), 204),
            (Some("http://evil.org"), 403),
            (Some("null"), 403),
        ] {
            assert_eq!(handshake(&app, origin).await?, expected, "{origin:?}");
            let headers: Vec<_> = origin
                .map(|origin| ("origin", origin))
                .into_iter()
                .collect();
            assert_eq!(
                status(&app, Method::POST, &headers).await?,
                expected,
                "{origin:?}"
            );
        }
        Ok(())
    }
}
