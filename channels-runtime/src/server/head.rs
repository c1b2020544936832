//! The head of a handshake, where it is as simple as nearly all are. Any other is left to hyper.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Uri};
use httparse::Status;

use crate::app::Body;

/// How many headers are read here; browsers send about fifteen.
const MAX_HEADERS: usize = 32;

/// Reads a GET of HTTP/1.1 that wants to upgrade and has no body. Tells how long its head is.
///
/// None for all else: what is not whole, not valid, or not simple. hyper knows what to do with it.
pub(super) fn read(bytes: &Bytes) -> Option<(Request<Body>, usize)> {
    let mut headers = [MaybeUninit::uninit(); MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    let status = parsed.parse_with_uninit_headers(bytes, &mut headers);
    let Ok(Status::Complete(length)) = status else {
        return None;
    };
    if parsed.method != Some("GET") || parsed.version != Some(1) || !wants_upgrade(&parsed) {
        return None;
    }
    let mut request = Request::new(Body::empty());
    let target = bytes.slice_ref(parsed.path?.as_bytes());
    *request.uri_mut() = Uri::from_maybe_shared(target).ok()?;
    fill(request.headers_mut(), parsed.headers, bytes)?;
    Some((request, length))
}

/// Makes [`read`] visible to the fuzz targets.
#[cfg(fuzzing)]
pub(crate) fn read_for_fuzzing(bytes: &Bytes) -> Option<(Request<Body>, usize)> {
    read(bytes)
}

fn wants_upgrade(parsed: &httparse::Request<'_, '_>) -> bool {
    let mut names = parsed.headers.iter().map(|header| header.name);
    names.any(|name| name.eq_ignore_ascii_case(header::UPGRADE.as_str()))
}

/// The values are parts of `bytes`.
fn fill(map: &mut HeaderMap, headers: &[httparse::Header<'_>], bytes: &Bytes) -> Option<()> {
    map.reserve(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(header.value)).ok()?;
        if is_for_hyper(&name, &value) {
            return None;
        }
        map.append(name, value);
    }
    Some(())
}

/// Whether a header changes how a message is read or answered: what hyper does about it.
fn is_for_hyper(name: &HeaderName, value: &HeaderValue) -> bool {
    match *name {
        header::CONTENT_LENGTH | header::TRANSFER_ENCODING => true,
        // Answered here with the 100 that must precede a 101 (RFC 9110 §7.8), which hyper does not send.
        header::EXPECT => !value.as_bytes().eq_ignore_ascii_case(b"100-continue"),
        header::CONNECTION => value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::{Arc, Mutex};

    use http::{Method, Response, Version};
    use http_body::Body as _;
    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::*;

    const HEAD: &str = "GET /ws/?a=1 HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nX: \t1 \r\nx:\r\n\r\n";

    fn read_all(head: &[u8]) -> Option<(Request<Body>, usize)> {
        read(&Bytes::copy_from_slice(head))
    }

    #[test]
    fn a_handshake_is_read() {
        let (request, length) = read_all(HEAD.as_bytes()).expect("a handshake");
        assert_eq!(length, HEAD.len());
        assert_eq!(request.method(), Method::GET);
        assert_eq!(request.uri(), "/ws/?a=1");
        assert_eq!(request.version(), Version::HTTP_11);
        assert_eq!(request.headers().len(), 6);
        assert_eq!(request.headers()["connection"], "keep-alive, Upgrade");
        assert!(request.headers().get_all("x").iter().eq(["1", ""]));
        assert!(request.body().is_end_stream());
    }

    #[test]
    fn what_is_not_simple_is_left_to_hyper() {
        let headers = "X: y\r\n".repeat(MAX_HEADERS);
        for (from, to) in [
            ("GET", "POST"),
            ("GET", "get"),
            ("GET ", "G\u{1}T "),
            ("/ws/?a=1", ""),
            ("/ws/?a=1", "/ws/ "),
            ("HTTP/1.1", "HTTP/1.0"),
            ("HTTP/1.1", "HTTP/2.0"),
            ("Upgrade: websocket\r\n", ""),
            ("Upgrade: websocket", "Upgrade : websocket"),
            ("keep-alive, Upgrade", "Upgrade, Close"),
            ("X: \t1 ", "Content-Length: 0"),
            ("X: \t1 ", "Transfer-Encoding: chunked"),
            ("X: \t1 ", "Expect: 100-continue, x"),
            ("X: \t1 ", "X: \u{1}"),
            ("X: \t1 ", "X: 1\r\n 2"),
            ("X: \t1 \r\n", headers.as_str()),
            ("x:\r\n\r\n", "x:\r\n"),
        ] {
            let head = HEAD.replacen(from, to, 1);
            assert_ne!(head, HEAD);
            assert!(read_all(head.as_bytes()).is_none(), "{head:?}");
        }
        assert!(read_all(b"").is_none());
    }

    /// The head of the first request that hyper makes of the same bytes, and whether it has no body.
    async fn by_hyper(bytes: &[u8]) -> Option<(http::request::Parts, bool)> {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(bytes).await.expect("room");
        drop(client);
        let first = Arc::new(Mutex::new(None));
        let service = service_fn(|request: Request<Incoming>| {
            let is_empty = request.body().is_end_stream();
            let mut first = first.lock().expect("no panic");
            first.get_or_insert((request.into_parts().0, is_empty));
            async { Ok::<_, Infallible>(Response::new(Body::empty())) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(server), service);
        // The client is gone: how it ends does not matter.
        let _ = connection.await;
        first.lock().expect("no panic").take()
    }

    fn head() -> impl Strategy<Value = Vec<u8>> {
        let line = r"(GET|GET|GET|POST) (/ws/|/|/a%20b\?c|\*|http://a/|/é) HTTP/1\.(1|1|1|0)";
        let header = "(Host|Upgrade|Connection|Cookie|TE|x_y|X|X|X|X|Expect|Content-Length|x |\
            Origin|Transfer-Encoding|Sec-WebSocket-(Key|Version|Protocol)|Keep-Alive|Trailer):\
            [ \t]{0,2}(websocket|a|1,2|Upgrade, CLOSE|0|chunked|é|100-continue|13|[ -~\t]{0,5})[ \t]{0,2}";
        let headers = proptest::collection::vec(header, 0..7);
        let end = prop_oneof![9 => Just("\r\n"), 1 => Just("\n")];
        let odd = proptest::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>()));
        (line, headers, any::<bool>(), end, odd).prop_map(|(line, headers, upgrade, end, odd)| {
            let mut head = line + end;
            for header in headers {
                head += &(header + end);
            }
            if upgrade {
                head = head + "upgrade: websocket" + end;
            }
            let mut head = (head + end).into_bytes();
            if let Some((at, byte)) = odd {
                let at = at.index(head.len());
                head[at] = byte;
            }
            head
        })
    }

    proptest! {
        #[test]
        fn a_head_is_read_once_it_is_whole(cut in 0..HEAD.len(), behind: Vec<u8>) {
            prop_assert!(read_all(&HEAD.as_bytes()[..cut]).is_none());
            let more = [HEAD.as_bytes(), &behind].concat();
            let (request, length) = read_all(&more).expect("a handshake");
            prop_assert_eq!((request.headers().len(), length), (6, HEAD.len()));
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = read_all(&bytes);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_read_is_what_hyper_reads(head in head()) {
            if let Some((request, _)) = read_all(&head) {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let read = runtime.block_on(by_hyper(&head));
                let (theirs, is_empty) = read.expect("a request");
                let ours = request.into_parts().0;
                prop_assert!(is_empty);
                prop_assert_eq!(ours.method, theirs.method);
                prop_assert_eq!(ours.uri, theirs.uri);
                prop_assert_eq!(ours.version, theirs.version);
                let ours: Vec<_> = ours.headers.iter().collect();
                let theirs: Vec<_> = theirs.headers.iter().collect();
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}
