//! From the model to the dispatch table.
//!
//! Whatever can fail to compile is spanned at the user's token that would have to change, and
//! carries the user's type as a turbofish: there rustc puts the error.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::checks;
use super::model::{
    Call, Consumer, Entry, Handler, Hook, Mode, Output, Param, Passing, Payload, Protocol,
};
use crate::paths::generated;

/// Everything that is added behind the user's `impl` block.
pub(crate) fn emit(consumer: &Consumer) -> TokenStream {
    let handlers = table_and_dispatch(consumer);
    let claims = consumer.claims.iter().map(|claim| claim.emit(consumer));
    let checks = consumer
        .handlers
        .iter()
        .filter_map(|handler| checks::outer(consumer, handler));
    quote!(#handlers #(#claims)* #(#checks)*)
}

/// ```text
/// impl<S: Store> rt::Handlers for Room<S> {
///     const TABLE: &'static rt::Table = { … };
///     async fn dispatch(&mut self, …) -> rt::Outcome { … }
///     fn dispatch_blocking(&mut self, …) -> rt::Outcome { … }
/// }
/// ```
fn table_and_dispatch(consumer: &Consumer) -> TokenStream {
    let rt = consumer.runtime.here();
    let Consumer {
        conditions,
        generics,
        self_ty,
        ..
    } = consumer;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let table = table(consumer);
    let dispatch = dispatch(consumer);
    let blocking = consumer
        .has(Mode::Blocking)
        .then(|| dispatch_blocking(consumer));
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #(#conditions)*
        impl #impl_generics #rt::Handlers for #self_ty #where_clause {
            #table
            #dispatch
            #blocking
        }
    }
}

