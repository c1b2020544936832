//! What `#[consumer(…)]` adds behind the struct.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::GenericParam;

use super::args::{Declared, Kind, Overflow};
use super::attributes;
use super::lower::without_lifetimes;
use super::syntax::StructHead;
use crate::errors::{self, Errors};
use crate::paths::generated;

/// ```text
/// impl<S: Store> rt::Declaration for Room<S> {
///     type Kind = rt::WebSocketKind;
///     const OPTIONS: rt::Options = rt::Options::new().groups(&["f1"]);
/// }
/// const _: () = rt::require_handlers::<Chat>();
/// ```
///
/// Whether a generic consumer has handlers depends on what it is made of: that is seen when it is
/// used.
pub(crate) fn declare(head: &StructHead, declared: &Declared, errors: &mut Errors) -> TokenStream {
    if let Some(lifetime) = head.generics.lifetimes().next() {
        errors.push(errors::borrowing_consumer(lifetime));
    }
    let generics = without_lifetimes(&head.generics);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let self_ty = self_type(head);
    let conditions = attributes::conditions(&head.attrs);
    let rt = declared.runtime.here();
    let kind = declared.kind.name();
    let options = options(declared);
    let is_generic = !generics.params.is_empty();
    let require = (!is_generic).then(|| {
        let span = generated(head.ident.span());
        let rt = declared.runtime.at(span);
        let require = quote_spanned!(span=> #rt::require_handlers::<#self_ty>());
        quote!(#(#conditions)* const _: () = #require;)
    });
    quote! {
        #[automatically_derived]
        #(#conditions)*
        impl #impl_generics #rt::Declaration for #self_ty #where_clause {
            type Kind = #rt::#kind;
            const OPTIONS: #rt::Options = #rt::Options::new() #options;
        }
        #require
    }
}

/// `Room<S, N>`; lifetimes are `'static`.
fn self_type(head: &StructHead) -> TokenStream {
    let ident = &head.ident;
    let arguments = head.generics.params.iter().map(|param| match param {
        GenericParam::Lifetime(_) => quote!('static),
        GenericParam::Type(param) => param.ident.to_token_stream(),
        GenericParam::Const(param) => param.ident.to_token_stream(),
    });
    let arguments: Vec<TokenStream> = arguments.collect();
    if arguments.is_empty() {
        quote!(#ident)
    } else {
        quote!(#ident<#(#arguments),*>)
    }
}

/// `.groups(&["f1"]).mailbox(100)`: only what was given.
fn options(declared: &Declared) -> TokenStream {
    let Declared {
        groups,
        layer,
        mailbox,
        overflow,
        ..
    } = declared;
    let groups = (!groups.is_empty()).then(|| quote!(.groups(&[#(#groups),*])));
    let layer = layer.as_ref().map(|alias| quote!(.layer(#alias)));
    let mailbox = mailbox
        .map(Literal::u32_unsuffixed)
        .map(|capacity| quote!(.mailbox(#capacity)));
    let overflow = overflow.map(|overflow| {
        let (rt, name) = (declared.runtime.here(), overflow.name());
        quote!(.overflow(#rt::Overflow::#name))
    });
    quote!(#groups #layer #mailbox #overflow)
}

impl Kind {
    fn name(self) -> TokenStream {
        match self {
            Self::WebSocket => quote!(WebSocketKind),
            Self::Http => quote!(HttpKind),
            Self::Channel => quote!(ChannelKind),
        }
    }
}

impl Overflow {
    fn name(self) -> TokenStream {
        match self {
            Self::DropNewest => quote!(DropNewest),
            Self::DropOldest => quote!(DropOldest),
            Self::Coalesce => quote!(Coalesce),
            Self::Close => quote!(Close),
        }
    }
}
