//! `#[handler("type", relay)]`: the handler's only deed is to send its event as it is, so the runtime
//! does it for all members at once and calls nobody.
//!
//! The body stands there all the same, for readers and for rustc. It has to be the one that `relay`
//! stands for, so that the word changes what is spent and never what is sent.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{FnArg, Pat, Signature};

use super::model::{Call, Consumer, Entry, Mode, Param, Payload};
use super::syntax::Method;
use crate::errors::{self, Errors};
use crate::tokens;

/// Whether a method may be relayed; whatever speaks against it is reported.
pub(crate) fn check(
    relay: &Ident,
    entry: &Entry,
    method: &Method,
    call: &Call,
    consumer: &Consumer,
    errors: &mut Errors,
) -> bool {
    let before = errors.count();
    if !matches!(entry, Entry::Event(_)) {
        errors.push(errors::relay_of_protocol(relay));
    } else if call.mode != Mode::Async {
        errors.push(errors::relay_of_plain_fn(method.sig.fn_token));
    } else if let Some((socket, event, payload)) = parts(&method.sig, call) {
        if payload.looks_untyped() || consumer.is_generic(payload) {
            errors.push(errors::relay_of_untyped(&payload.ty));
        } else if !sends_only(&method.body, &socket, &event) {
            errors.push(errors::relay_with_body(
                relay,
                &method.body,
                &socket,
                &event,
            ));
        }
    } else {
        errors.push(errors::relay_without_parts(relay));
    }
    errors.count() == before
}

/// The names of the connection and of the event, and the event's type.
fn parts<'a>(sig: &Signature, call: &'a Call) -> Option<(Ident, Ident, &'a Payload)> {
    let names = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(input) => Some(&*input.pat),
    });
    let (mut socket, mut event) = (None, None);
    for (name, param) in names.zip(&call.params) {
        let Pat::Ident(name) = name else { continue };
        match param {
            Param::Connection(_) => socket = Some(name.ident.clone()),
            Param::Payload(payload) => event = Some((name.ident.clone(), payload)),
        }
    }
    let (event, payload) = event?;
    Some((socket?, event, payload))
}

/// `socket.send_json(event).await`, or with `&event`.
fn sends_only(body: &TokenStream, socket: &Ident, event: &Ident) -> bool {
    let shared = quote!(#socket.send_json(#event).await);
    let borrowed = quote!(#socket.send_json(&#event).await);
    tokens::same(body, &shared) || tokens::same(body, &borrowed)
}
