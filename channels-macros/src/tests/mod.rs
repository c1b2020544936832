//! In-process tests: lowering mistakes, and snapshots of expansions.

#![expect(
    clippy::needless_pass_by_value,
    clippy::needless_raw_string_hashes,
    reason = "`expect![…]` is passed and written by rules of its own"
)]

mod argument_diagnostics;
mod diagnostics;
mod expansion;
mod readable;

use expect_test::Expect;
use proc_macro2::TokenStream;

/// Compares what an expansion says is wrong.
fn check(expansion: TokenStream, expected: Expect) {
    expected.assert_eq(&messages(expansion).join("\n"));
}

fn parse(source: &str) -> TokenStream {
    source.parse().unwrap_or_default()
}

/// What an expansion says is wrong: the messages of its `compile_error!`s, in order.
fn messages(expansion: TokenStream) -> Vec<String> {
    let mut messages = Vec::new();
    let mut tokens = expansion.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_error = token.to_string() == "compile_error";
        if is_error {
            tokens.next();
            let argument = tokens
                .next()
                .map(|group| group.to_string())
                .unwrap_or_default();
            let literal = argument.trim_matches(['{', '}', ' ']);
            let literal: Result<syn::LitStr, _> = syn::parse_str(literal);
            messages.extend(literal.map(|literal| literal.value()));
        }
    }
    messages
}
