//! `docs/hardening.md` lists every field of `Limits`, and the tests that it names exist.

use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
}

/// The names of the public fields of the struct `Limits`.
fn fields(source: &str) -> Vec<&str> {
    let (_, body) = source
        .split_once("pub struct Limits {")
        .expect("the struct");
    let (body, _) = body.split_once("\n}").expect("its end");
    let lines = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub "));
    lines
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect()
}

#[test]
fn each_limit_is_on_the_hardening_page() {
    let source = read("channels-runtime/src/limits.rs");
    let page = read("docs/hardening.md");
    let fields = fields(&source);
    assert!(fields.len() >= 13, "{fields:?}");
    let missing: Vec<_> = fields
        .iter()
        .filter(|field| !page.contains(&format!("\n| `{field}` |")))
        .collect();
    assert!(missing.is_empty(), "docs/hardening.md lacks {missing:?}");
}

/// The tests that the page names: the path of a file, and of a function in it.
fn tests(page: &str) -> Vec<(&str, &str)> {
    let quoted = page.split('`').skip(1).step_by(2);
    let tests = quoted.filter_map(|text| text.split_once(".rs::"));
    tests.collect()
}

#[test]
fn each_test_on_the_hardening_page_exists() {
    let page = read("docs/hardening.md");
    let tests = tests(&page);
    assert!(tests.len() >= 30, "{tests:?}");
    for (file, name) in tests {
        let source = read(&format!("{file}.rs"));
        assert!(source.contains(&format!("fn {name}(")), "{file}.rs::{name}");
    }
}
