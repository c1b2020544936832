//! Mistakes about the items below `#[consumer]`, and about the names of its methods.

use proc_macro2::{Ident, Span};
use syn::{Attribute, Error, LifetimeParam, Meta, Path, Type};

use super::{at, over, text};
use crate::event_type;

pub(crate) fn neither_struct_nor_impl(keyword: &Ident) -> Error {
    at(
        keyword.span(),
        "`#[consumer]` applies to a struct and to its inherent `impl` block",
        "put it on `struct Chat { … }` and on `impl Chat { … }`",
    )
}

pub(crate) fn trait_impl(of_trait: &Path, self_ty: &Type) -> Error {
    over(
        of_trait,
        "`#[consumer]` cannot be used on a trait impl",
        format!("move the handlers to `impl {} {{ … }}`", text(self_ty)),
    )
}

pub(crate) fn borrowing_consumer(lifetime: &LifetimeParam) -> Error {
    over(
        lifetime,
        "a consumer cannot borrow: it lives as long as its connection",
        "own the data, or share it in an `Arc`",
    )
}

pub(crate) fn no_handlers(self_ty: &Type) -> Error {
    over(
        self_ty,
        "this consumer has no handlers",
        "name a method `receive`, or mark one with `#[handler(\"event.type\")]`",
    )
}

pub(crate) fn marker_on_other_item(attribute: &Attribute) -> Error {
    over(
        attribute,
        format!("`#[{}]` applies to methods", text(attribute.path())),
        "remove it",
    )
}

pub(crate) fn marker_outside(name: &str, attribute: Span) -> Error {
    at(
        attribute,
        format!(
            "`#[{name}]` works only under its own name, on a method of an `impl` block marked \
             `#[consumer]`"
        ),
        format!(
            "write `#[consumer]` above the `impl`; below it, write `#[{name}]` or \
             `#[channels::{name}]`"
        ),
    )
}

pub(crate) fn macro_call(path: &Path) -> Error {
    over(
        path,
        format!(
            "`#[consumer]` cannot see the methods that `{}!` makes",
            text(path)
        ),
        "move the call to an `impl` block of its own, or let the macro make the whole block",
    )
}

pub(crate) fn misspelt_hook(name: &Ident, hook: &str) -> Error {
    at(
        name.span(),
        format!("`{name}` is not a handler"),
        format!("did you mean `{hook}`?"),
    )
}

/// The attribute may be anybody's, so the message is true of any.
pub(crate) fn renamed_marker(
    attribute: &Meta,
    event: Option<String>,
    name: &Ident,
    self_ty: &Type,
) -> Error {
    let event = event.unwrap_or_else(|| event_type::from_name(&name.to_string()));
    let own = text(self_ty);
    over(
        attribute,
        format!(
            "`#[{}]` does not make `{name}` a handler",
            text(attribute.path())
        ),
        format!(
            "`#[consumer]` knows its markers only by their own names: write `#[handler(\"{event}\")]`, \
             `#[channels::handler(\"{event}\")]` or `#[fallback]`, or move the method to a plain \
             `impl {own} {{ … }}`"
        ),
    )
}

pub(crate) fn not_a_handler(name: &Ident, self_ty: &Type) -> Error {
    let (event, own) = (event_type::from_name(&name.to_string()), text(self_ty));
    at(
        name.span(),
        format!("`{name}` is not a handler"),
        format!("mark it `#[handler(\"{event}\")]`, or move it to a plain `impl {own} {{ … }}`"),
    )
}
