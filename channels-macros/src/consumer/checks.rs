//! What is checked about events beside the calls: that a handler's literal is its event's type, that
//! the fallback takes any event, and what groups of the consumer may send.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Claim, Consumer, Entry, Handler, Payload};
use crate::paths::generated;

/// `const _: () = { use rt::NoEvent as _; rt::assert_event_type(rt::Expected::<CallBack>::TYPE, "call.back") };`
///
/// `TYPE` is there for any type, also for one that is no event: the call of the method reports that.
pub(crate) fn outer(consumer: &Consumer, handler: &Handler) -> Option<TokenStream> {
    let payload = handler.payload()?;
    if consumer.is_generic(payload) {
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
    let payload = handler.payload()?;
    consumer
        .is_generic(payload)
        .then(|| check(consumer, handler, payload))
        .flatten()
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
