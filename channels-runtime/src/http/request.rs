//! The body of a request: read within its limits, and what `handle` can take of it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use crate::app::{Body, Context, refusal};
use crate::limits::Limits;
use crate::memory::Account;
use crate::pace::is_stalled;
use crate::stats::Stats;
use crate::{Error, ErrorKind, Headers, Json, Result};

/// What a `handle` handler can take: [`Bytes`], `Vec<u8>`, [`String`], [`Json<T>`] or
/// [`Form<T>`](crate::Form).
///
/// A body that does not parse is answered with 400.
#[diagnostic::on_unimplemented(
    message = "`handle` cannot take `{Self}`",
    label = "not a kind of body",
    note = "take `Bytes` or `Vec<u8>`, `String`, `Json<T>` or `Form<T>`"
)]
pub trait FromBody: Sized {
    /// Makes the parameter from the request's body.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidPayload`] (400) for a body that does not parse.
    fn from_body(body: Bytes) -> Result<Self>;
}

impl FromBody for Bytes {
    fn from_body(body: Bytes) -> Result<Self> {
        Ok(body)
    }
}

impl FromBody for Vec<u8> {
    fn from_body(body: Bytes) -> Result<Self> {
        Ok(body.into())
    }
}

impl FromBody for String {
    fn from_body(body: Bytes) -> Result<Self> {
        Self::from_utf8(body.into()).map_err(|error| {
            Error::caused(ErrorKind::InvalidPayload, "the body is not UTF-8", error)
        })
    }
}

impl<T: DeserializeOwned> FromBody for Json<T> {
    fn from_body(body: Bytes) -> Result<Self> {
        serde_json::from_slice(&body).map(Json).map_err(|error| {
            let message = "the body is not the JSON that is expected";
            Error::caused(ErrorKind::InvalidPayload, message, error)
        })
    }
}

/// Memory that is reserved for a body before any of it has come, in bytes.
const RESERVED: usize = 64 * 1024;

/// Reads a whole body, or says what the client is to be answered instead.
pub(crate) async fn read(
    mut body: Body,
    headers: &Headers,
    context: &Context,
) -> Result<Bytes, Response<Body>> {
    let limits = &*context.limits;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.body_bytes {
        // A client that asked first sends nothing after a refusal.
        if headers.get(header::EXPECT.as_str()).is_none() {
            read_away(body, limits);
        }
        return Err(too_large(limits));
    }
    let reserved = BytesMut::with_capacity(announced.min(RESERVED));
    let collected = collect(&mut body, reserved, limits, &context.stats);
    match collected.await {
        Ok(Collected::Whole(bytes)) => Ok(bytes),
        Ok(Collected::TooLarge) => {
            read_away(body, limits);
            Err(too_large(limits))
        }
        Ok(Collected::NoMemory) => {
            context.stats.memory().refuse("body of a request");
            read_away(body, limits);
            Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "out of memory\n"))
        }
        Err(error) if is_stalled(&error) => Err(refusal(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not come in in time\n",
        )),
        Err(error) => {
            tracing::debug!(%error, "a request's body did not come in");
            Err(refusal(
                StatusCode::BAD_REQUEST,
                "the body did not come in\n",
            ))
        }
    }
}

enum Collected {
    Whole(Bytes),
    TooLarge,
    NoMemory,
}

/// Collects the body, unless it is too large, or the server has no memory for it. It is in the total of
/// the server while it is collected.
async fn collect(
    body: &mut Body,
    mut bytes: BytesMut,
    limits: &Limits,
    stats: &Arc<Stats>,
) -> Result<Collected, crate::BoxError> {
    let mut account = Account::new(Arc::clone(stats));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limits.body_bytes {
            return Ok(Collected::TooLarge);
        }
        if account.memory().is_exhausted() {
            return Ok(Collected::NoMemory);
        }
        bytes.extend_from_slice(&data);
        account.settle(bytes.capacity());
    }
    Ok(Collected::Whole(bytes.freeze()))
}

/// Reads what a refused client still sends, for a while: were the connection reset at once, the
/// reset would overtake the refusal.
fn read_away(mut body: Body, limits: &Limits) {
    let timeout = limits.close_timeout;
    let reading = async move { while let Some(Ok(_)) = body.frame().await {} };
    tokio::spawn(async move {
        if tokio::time::timeout(timeout, reading).await.is_err() {
            tracing::debug!("a client went on sending what was refused");
        }
    });
}

fn too_large(limits: &Limits) -> Response<Body> {
    let text = format!("the body may have {} bytes\n", limits.body_bytes);
    refusal(StatusCode::PAYLOAD_TOO_LARGE, text)
}
