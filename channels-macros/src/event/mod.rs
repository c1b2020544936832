//! `#[derive(Event)]`: ties a payload to its event type.

mod attribute;
mod emit;
mod serde;
mod shape;

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Fields, Generics, Item, LitStr, Member, Variant};

use crate::errors::{self, Errors};
use crate::paths::RuntimePath;
use crate::suggest::closest;
use attribute::Key;

/// An event as facts.
struct Event {
    runtime: RuntimePath,
    ident: Ident,
    generics: Generics,
    /// The event type, unless there is a mistake in it.
    declared: Option<LitStr>,
    shape: Shape,
    key: Option<Vec<Member>>,
}

enum Shape {
    Struct(Fields),
    Enum(Vec<Variant>),
}

/// Expands `#[derive(Event)]`.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let event = errors
        .check(syn::parse2(item))
        .and_then(|item| lower(item, &mut errors));
    let mut output = event.map(|event| emit::emit(&event)).unwrap_or_default();
    output.extend(errors.into_tokens());
    output
}

fn lower(item: Item, errors: &mut Errors) -> Option<Event> {
    let (attrs, ident, generics, shape) = match item {
        Item::Struct(item) => (
            item.attrs,
            item.ident,
            item.generics,
            Shape::Struct(item.fields),
        ),
        Item::Enum(item) => {
            let variants = Shape::Enum(item.variants.into_iter().collect());
            (item.attrs, item.ident, item.generics, variants)
        }
        Item::Union(item) => {
            errors.push(errors::union_event(item.union_token.span));
            return None;
        }
        _ => return None,
    };
    let declared = attribute::read(&attrs, &ident, errors);
    if let Some(param) = generics.lifetimes().next() {
        errors.push(errors::borrowing_event(&param.lifetime));
        return None;
    }
    for attribute in shape
        .attributes()
        .filter(|attribute| attribute::is_event(attribute))
    {
        errors.push(errors::event_attribute_inside(attribute));
    }
    shape::check(&attrs, &ident, &shape, errors);
    let key = declared.key.and_then(|key| shape.key(key, errors));
    Some(Event {
        runtime: declared.runtime,
        ident,
        generics,
        declared: declared.event_type,
        shape,
        key,
    })
}

impl Shape {
    /// The attributes of variants and fields.
    fn attributes(&self) -> Box<dyn Iterator<Item = &Attribute> + '_> {
        match self {
            Self::Struct(fields) => Box::new(fields.iter().flat_map(|field| &field.attrs)),
            Self::Enum(variants) => Box::new(variants.iter().flat_map(|variant| {
                let of_fields = variant.fields.iter().flat_map(|field| &field.attrs);
                variant.attrs.iter().chain(of_fields)
            })),
        }
    }

    /// Checks that the fields of `key(…)` exist.
    fn key(&self, key: Key, errors: &mut Errors) -> Option<Vec<Member>> {
        let Self::Struct(fields) = self else {
            errors.push(errors::key_on_enum(&key.word));
            return None;
        };
        let known: Vec<String> = fields.members().map(|member| name(&member)).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let before = errors.count();
        for field in &key.fields {
            let name = name(field);
            if !known.contains(&&*name) {
                errors.push(errors::unknown_key_field(field, closest(&name, &known)));
            }
        }
        (errors.count() == before).then_some(key.fields)
    }
}

fn name(member: &Member) -> String {
    match member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}