/// ```text
/// const TABLE: &'static rt::Table = {
///     use rt::NoEvent as _;
///     const ENTRIES: &[rt::Entry] = &[rt::Entry::event("call.back", 1, rt::Mode::Async).key(…)];
///     const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
///     rt::supports::<Self, rt::hook::Receive>();
///     &rt::Table::new(ENTRIES, &SLOTS)
/// };
/// ```
fn table(consumer: &Consumer) -> TokenStream {
    let rt = consumer.runtime.here();
    let handlers = &consumer.handlers;
    let entries = handlers.iter().map(|handler| consumer.entry(handler));
    let supported = handlers
        .iter()
        .filter_map(|handler| consumer.support(handler));
    // What is no event has its `KEY` from there; the call of the method reports it.
    let has_keys = handlers
        .iter()
        .any(|handler| consumer.key(handler).is_some());
    let no_event = has_keys.then(|| quote!(use #rt::NoEvent as _;));
    quote_spanned! {Span::mixed_site()=>
        const TABLE: &'static #rt::Table = {
            #no_event
            const ENTRIES: &[#rt::Entry] = &[#(#entries,)*];
            const SLOTS: [::core::primitive::u16; #rt::table_size(ENTRIES.len())] =
                #rt::table_slots(ENTRIES);
            #(#supported)*
            &#rt::Table::new(ENTRIES, &SLOTS)
        };
    }
}

/// ```text
/// async fn dispatch(&mut self, connection: …, handler: u16, input: rt::Input) -> rt::Outcome {
///     match handler {
///         1 => …,
///         _ => rt::unknown(handler),
///     }
/// }
/// ```
fn dispatch(consumer: &Consumer) -> TokenStream {
    let rt = consumer.runtime.here();
    let arms = consumer.arms(Mode::Async);
    quote_spanned! {Span::mixed_site()=>
        async fn dispatch(
            &mut self,
            connection: &mut #rt::ConnectionOf<Self>,
            handler: ::core::primitive::u16,
            input: #rt::Input,
        ) -> #rt::Outcome {
            match handler {
                #(#arms)*
                _ => #rt::unknown(handler),
            }
        }
    }
}

/// The same for handlers that may block; consumers without any have the trait's own.
fn dispatch_blocking(consumer: &Consumer) -> TokenStream {
    let rt = consumer.runtime.here();
    let arms = consumer.arms(Mode::Blocking);
    quote_spanned! {Span::mixed_site()=>
        fn dispatch_blocking(
            &mut self,
            connection: &mut #rt::BlockingConnectionOf<Self>,
            handler: ::core::primitive::u16,
            input: #rt::Input,
        ) -> #rt::Outcome {
            match handler {
                #(#arms)*
                _ => #rt::unknown(handler),
            }
        }
    }
}

impl Consumer {
    fn has(&self, mode: Mode) -> bool {
        self.handlers
            .iter()
            .any(|handler| handler.call.mode == mode)
    }

    /// `rt::Entry::event("call.back", 1, rt::Mode::Async).key(…)`
    fn entry(&self, handler: &Handler) -> TokenStream {
        let rt = self.runtime.here();
        let id = handler.id();
        let conditions = &handler.conditions;
        let mode = match handler.call.mode {
            _ if handler.relay.is_some() => self.relay(handler),
            Mode::Async => quote!(Async),
            Mode::Blocking => quote!(Blocking),
        };
        let entry = match &handler.entry {
            Entry::Hook(hook, _) | Entry::Protocol(hook, ..) => {
                let hook = hook.name();
                quote!(hook(#rt::Hook::#hook, #id, #rt::Mode::#mode))
            }
            Entry::Event(literal) => quote!(event(#literal, #id, #rt::Mode::#mode)),
            Entry::Fallback(_) => quote!(fallback(#id, #rt::Mode::#mode)),
        };
        let key = self.key(handler);
        quote!(#(#conditions)* #rt::Entry::#entry #key)
    }

    /// `Relay(rt::Relay::json::<CallBack>())`
    fn relay(&self, handler: &Handler) -> TokenStream {
        let ty = handler.payload().map(|payload| &payload.ty);
        let span = generated(ty.span());
        let rt = self.runtime.at(span);
        quote_spanned!(span=> Relay(#rt::Relay::json::<#ty>()))
    }

    /// `.key(rt::Expected::<CallBack>::KEY)`
    ///
    /// A table is built for all values of the consumer's parameters: it knows no key of a payload that
    /// depends on them.
    fn key(&self, handler: &Handler) -> Option<TokenStream> {
        let payload = handler.payload()?;
        let is_event = matches!(handler.entry, Entry::Event(_));
        if !is_event || payload.looks_untyped() || self.is_generic(payload) {
            return None;
        }
        let ty = &payload.ty;
        let span = generated(ty.span());
        let rt = self.runtime.at(span);
        Some(quote_spanned!(span=> .key(#rt::Expected::<#ty>::KEY)))
    }

    /// `rt::supports::<Self, rt::hook::Receive>();`: does this kind of consumer have the hook?
    fn support(&self, handler: &Handler) -> Option<TokenStream> {
        let conditions = &handler.conditions;
        let check = match &handler.entry {
            Entry::Hook(hook, span) => {
                let (span, name) = (generated(*span), hook.name());
                let rt = self.runtime.at(span);
                quote_spanned!(span=> #rt::supports::<Self, #rt::hook::#name>())
            }
            Entry::Protocol(_, protocol, literal) => {
                let (span, kind) = (generated(literal.span()), protocol.kind());
                let rt = self.runtime.at(span);
                quote_spanned!(span=> #rt::speaks::<Self, #rt::#kind>())
            }
            Entry::Event(_) | Entry::Fallback(_) => {
                let span = generated(handler.relay.as_ref()?.span());
                let rt = self.runtime.at(span);
                quote_spanned!(span=> #rt::relays::<Self>())
            }
        };
        Some(quote!(#(#conditions)* #check;))
    }

    fn arms(&self, mode: Mode) -> impl Iterator<Item = TokenStream> {
        let handlers = self
            .handlers
            .iter()
            .filter(move |handler| handler.call.mode == mode);
        handlers.map(|handler| self.arm(handler))
    }

    /// `1 => rt::outcome::<Result>(Self::call_back(self, …, …).await),`
    fn arm(&self, handler: &Handler) -> TokenStream {
        let Handler {
            conditions,
            method,
            call:
                Call {
                    mode,
                    params,
                    output,
                },
            ..
        } = handler;
        let id = handler.id();
        let params = params.iter().map(|param| match param {
            Param::Connection(ty) => self.connection(ty, *mode),
            Param::Payload(payload) => self.payload(payload, &handler.entry),
        });
        let this = Ident::new("self", Span::mixed_site());
        let wait = (*mode == Mode::Async).then(|| quote!(.await));
        let call = self.outcome(output, &quote!(Self::#method(#this, #(#params),*) #wait));
        match checks::inner(self, handler) {
            None => quote!(#(#conditions)* #id => #call,),
            Some(check) => quote!(#(#conditions)* #id => { const { #check } #call }),
        }
    }

    /// `rt::outcome::<Result>(…)`
    fn outcome(&self, output: &Output, call: &TokenStream) -> TokenStream {
        let Output::Value(ty) = output else {
            return call.clone();
        };
        let span = generated(ty.span());
        let rt = self.runtime.at(span);
        let outcome = quote_spanned!(span=> #rt::outcome::<#ty>);
        quote!(#outcome(#call))
    }

    /// `rt::connection::<Self, WebSocket>(connection)`
    fn connection(&self, ty: &syn::Type, mode: Mode) -> TokenStream {
        let span = generated(ty.span());
        let rt = self.runtime.at(span);
        let function = match mode {
            Mode::Async => Ident::new("connection", span),
            Mode::Blocking => Ident::new("blocking_connection", span),
        };
        let connection = Ident::new("connection", Span::mixed_site());
        quote_spanned!(span=> #rt::#function::<Self, #ty>(#connection))
    }

    /// `rt::event::<CallBack>(input)?`, and what it is for the other entries and for `&CallBack`.
    fn payload(&self, Payload { ty, passing }: &Payload, entry: &Entry) -> TokenStream {
        let span = generated(ty.span());
        let rt = self.runtime.at(span);
        let input = Ident::new("input", Span::mixed_site());
        let (function, shares) = match entry.hook() {
            Some(Hook::Connect | Hook::Receive) => ("message", true),
            Some(Hook::Disconnect) => ("disconnect", false),
            Some(Hook::Request) => ("request", false),
            None => ("event", true),
        };
        let owned = Ident::new(function, span);
        let borrowed = Ident::new(&format!("{function}_ref"), span);
        match passing {
            Passing::Owned => quote_spanned!(span=> #rt::#owned::<#ty>(#input)?),
            Passing::Borrowed if shares => quote_spanned!(span=> #rt::#borrowed::<#ty>(&#input)?),
            Passing::Borrowed => quote_spanned!(span=> &#rt::#owned::<#ty>(#input)?),
        }
    }
}

impl Handler {
    fn id(&self) -> Literal {
        Literal::u16_unsuffixed(self.id)
    }
}

impl Hook {
    fn name(self) -> TokenStream {
        match self {
            Self::Connect => quote!(Connect),
            Self::Receive => quote!(Receive),
            Self::Disconnect => quote!(Disconnect),
            Self::Request => quote!(Request),
        }
    }
}

impl Protocol {
    fn kind(self) -> TokenStream {
        match self {
            Self::WebSocket => quote!(WebSocketKind),
            Self::Http => quote!(HttpKind),
        }
    }
}
