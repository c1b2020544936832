//! The `TypedEvent` impl.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Generics, LitStr, Member, Type, Variant, parse_quote};

use super::{Event, Shape};
use crate::event_type;
use crate::paths::{RuntimePath, generated};

/// ```text
/// impl rt::TypedEvent for CallBack {
///     const NAME: &'static str = "call.back";
///     const MISMATCH: &'static str = "`CallBack` is the event `call.back` …";
///     fn duplicate(&self) -> Self { … }
///     fn coalesce_key(&self) -> Option<u64> { … }
/// }
/// ```
pub(crate) fn emit(event: &Event) -> TokenStream {
    let Event { ident, runtime, .. } = event;
    let rt = runtime.here();
    let generics = cloneable(&event.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (event_type, mismatch) = event_type_and_mismatch(event);
    let duplicate = duplicate(&event.shape);
    let coalesce_key = event
        .key
        .as_deref()
        .map(|fields| coalesce_key(fields, runtime));
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #impl_generics #rt::TypedEvent for #ident #ty_generics #where_clause {
            const NAME: &'static str = #event_type;
            const MISMATCH: &'static ::core::primitive::str = #mismatch;
            fn duplicate(&self) -> Self {
                #duplicate
            }
            #coalesce_key
        }
    }
}

/// Of a type that has none, or a wrong one, the type that was probably meant: handlers that name
/// it cause no second error then.
fn event_type_and_mismatch(event: &Event) -> (TokenStream, String) {
    let name = &event.ident;
    let meant = || event_type::from_name(&name.to_string());
    let literal = event.declared.as_ref();
    let text = literal.map_or_else(meant, LitStr::value);
    let tokens = literal.map_or_else(|| text.to_token_stream(), ToTokens::to_token_stream);
    let mismatch =
        format!("`{name}` is the event `{text}`\n  help: write `#[handler(\"{text}\")]`");
    (tokens, mismatch)
}

/// Every type parameter is cloned along with its event.
fn cloneable(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(::core::clone::Clone));
    }
    generics
}

/// `Self { message: <String as Clone>::clone(&self.message) }`
fn duplicate(shape: &Shape) -> TokenStream {
    let this = Ident::new("self", Span::mixed_site());
    match shape {
        Shape::Struct(fields) => {
            let fields = fields.members().zip(fields).map(|(member, field)| {
                let span = generated(field.ty.span());
                let clone = clone(&field.ty);
                quote_spanned!(span=> #member: #clone(&#this.#member))
            });
            quote!(Self { #(#fields),* })
        }
        Shape::Enum(variants) if variants.is_empty() => quote!(match *#this {}),
        Shape::Enum(variants) => {
            let arms = variants.iter().map(arm);
            quote!(match #this { #(#arms)* })
        }
    }
}

/// `Self::Moved { x: x_0 } => Self::Moved { x: <f64 as Clone>::clone(x_0) },`
fn arm(
    Variant {
        ident: name,
        fields,
        ..
    }: &Variant,
) -> TokenStream {
    let members: Vec<Member> = fields.members().collect();
    let locals: Vec<Ident> = (0..members.len())
        .map(|i| format_ident!("field_{i}", span = Span::mixed_site()))
        .collect();
    let clones = fields.iter().zip(&locals).map(|(field, local)| {
        let clone = clone(&field.ty);
        quote!(#clone(#local))
    });
    quote!(Self::#name { #(#members: #locals),* } => Self::#name { #(#members: #clones),* },)
}

/// A field that can't be cloned is reported at its type.
fn clone(ty: &Type) -> TokenStream {
    let span = generated(ty.span());
    quote_spanned!(span=> <#ty as ::core::clone::Clone>::clone)
}

/// `fn coalesce_key(&self) -> Option<u64> { Some(rt::key(&(&self.user_id,))) }`
fn coalesce_key(fields: &[Member], runtime: &RuntimePath) -> TokenStream {
    let this = Ident::new("self", Span::mixed_site());
    let rt = runtime.here();
    let fields = fields.iter().map(|field| {
        let span = generated(field.span());
        quote_spanned!(span=> &#this.#field)
    });
    quote_spanned! {Span::mixed_site()=>
        fn coalesce_key(&self) -> ::core::option::Option<::core::primitive::u64> {
            ::core::option::Option::Some(#rt::key(&(#(#fields,)*)))
        }
    }
}
