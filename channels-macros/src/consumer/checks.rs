//! What is checked about events beside the calls: that a handler's literal is its event's type, that
//! the fallback takes any event, and what groups of the consumer may send.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::GenericParam;
use syn::spanned::Spanned;

use super::model::{Claim, Consumer, Entry, Handler, Param, Payload};
use crate::paths::generated;
use crate::tokens;

/// `const _: () = { use rt::NoEvent as _; rt::assert_event_type(rt::Expected::<CallBack>::TYPE, "call.back") };`
///
/// `TYPE` is there for any type, also for one that is no event: the call of the method reports that.
pub(crate) fn outer(consumer: &Consumer, handler: &Handler) -> Option<TokenStream> {
    let payload = payload(handler)?;
    if is_generic(consumer, payload) {
        return None;
    }
    let rt = consumer.runtime.here();
    let check = check(consumer, handler, payload)?;
    let (conditions, of_consumer) = (&handler.conditions, &consumer.conditions);
    Some(quote! {
        #(#of_consumer)*
        #(#conditions)*
        const _: () = {
            use #rt::NoEvent as _;
            #check;
        };
    })
}

/// The same check, made where a generic payload is known.
pub(crate) fn inner(consumer: &Consumer, handler: &Handler) -> Option<TokenStream> {
    let payload = payload(handler)?;
    is_generic(consumer, payload)
        .then(|| check(consumer, handler, payload))
        .flatten()
}

fn payload(handler: &Handler) -> Option<&Payload> {
    handler.call.params.iter().find_map(|param| match param {
        Param::Payload(payload) => Some(payload),
        Param::Connection(_) => None,
    })
}

/// `rt::assert_event_type(rt::Expected::<CallBack>::TYPE, "call.back")`, `rt::assert_any_event(…)`
fn check(
    consumer: &Consumer,
    handler: &Handler,
    Payload { ty, .. }: &Payload,
) -> Option<TokenStream> {
    let expected = |span| {
        let rt = consumer.runtime.at(span);
        quote_spanned!(span=> #rt::Expected::<#ty>::TYPE)
    };
    match &handler.entry {
        Entry::Event(literal) => {
            let span = generated(literal.span());
            let (rt, expected) = (consumer.runtime.at(span), expected(span));
            Some(quote_spanned!(span=> #rt::assert_event_type(#expected, #literal)))
        }
        Entry::Fallback(_) => {
            let span = generated(ty.span());
            let (rt, expected) = (consumer.runtime.at(span), expected(span));
            Some(quote_spanned!(span=> #rt::assert_any_event(#expected)))
        }
        Entry::Hook(..) | Entry::Protocol(..) => None,
    }
}

/// Whether a payload's type has a meaning only inside of the `impl`.
fn is_generic(consumer: &Consumer, Payload { ty, .. }: &Payload) -> bool {
    let params = consumer.generics.params.iter();
    let names = params.filter_map(|param| match param {
        GenericParam::Type(param) => Some(param.ident.clone()),
        GenericParam::Const(param) => Some(param.ident.clone()),
        GenericParam::Lifetime(_) => None,
    });
    tokens::mentions(ty, &names.collect::<Vec<Ident>>())
}

impl Claim {
    /// `impl rt::Handles<CallBack> for Chat {}`
    pub(crate) fn emit(&self, consumer: &Consumer) -> TokenStream {
        let Self {
            conditions,
            payload,
        } = self;
        let span = generated(payload.span());
        let rt = consumer.runtime.at(span);
        let (self_ty, of_consumer) = (&consumer.self_ty, &consumer.conditions);
        let (impl_generics, _, where_clause) = consumer.generics.split_for_impl();
        quote_spanned! {span=>
            #[automatically_derived]
            #(#of_consumer)*
            #(#conditions)*
            impl #impl_generics #rt::Handles<#payload> for #self_ty #where_clause {}
        }
    }
}
