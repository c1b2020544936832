//! What must not compile, and what the compiler says of it.
//!
//! Bless with `TRYBUILD=overwrite cargo test --test ui`, then read the diff: each `.stderr` holds
//! the intended errors alone, each at the token that has to change.

#[test]
fn mistakes_are_reported_where_they_are() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*/*.rs");
}
