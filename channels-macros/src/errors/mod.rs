//! The diagnostics: all of them are collected, and each has its one constructor here.
//!
//! A diagnostic points at the tokens that have to change. Its first line says which rule they
//! break, its second line what to write instead. The wording is part of the interface: each has a
//! test under `tests/ui/fail`.

mod block;
mod event;
mod marker;
mod options;
mod relay;
mod signature;

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Error;

pub(crate) use self::{block::*, event::*, marker::*, options::*, relay::*, signature::*};

/// The mistakes found so far, in the order in which they were found.
#[derive(Default)]
#[must_use = "mistakes that are not emitted are lost"]
pub(crate) struct Errors {
    mistakes: Vec<Mistake>,
    has_renamed_marker: bool,
}

struct Mistake {
    error: Error,
    /// The `#[cfg(…)]`s of what it is about.
    conditions: Vec<TokenStream>,
}

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        self.push_under(Vec::new(), error);
    }

    /// Reports a method whose marker may have another name here.
    pub(crate) fn push_renamed_marker(&mut self, error: Error) {
        self.has_renamed_marker = true;
        self.push(error);
    }

    pub(crate) fn has_renamed_marker(&self) -> bool {
        self.has_renamed_marker
    }

    /// Reports what is a mistake only if all of the conditions hold, which rustc knows.
    pub(crate) fn push_under(&mut self, conditions: Vec<TokenStream>, error: Error) {
        self.mistakes.push(Mistake { error, conditions });
    }

    /// Keeps the error of a result, and passes its value on.
    pub(crate) fn check<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn count(&self) -> usize {
        self.mistakes.len()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.mistakes
            .into_iter()
            .map(Mistake::into_tokens)
            .collect()
    }
}

impl Mistake {
    fn into_tokens(self) -> TokenStream {
        let Self { error, conditions } = self;
        let one = |error: Error| {
            let error = error.to_compile_error();
            quote!(#(#conditions)* #error)
        };
        error.into_iter().map(one).collect()
    }
}

/// A diagnostic at a place.
fn at(span: Span, rule: impl Display, help: impl Display) -> Error {
    Error::new(span, format!("{rule}\n  help: {help}"))
}

/// A diagnostic that underlines some tokens from the first to the last.
fn over(tokens: impl ToTokens, rule: impl Display, help: impl Display) -> Error {
    Error::new_spanned(tokens, format!("{rule}\n  help: {help}"))
}

/// "`a`, `b` or `c`".
fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [init @ .., last] if !init.is_empty() => format!("{} or {last}", init.join(", ")),
        words => words.concat(),
    }
}

/// Source text of tokens, close to how the user wrote it.
fn text(tokens: &impl ToTokens) -> String {
    let text = tokens.to_token_stream().to_string();
    [
        (" :: ", "::"),
        (":: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
    ]
    .iter()
    .fold(text, |text, (from, to)| text.replace(from, to))
}
