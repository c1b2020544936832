//! Whether serde makes a map of fields of an event, in which no field is in the way of the event's own.
//!
//! An event that is sent to another process is a map: `type` and the payload's fields beside it. What
//! can be seen of the item is checked here. The in-memory layer checks the rest when an event is sent,
//! in builds with debug assertions.

use syn::{
    Attribute, Fields, FieldsNamed, FieldsUnnamed, GenericArgument, Ident, PathArguments, Type,
    Variant,
};

use super::Shape;
use super::serde::{Name, Serde};
use crate::errors::{self, Errors};

/// Fields of the layers' own.
const RESERVED: [&str; 3] = ["__asgi_channel__", "__asgi_except__", "__asgi_group__"];

/// Types of which serde makes no map.
const NOT_MAPS: [&str; 25] = [
    "bool", "char", "str", "String", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16",
    "i32", "i64", "i128", "isize", "f32", "f64", "Vec", "VecDeque", "HashSet", "BTreeSet", "Bytes",
    "PathBuf", "Uuid",
];

/// Types that serde encodes as what is in them.
const POINTERS: [&str; 4] = ["Box", "Arc", "Rc", "Cow"];

pub(super) fn check(attributes: &[Attribute], ident: &Ident, shape: &Shape, errors: &mut Errors) {
    let serde = Serde::of(attributes);
    // Another type says what is encoded.
    if serde.is_converted {
        return;
    }
    for own in [&serde.tag, &serde.content].into_iter().flatten() {
        if own.value() == "type" {
            errors.push(errors::event_tagged_by_type(own));
        }
    }
    match shape {
        Shape::Struct(fields) => check_struct(ident, fields, &serde, errors),
        Shape::Enum(variants) => {
            for variant in variants {
                check_variant(variant, &serde, errors);
            }
        }
    }
}

fn check_struct(ident: &Ident, fields: &Fields, serde: &Serde, errors: &mut Errors) {
    match fields {
        Fields::Unit => {}
        Fields::Named(fields) if serde.is_transparent => {
            for field in &fields.named {
                if !Serde::of(&field.attrs).is_skipped && is_no_map(&field.ty) {
                    errors.push(errors::event_of_no_map(ident, &field.ty));
                }
            }
        }
        Fields::Named(fields) => check_names(fields, serde.rename_all.as_deref(), errors),
        Fields::Unnamed(fields) => check_unnamed(ident, fields, errors),
    }
}

/// A single field is encoded as what is in it, and several are a list.
fn check_unnamed(ident: &Ident, fields: &FieldsUnnamed, errors: &mut Errors) {
    let mut types = fields.unnamed.iter().map(|field| &field.ty);
    match (types.next(), types.next()) {
        (Some(only), None) if is_no_map(only) => errors.push(errors::event_of_no_map(ident, only)),
        (Some(_), None) => {}
        _ => errors.push(errors::tuple_event(ident, fields)),
    }
}

fn check_variant(variant: &Variant, serde: &Serde, errors: &mut Errors) {
    let own = Serde::of(&variant.attrs);
    if own.is_skipped || own.is_converted {
        return;
    }
    let is_internal = serde.tag.is_some() && serde.content.is_none();
    if is_internal || serde.is_untagged {
        // Its fields are the event's.
        match &variant.fields {
            Fields::Named(fields) => {
                let rule = own.rename_all.as_ref().or(serde.rename_all_fields.as_ref());
                check_names(fields, rule.map(String::as_str), errors);
            }
            Fields::Unnamed(fields) => check_unnamed(&variant.ident, fields, errors),
            Fields::Unit if serde.is_untagged => {
                errors.push(errors::untagged_unit_variant(&variant.ident));
            }
            Fields::Unit => {}
        }
    } else if serde.tag.is_none() {
        // What is in it stands under its name.
        if let Fields::Unit = variant.fields {
            errors.push(errors::unit_variant(&variant.ident));
        }
        let name = own.name_of_variant(&variant.ident, serde.rename_all.as_deref());
        if name.text == "type" {
            errors.push(errors::variant_named_type(name.place()));
        }
    }
}

fn check_names(fields: &FieldsNamed, rule: Option<&str>, errors: &mut Errors) {
    for field in &fields.named {
        let own = Serde::of(&field.attrs);
        let Some(ident) = &field.ident else { continue };
        if own.is_skipped || own.is_flattened {
            continue;
        }
        let name: Name<'_> = own.name_of_field(ident, rule);
        if name.text == "type" {
            errors.push(errors::field_named_type(name.place()));
        } else if RESERVED.contains(&&*name.text) {
            errors.push(errors::field_of_layer(name.place(), &name.text));
        }
    }
}

fn is_no_map(ty: &Type) -> bool {
    match ty {
        Type::Array(_) | Type::Slice(_) | Type::Tuple(_) => true,
        Type::Group(group) => is_no_map(&group.elem),
        Type::Paren(paren) => is_no_map(&paren.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let name = last.ident.to_string();
            let PathArguments::AngleBracketed(arguments) = &last.arguments else {
                return NOT_MAPS.contains(&&*name);
            };
            if !POINTERS.contains(&&*name) {
                return NOT_MAPS.contains(&&*name);
            }
            let inner = arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            inner.is_some_and(is_no_map)
        }),
        _ => false,
    }
}
