use super::*;

fn scope_of(target: &str) -> Scope {
    scope(http::Request::get(target)).expect("a scope")
}

fn scope(request: request::Builder) -> Result<Scope> {
    Scope::from_parts(&mut request.body(()).expect("a request").into_parts().0)
}

#[test]
fn the_request_is_read_once() {
    let request = http::Request::get("/chat/%C3%A9t%C3%A9/?page=2")
        .header("sec-websocket-protocol", "v2, v1")
        .header("sec-websocket-protocol", "v0,,");
    let scope = scope(request).expect("a scope");
    assert_eq!(scope.path(), "/chat/été/");
    assert_eq!(scope.raw_path(), "/chat/%C3%A9t%C3%A9/");
    assert_eq!(scope.query_string(), "page=2");
    assert_eq!(scope.subprotocols(), ["v2", "v1", "v0"]);
    let plain = scope_of("/chat/?");
    assert_eq!(
        (plain.path(), plain.raw_path(), plain.query_string()),
        ("/chat/", "/chat/", "")
    );
}

#[test]
fn the_protocol_and_the_host_are_known() {
    let parts = |request: request::Builder| request.body(()).expect("a request").into_parts().0;
    let request = || http::Request::get("/").header("host", "a.example:8000");
    let secure = |secure| ConnectInfo {
        secure,
        ..ConnectInfo::default()
    };
    for (is_secure, websocket, http) in [(false, "ws", "http"), (true, "wss", "https")] {
        let handshake = scope(request().extension(secure(is_secure))).expect("a scope");
        let plain = request().extension(secure(is_secure));
        let plain = Scope::from_parts_lossy(&mut parts(plain));
        assert_eq!((handshake.scheme(), plain.scheme()), (websocket, http));
        assert_eq!(
            (handshake.is_secure(), plain.is_secure()),
            (is_secure, is_secure)
        );
        assert_eq!(plain.host(), Some("a.example:8000"));
        assert_eq!(plain.http_version(), Version::HTTP_11);
    }
    let by_proxy = ConnectInfo {
        host: Some("b.example".into()),
        ..ConnectInfo::default()
    };
    let by_proxy = scope(request().extension(by_proxy)).expect("a scope");
    assert_eq!(by_proxy.host(), Some("b.example"));
    let second = http::Request::get("http://c.example/").version(Version::HTTP_2);
    let second = Scope::from_parts_lossy(&mut parts(second));
    assert_eq!(
        (second.host(), second.http_version()),
        (Some("c.example"), Version::HTTP_2)
    );
    assert_eq!(scope_of("/").host(), None);
}

#[test]
fn a_path_that_is_no_text_is_refused() {
    assert!(scope(http::Request::get("/%FF/")).is_err());
}
