//! Mistakes in the signatures of handlers.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::{Attribute, Error, Generics, Lifetime, PatType, Receiver, WhereClause};

use super::{at, over};

pub(crate) fn qualifier(token: impl ToTokens, word: &str) -> Error {
    over(
        token,
        "handlers cannot be `unsafe`, `const` or `extern`",
        format!("remove `{word}`"),
    )
}

pub(crate) fn generic_handler(generics: &Generics) -> Error {
    over(
        generics,
        "handlers cannot be generic: the dispatch table has one entry for each",
        "name the types, or move the parameters to the `impl` block",
    )
}

pub(crate) fn where_on_handler(clause: &WhereClause) -> Error {
    over(
        clause,
        "handlers cannot have a `where` clause",
        "move it to the `impl` block",
    )
}

pub(crate) fn no_receiver(name: &Ident) -> Error {
    at(
        name.span(),
        "handlers take `&mut self` or `&self`",
        "add `&mut self` as the first parameter",
    )
}

pub(crate) fn bad_receiver(receiver: &Receiver) -> Error {
    over(
        receiver,
        "handlers take `&mut self` or `&self`",
        "write `&mut self`",
    )
}

pub(crate) fn second_connection(input: &PatType) -> Error {
    over(
        input,
        "a handler takes one connection",
        "remove this parameter, or write `T` or `&T` if it is the payload",
    )
}

pub(crate) fn second_payload(input: &PatType) -> Error {
    over(
        input,
        "a handler takes at most a connection, which is `&mut …`, and one payload",
        "remove this parameter, or write `&mut` if it is the connection",
    )
}

pub(crate) fn connect_with_payload(input: &PatType) -> Error {
    over(
        input,
        "nothing has been received when `connect` runs",
        "remove this parameter; the scope is behind the connection",
    )
}

pub(crate) fn impl_trait(word: &Ident) -> Error {
    at(
        word.span(),
        "`impl Trait` is not supported in a handler's signature",
        "name a type",
    )
}

pub(crate) fn static_reference(lifetime: &Lifetime) -> Error {
    at(
        lifetime.span(),
        "handlers borrow for the time of one call",
        "remove `'static`",
    )
}

pub(crate) fn borrowing_payload(borrow: Span) -> Error {
    at(
        borrow,
        "a payload owns its data: nothing else holds what came in",
        "take an owned type, such as `String`",
    )
}

pub(crate) fn conditional_parameter(attribute: &Attribute) -> Error {
    over(
        attribute,
        "a handler's parameters cannot be under `#[cfg(…)]`",
        "write two methods, each under a `#[cfg(…)]`",
    )
}
