use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

fn kwargs(pairs: &[(&str, &str)]) -> Kwargs {
    let mut kwargs = Kwargs::default();
    for (name, text) in pairs {
        kwargs.insert(Arc::from(*name), (*text).into());
    }
    kwargs
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Order {
    Newest,
    Oldest,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Number(u8);

#[derive(Debug, Deserialize, PartialEq)]
struct Captured {
    room: String,
    page: u32,
    scale: f32,
    open: bool,
    letter: char,
    number: Number,
    order: Order,
    given: Option<i64>,
    absent: Option<i64>,
    #[serde(default)]
    size: usize,
}

const GOOD: [(&str, &str); 9] = [
    ("room", "été"),
    ("page", "7"),
    ("scale", "1.5"),
    ("open", "true"),
    ("letter", "é"),
    ("number", "255"),
    ("order", "newest"),
    ("given", "-3"),
    ("more", "of no interest"),
];

#[test]
fn a_struct_is_read_field_by_field() {
    let expected = Captured {
        room: "été".into(),
        page: 7,
        scale: 1.5,
        open: true,
        letter: 'é',
        number: Number(255),
        order: Order::Newest,
        given: Some(-3),
        absent: None,
        size: 0,
    };
    assert_eq!(
        from_kwargs::<Captured>(&kwargs(&GOOD)).expect("read"),
        expected
    );
    let map: BTreeMap<String, String> = from_kwargs(&kwargs(&GOOD)).expect("a map");
    assert_eq!(map["page"], "7");
    from_kwargs::<()>(&kwargs(&[])).expect("nothing is asked for");
}

#[test]
fn a_text_that_does_not_fit_names_its_field() {
    let cases = [
        ("page", "-1", "`page` is `-1`: that is no u32"),
        (
            "page",
            "4294967296",
            "`page` is `4294967296`: that is no u32",
        ),
        ("scale", "x", "`scale` is `x`: that is no f32"),
        ("open", "yes", "`open` is `yes`: that is no bool"),
        ("letter", "ab", "`letter` is `ab`: that is no char"),
        ("number", "256", "`number` is `256`: that is no u8"),
        ("given", "", "`given` is ``: that is no i64"),
        (
            "order",
            "best",
            "`order` is `best`: unknown variant `best`, expected `newest` or `oldest`",
        ),
    ];
    for (name, text, message) in cases {
        let mut kwargs = kwargs(&GOOD);
        kwargs.insert(name.into(), text.into());
        let error = from_kwargs::<Captured>(&kwargs).expect_err(message);
        assert_eq!(error.kind(), ErrorKind::Route, "{message}");
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn what_no_path_can_give_is_the_programs_mistake() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is never read")]
    struct Nested {
        room: Vec<String>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "it is never read")]
    struct Strict {
        room: String,
    }
    let room = kwargs(&[("room", "a"), ("page", "1")]);
    let cases = [
        (
            from_kwargs::<Captured>(&kwargs(&GOOD[..1])).map(|_| ()),
            "the route captures no `page`; it captures: [room]",
        ),
        (
            from_kwargs::<Nested>(&room).map(|_| ()),
            "`room`: a sequence cannot be read from the text of a path",
        ),
        (
            from_kwargs::<Strict>(&room).map(|_| ()),
            "the route captures `page`, which is none of the fields [room]",
        ),
        (
            from_kwargs::<u32>(&room).map(|_| ()),
            "what a route captures is no u32, but map",
        ),
    ];
    for (read, message) in cases {
        let error = read.expect_err(message);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), ErrorKind::Config, "{message}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(name in "[a-z]{1,6}", text in "\\PC{0,12}") {
        let kwargs = kwargs(&[(&name, &text), ("page", &text), ("order", &text)]);
        if let Err(error) = from_kwargs::<Captured>(&kwargs) {
            prop_assert!(!error.to_string().is_empty());
        }
        let map: BTreeMap<String, String> = from_kwargs(&kwargs).expect("texts");
        prop_assert_eq!(&map["page"], &text);
    }
}
