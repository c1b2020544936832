//! Cookies: the header of a request, and what an answer sets.

use channels::{Scope, SetCookie};
use channels_runtime::__fuzz;
use http::{HeaderValue, Request};

use crate::support::line;

/// The first line is the name of a cookie, the second one its value, the rest a `Cookie` header.
pub fn cookies(mut data: &[u8]) {
    let (name, value) = (line(&mut data), line(&mut data));
    if let Ok(header) = HeaderValue::from_bytes(data) {
        check_header(&scope(header));
    }
    let name = String::from_utf8_lossy(name);
    let value: String = value.iter().copied().map(char::from).collect();
    if let Ok(cookie) = SetCookie::new(&*name, &value) {
        check_cookie(&cookie, &value);
    }
}

fn check_header(scope: &Scope) {
    let all: Vec<_> = scope.cookies().collect();
    for (name, _) in &all {
        let last = all.iter().rfind(|(other, _)| other == name);
        let value = scope.cookie(name);
        assert_eq!(value.as_deref(), last.map(|(_, value)| &**value));
    }
}

/// A value does not become an attribute or a header, and comes back unchanged.
fn check_cookie(cookie: &SetCookie, value: &str) {
    let text = cookie.to_string();
    assert!(
        text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{text:?}"
    );
    let sent = text
        .strip_suffix("; Path=/")
        .or(text.strip_suffix("; Path=/; Secure"));
    let sent = sent.expect("only the attributes that are set");
    assert!(!sent.contains(';'), "{text:?}");
    let header = HeaderValue::from_str(sent).expect("a header");
    assert_eq!(scope(header).cookie(cookie.name()).as_deref(), Some(value));
}

fn scope(header: HeaderValue) -> Scope {
    let request = Request::get("/").header("cookie", header).body(());
    __fuzz::scope(request.expect("a request").into_parts().0)
}
