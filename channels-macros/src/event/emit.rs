//! The `TypedEvent` impl.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Generics, Member, Type, TypeParamBound, Variant, parse_quote};

use super::{Event, Shape};
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
    let generics = carried(event);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let (event_type, mismatch) = event_type_and_mismatch(event);
    let duplicate = duplicate(&event.shape, runtime);
    let coalesce_key = event
        .key
        .as_deref()
        .map(|fields| coalesce_key(fields, runtime));
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #impl_generics #rt::TypedEvent for #ident #ty_generics #where_clause {
            const NAME: &'static ::core::primitive::str = #event_type;
            const MISMATCH: &'static ::core::primitive::str = #mismatch;
            fn duplicate(&self) -> Self {
                #duplicate
            }
            #coalesce_key
        }
    }
}

/// The type, and what to say of a handler of another. A type that is missing or wrong is empty:
/// no handler is of another type then, which would be a second error.
fn event_type_and_mismatch(event: &Event) -> (TokenStream, String) {
    let Some(literal) = &event.declared else {
        return (quote!(""), String::new());
    };
    let (name, text) = (&event.ident, literal.value());
    let mismatch =
        format!("`{name}` is the event `{text}`\n  help: write `#[handler(\"{text}\")]`");
    (literal.to_token_stream(), mismatch)
}

/// An event with type parameters is one wherever they can be carried along and serde can encode it.
fn carried(event: &Event) -> Generics {
    let mut generics = event.generics.clone();
    if generics.type_params().next().is_none() {
        return generics;
    }
    for param in generics.type_params_mut() {
        param.bounds.extend::<[TypeParamBound; 4]>([
            parse_quote!(::core::clone::Clone),
            parse_quote!(::core::marker::Send),
            parse_quote!(::core::marker::Sync),
            parse_quote!('static),
        ]);
    }
    let (ident, rt) = (&event.ident, event.runtime.here());
    let (_, arguments, _) = event.generics.split_for_impl();
    let encoded = parse_quote!(#ident #arguments: #rt::Serialize + #rt::DeserializeOwned);
    generics.make_where_clause().predicates.push(encoded);
    generics
}

/// `Self { message: rt::duplicate::<String>(&self.message) }`
fn duplicate(shape: &Shape, runtime: &RuntimePath) -> TokenStream {
    let this = Ident::new("self", Span::mixed_site());
    match shape {
        Shape::Struct(fields) => {
            let fields = fields.members().zip(fields).map(|(member, field)| {
                let span = generated(field.ty.span());
                let clone = clone(&field.ty, runtime);
                quote_spanned!(span=> #member: #clone(&#this.#member))
            });
            quote!(Self { #(#fields),* })
        }
        Shape::Enum(variants) if variants.is_empty() => quote!(match *#this {}),
        Shape::Enum(variants) => {
            let arms = variants.iter().map(|variant| arm(variant, runtime));
            quote!(match #this { #(#arms)* })
        }
    }
}

/// `Self::Moved { x: field_0 } => Self::Moved { x: rt::duplicate::<f64>(field_0) },`
fn arm(
    Variant {
        ident: name,
        fields,
        ..
    }: &Variant,
    runtime: &RuntimePath,
) -> TokenStream {
    let members: Vec<Member> = fields.members().collect();
    let locals: Vec<Ident> = (0..members.len())
        .map(|i| format_ident!("field_{i}", span = Span::mixed_site()))
        .collect();
    let clones = fields.iter().zip(&locals).map(|(field, local)| {
        let clone = clone(&field.ty, runtime);
        quote!(#clone(#local))
    });
    quote!(Self::#name { #(#members: #locals),* } => Self::#name { #(#members: #clones),* },)
}

/// A field that can't be cloned is reported at its type.
fn clone(ty: &Type, runtime: &RuntimePath) -> TokenStream {
    let span = generated(ty.span());
    let rt = runtime.at(span);
    quote_spanned!(span=> #rt::duplicate::<#ty>)
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
