//! Access to private code for the fuzz targets in `fuzz/`. It exists only under `cfg(fuzzing)`.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::io::DuplexStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::Service as _;

use crate::app::Body;
use crate::event::Value;
use crate::layer::{Format, Members};
use crate::routing::ProtocolTypeRouter;
use crate::scope::ConnectInfo;
use crate::session::{SessionData, salted_hmac};
use crate::{Event, FromEvent as _, Payload, Scope, SecretKeys, TrustedProxies};

pub use crate::routing::{Matched, match_path};

/// Reads the head of a handshake as the server does without hyper.
pub fn read_head(bytes: &Bytes) -> Option<(Request<Body>, usize)> {
    crate::server::read_head(bytes)
}

/// Serves an application on one connection in process until the connection ends.
pub async fn serve(stream: DuplexStream, app: ProtocolTypeRouter) {
    let limits = app.context().limits().clone();
    let service = service_fn(move |request: Request<Incoming>| app.clone().call(request));
    let stop = watch::Sender::new(());
    let begun = Instant::now();
    crate::server::serve_http(stream, service, &limits, begun, stop.subscribe()).await;
}

/// The scope of a request.
pub fn scope(mut parts: request::Parts) -> Scope {
    Scope::from_parts_lossy(&mut parts)
}

/// What a request that came from a peer says about its client: the address, whether its
/// connection is encrypted, and its host.
pub fn behind_proxies(
    proxies: &TrustedProxies,
    peer: SocketAddr,
    mut request: Request<()>,
) -> (Option<SocketAddr>, bool, Option<String>) {
    let info = ConnectInfo {
        client: Some(peer),
        ..ConnectInfo::default()
    };
    request.extensions_mut().insert(info);
    if proxies.apply(&mut request).is_err() {
        // The request is refused, so nothing of it counts.
        return (Some(peer), false, None);
    }
    let info: ConnectInfo = request.extensions_mut().remove().unwrap_or_default();
    (info.client, info.secure, info.host.map(Into::into))
}

/// Checks that a msgpack value that is read is written and read again without a change.
pub fn msgpack(bytes: &[u8]) {
    check_format(Format::MsgPack, Format::Json, bytes);
}

/// Checks the same for JSON.
pub fn json(bytes: &[u8]) {
    check_format(Format::Json, Format::MsgPack, bytes);
}

/// Reads a member of a queue of the core layer.
pub fn member(bytes: &[u8]) {
    if let Ok(received) = Members::default().read(bytes, None) {
        check_event(received.event);
    }
}

fn check_format(format: Format, other: Format, bytes: &[u8]) {
    let Ok(value) = format.read(bytes) else {
        return;
    };
    let written = format.write(&value).expect("what was read is written");
    check_rereads(format, &written);
    if let Ok(written) = other.write(&value) {
        check_rereads(other, &written);
    }
    if let Value::Map(fields) = value
        && let Ok(event) = Event::from_fields(fields)
    {
        check_event(event);
    }
}

/// Compares bytes, not values: a NaN does not equal itself.
fn check_rereads(format: Format, written: &[u8]) {
    let again = format.read(written).expect("what was written is read");
    assert_eq!(format.write(&again).expect("it was written"), written);
}

fn check_event(event: Event) {
    let fields = event
        .to_fields()
        .expect("an event that was read has fields");
    let again = Event::from_fields(fields).expect("the fields of an event are an event");
    assert_eq!(again.event_type(), event.event_type());
    if let Ok(json) = event.to_json() {
        Event::from_json(json).expect("JSON that was written is read");
    }
    // Bytes, floats that are not numbers and large integers are not JSON: an error is allowed.
    let _ = Payload::<serde_json::Value>::from_event(event);
}

/// Salt of the sessions that the targets sign.
const SALT: &str = "fuzz";

/// Reads a signed text as a session.
pub fn session_of_signed(text: &str) {
    let read = SecretKeys::new("key").read(SALT, text);
    assert!(read.is_err() || is_signed(text), "{text:?}");
}

/// Signs a payload, whatever it is, and reads it as a session.
pub fn session_of_payload(payload: &str) {
    let signed = format!("{payload}:1r31eq");
    let text = format!("{signed}:{}", signature(&signed));
    if let Ok(data) = SecretKeys::new("key").read(SALT, &text) {
        check_session(&data);
    }
}

/// Reads a text as the JSON of a session.
pub fn session_of_json(text: &str) {
    if let Some(data) = SessionData::from_json(text) {
        check_session(&data);
    }
}

fn check_session(data: &SessionData) {
    let json = data.to_json();
    assert_eq!(SessionData::from_json(&json).as_ref(), Some(data));
    let keys = SecretKeys::new("key");
    let signed = keys.sign(SALT, &json, std::time::UNIX_EPOCH);
    assert_eq!(keys.read(SALT, &signed).ok().as_ref(), Some(data));
    let mut changed = data.clone();
    for key in data.keys() {
        let _ = data.get::<serde_json::Value>(&key);
        changed.insert(&key, &1).ok();
    }
    changed.insert("new", &[1]).ok();
    assert!(SessionData::from_json(&changed.to_json()).is_some());
    changed.remove("new");
    assert!(SessionData::from_json(&changed.to_json()).is_some());
}

fn is_signed(text: &str) -> bool {
    let parts = text.rsplit_once(':');
    parts.is_some_and(|(signed, given)| signature(signed) == given)
}

fn signature(signed: &str) -> String {
    URL_SAFE_NO_PAD.encode(salted_hmac(&[SALT, "signer"], "key", signed))
}
