//! Forms in the bodies of requests.

use std::collections::HashMap;

use bytes::Bytes;
use channels::{Form, FromBody, Json};
use serde::Deserialize;

use crate::memory::within;

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only whether it decodes matters")]
struct Fields {
    text: String,
    number: Option<i64>,
    flag: Option<bool>,
    character: Option<char>,
    float: Option<f64>,
}

type Pairs = Vec<(String, String)>;

/// The body of a request.
pub fn forms(data: &[u8]) {
    within(200 * data.len() + 16 * 1024, || check(data));
}

fn check(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let expected: Pairs = form_urlencoded::parse(data).into_owned().collect();
    let Form(pairs) = Form::<Pairs>::from_body(body.clone()).expect("any bytes are a form");
    assert_eq!(pairs, expected);
    let written = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&pairs)
        .finish();
    let Form(again) = Form::<Pairs>::from_body(written.into()).expect("a form");
    assert_eq!(again, pairs);
    let _ = Form::<HashMap<String, String>>::from_body(body.clone());
    let _ = Form::<Fields>::from_body(body.clone());
    let _ = Json::<serde_json::Value>::from_body(body.clone());
    let _ = String::from_body(body);
}
