//! The head of a request: what we read is what hyper reads.

use std::cell::RefCell;
use std::convert::Infallible;

use bytes::Bytes;
use channels_runtime::__fuzz::read_head;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

/// Bytes that a client sends before anything else.
pub fn head(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let Some((request, length)) = read_head(&bytes) else {
        return;
    };
    assert!(length <= data.len());
    let (theirs, is_empty) = crate::support::block_on(by_hyper(data)).expect("hyper reads it too");
    let ours = request.into_parts().0;
    assert!(is_empty);
    assert_eq!(ours.method, theirs.method);
    assert_eq!(ours.uri, theirs.uri);
    assert_eq!(ours.version, theirs.version);
    assert!(ours.headers.iter().eq(theirs.headers.iter()));
}

/// The head of the first request that hyper makes of the same bytes, and whether it has no body.
async fn by_hyper(bytes: &[u8]) -> Option<(http::request::Parts, bool)> {
    let (mut client, server) = tokio::io::duplex(bytes.len().max(1));
    client.write_all(bytes).await.expect("there is room");
    drop(client);
    let first = RefCell::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        let is_empty = request.body().is_end_stream();
        first
            .borrow_mut()
            .get_or_insert((request.into_parts().0, is_empty));
        async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
    // The client has closed the connection: an error is expected.
    let _ = connection.await;
    first.into_inner()
}
