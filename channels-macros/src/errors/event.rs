//! Mistakes in `#[derive(Event)]` and `#[event(…)]`.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Attribute, Error, FieldsUnnamed, Lifetime, LitStr, Member, Type};

use super::{at, over, text};
use crate::event_type;

pub(crate) fn event_without_attribute(name: &Ident) -> Error {
    let event = event_type::from_name(&name.to_string());
    at(
        name.span(),
        "an event needs its type",
        format!("write `#[event(\"{event}\")]` above it"),
    )
}

pub(crate) fn event_without_type(attribute: &Attribute, name: &Ident) -> Error {
    let event = event_type::from_name(&name.to_string());
    over(
        attribute,
        "`#[event]` needs an event type",
        format!("write `#[event(\"{event}\")]`"),
    )
}

pub(crate) fn second_event_attribute(attribute: &Attribute) -> Error {
    over(
        attribute,
        "an event has one type",
        "remove one of the `#[event(…)]`",
    )
}

pub(crate) fn event_attribute_inside(attribute: &Attribute) -> Error {
    over(
        attribute,
        "`#[event]` belongs on the type, not inside of it",
        "move it above the type",
    )
}

pub(crate) fn borrowing_event(lifetime: &Lifetime) -> Error {
    at(
        lifetime.span(),
        "an event cannot borrow: it outlives the call that sends it",
        "own the data, such as a `String`, or share it in an `Arc`",
    )
}

pub(crate) fn union_event(keyword: Span) -> Error {
    at(keyword, "an event is a struct or an enum", "make it one")
}

pub(crate) fn tuple_event(name: &Ident, fields: &FieldsUnnamed) -> Error {
    over(
        fields,
        format!("an event is a map of fields, and `{name}` is a list"),
        format!("name the fields: `{name} {{ … }}`"),
    )
}

pub(crate) fn event_of_no_map(name: &Ident, ty: &Type) -> Error {
    let shown = text(ty);
    over(
        ty,
        format!("an event is a map of fields, and `{shown}` is not a map"),
        format!("name the field, such as `{name} {{ value: {shown} }}`"),
    )
}

pub(crate) fn unit_variant(name: &Ident) -> Error {
    at(
        name.span(),
        format!("an event is a map of fields, and `{name}` is encoded as text"),
        format!("add `#[serde(tag = \"kind\")]` to the enum, or write `{name} {{}}`"),
    )
}

pub(crate) fn untagged_unit_variant(name: &Ident) -> Error {
    at(
        name.span(),
        format!("an event is a map of fields, and `{name}` is encoded as `null`"),
        format!("write `{name} {{}}`"),
    )
}

pub(crate) fn event_tagged_by_type(literal: &LitStr) -> Error {
    over(
        literal,
        "`type` is the name of the event's own type",
        "write another name, such as `\"kind\"`",
    )
}

pub(crate) fn field_named_type(place: TokenStream) -> Error {
    over(
        place,
        "a field of an event cannot be named `type`: that is the event's own type",
        "rename it, or add `#[serde(rename = \"kind\")]`",
    )
}

pub(crate) fn variant_named_type(place: TokenStream) -> Error {
    over(
        place,
        "a variant of an event cannot be named `type`: that is the event's own type",
        "rename it, or add `#[serde(rename = \"kind\")]`",
    )
}

pub(crate) fn field_of_layer(place: TokenStream, name: &str) -> Error {
    over(
        place,
        format!("the field `{name}` belongs to the channel layer"),
        "rename it",
    )
}

pub(crate) fn key_on_enum(key: &Ident) -> Error {
    at(
        key.span(),
        "only a struct has a `key`",
        "put the enum in a field of a struct",
    )
}

pub(crate) fn unknown_key_field(member: &Member, closest: Option<&str>) -> Error {
    let rule = format!("no field `{}`", text(member));
    match closest {
        Some(field) => over(member, rule, format!("did you mean `{field}`?")),
        None => over(member, rule, "name a field of this struct"),
    }
}

pub(crate) fn event_arguments_without_list(attribute: &Attribute, value: &TokenStream) -> Error {
    over(
        attribute,
        "`#[event]` takes its event type in parentheses",
        format!("write `#[event({})]`", text(value)),
    )
}
