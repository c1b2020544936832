//! The bodies of requests, good and bad.

use channels::prelude::*;
use channels::testing::HttpCommunicator;

use crate::ended;

/// The three kinds of bodies, one consumer for each.
#[consumer(http)]
#[derive(Default)]
pub(crate) struct TakesText;

#[consumer]
impl TakesText {
    async fn handle(&mut self, http: &mut HttpExchange, text: String) -> Result {
        http.send_response(StatusCode::OK, text).await
    }
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[consumer(http)]
#[derive(Default)]
struct TakesJson;

#[consumer]
impl TakesJson {
    fn handle(&mut self, Json(named): Json<Named>, http: &mut BlockingHttpExchange) -> Result {
        http.send_response(StatusCode::OK, named.name)
    }
}

async fn post(app: &ProtocolTypeRouter, path: &str, body: &'static [u8]) -> (u16, String) {
    let response = HttpCommunicator::post(app, path)
        .body(body)
        .response()
        .await;
    let response = response.expect("a response");
    let text = String::from_utf8_lossy(response.body()).into_owned();
    (response.status().as_u16(), text)
}

#[tokio::test]
async fn a_body_that_does_not_parse_is_a_400() {
    let mut limits = Limits::default();
    limits.body_bytes = 100;
    let routes = URLRouter::new()
        .path("text/", TakesText::app())
        .path("json/", TakesJson::app());
    let app = ProtocolTypeRouter::new().http(routes).limits(limits);
    assert_eq!(
        post(&app, "/text/", b"\xC3\xA9t\xC3\xA9").await,
        (200, "été".into())
    );
    assert_eq!(post(&app, "/text/", b"").await, (200, String::new()));
    let not_text = (400, "the body is not UTF-8\n".to_owned());
    assert_eq!(post(&app, "/text/", b"\xFF").await, not_text);

    assert_eq!(
        post(&app, "/json/", br#"{"name":"Ann"}"#).await,
        (200, "Ann".into())
    );
    let not_json = (
        400,
        "the body is not the JSON that is expected\n".to_owned(),
    );
    for bad in [
        &b""[..],
        b"{",
        b"{\"name\":1}",
        b"{}",
        b"\xFF",
        b"{\"name\":\"x\"} y",
    ] {
        assert_eq!(post(&app, "/json/", bad).await, not_json, "{bad:?}");
    }

    let too_large = (413, "the body may have 100 bytes\n".to_owned());
    assert_eq!(post(&app, "/text/", &[b'x'; 100]).await.0, 200);
    assert_eq!(post(&app, "/text/", &[b'x'; 101]).await, too_large);
    ended(&app).await;
}
