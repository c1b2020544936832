//! Mistakes about `relay`.

use proc_macro2::{Ident, TokenStream};
use syn::{Error, Token, Type};

use super::{at, over};

/// What a relayed handler looks like.
const FORM: &str =
    "write `async fn call_back(&mut self, socket: &mut WebSocket, event: &CallBack) -> Result`";

pub(crate) fn relay_of_protocol(relay: &Ident) -> Error {
    at(
        relay.span(),
        "only an event of a layer can be relayed, not one of the protocol",
        "remove `relay`",
    )
}

pub(crate) fn relay_of_plain_fn(keyword: Token![fn]) -> Error {
    over(
        keyword,
        "a relayed handler is an `async fn`: it waits for nothing",
        "write `async fn`, or remove `relay`",
    )
}

pub(crate) fn relay_of_untyped(ty: &Type) -> Error {
    over(
        ty,
        "only a typed event can be relayed: its JSON is the message",
        "take a type with `#[derive(Event)]`, or remove `relay`",
    )
}

pub(crate) fn relay_without_parts(relay: &Ident) -> Error {
    at(
        relay.span(),
        "a relayed handler takes its connection and its event, each by a name",
        FORM,
    )
}

/// At the body, unless there is none.
pub(crate) fn relay_with_body(
    relay: &Ident,
    body: &TokenStream,
    socket: &Ident,
    event: &Ident,
) -> Error {
    let rule = "a relayed handler sends its event as it is, and does nothing else";
    let help = format!("write `{socket}.send_json({event}).await`, or remove `relay`");
    if body.is_empty() {
        at(relay.span(), rule, help)
    } else {
        over(body, rule, help)
    }
}
