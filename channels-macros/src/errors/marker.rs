//! Mistakes in `#[handler]` and `#[fallback]`.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Error, Expr, LitStr};

use super::{at, over, text};
use crate::consumer::Entry;
use crate::event_type::{self, Fault};

pub(crate) fn handler_without_type(attribute: &Attribute) -> Error {
    over(
        attribute,
        "`#[handler]` needs an event type",
        "write `#[handler(\"call.back\")]`",
    )
}

pub(crate) fn handler_with_equals(attribute: &Attribute, value: &Expr) -> Error {
    over(
        attribute,
        "`#[handler]` takes its event type in parentheses",
        format!("write `#[handler({})]`", text(value)),
    )
}

pub(crate) fn event_type_not_literal(argument: &TokenStream) -> Error {
    over(
        argument,
        "an event type is a string literal",
        "write it in quotes, such as `\"call.back\"`",
    )
}

pub(crate) fn invalid_event_type(
    literal: &LitStr,
    fault: &Fault,
    suggestion: Option<String>,
) -> Error {
    let value = literal.value();
    let reason = match fault {
        Fault::Empty => "it is empty".to_owned(),
        Fault::TooLong => format!("it is longer than {} bytes", event_type::MAX_LENGTH),
        Fault::EmptySegment => "a segment is empty".to_owned(),
        Fault::LeadingUnderscore => "a segment starts with `_`".to_owned(),
        Fault::Character(c) => format!("{c:?} is not allowed").replace('\'', "`"),
        Fault::Reserved(namespace) if value.contains(&format!("{namespace}.")) => {
            format!("`{namespace}.` belongs to the protocol")
        }
        Fault::Reserved(namespace) => {
            format!("`{namespace}_` counts as `{namespace}.`, which belongs to the protocol")
        }
        Fault::Internal(namespace) if value.contains(&format!("{namespace}.")) => {
            format!("`{namespace}.` belongs to the framework")
        }
        Fault::Internal(namespace) => {
            format!("`{namespace}_` counts as `{namespace}.`, which belongs to the framework")
        }
    };
    let help = match (suggestion, fault) {
        (Some(suggestion), _) => format!("did you mean `{suggestion}`?"),
        (None, Fault::Reserved(_) | Fault::Internal(_)) => "choose another first word".to_owned(),
        (None, _) => "write letters, digits and `_`, separated by `.`".to_owned(),
    };
    let shown: String = value
        .chars()
        .take(40)
        .flat_map(char::escape_debug)
        .collect();
    over(
        literal,
        format!("invalid event type `{shown}`: {reason}"),
        help,
    )
}

pub(crate) fn second_marker(attribute: &Attribute) -> Error {
    over(
        attribute,
        "a method handles one event type",
        "write a second method, and call one from the other",
    )
}

pub(crate) fn conditional_marker(attribute: &Attribute) -> Error {
    over(
        attribute,
        "a handler cannot be marked by `cfg_attr`: `#[consumer]` reads the block before rustc does",
        "mark the method always, and put it under `#[cfg(…)]`",
    )
}

pub(crate) fn fallback_with_arguments(attribute: &Attribute) -> Error {
    over(
        attribute,
        "`#[fallback]` takes no arguments: it gets every event that has no handler",
        "write `#[fallback]`",
    )
}

pub(crate) fn handled_twice(second: &Entry, method: &Ident, first: &Entry, by: &Ident) -> Error {
    let (Some(second_type), Some(first_type)) = (second.event_type(), first.event_type()) else {
        let rule = format!("`{by}` is the fallback already");
        let help = format!("remove `#[fallback]` from `{method}`");
        let mut error = at(second.span(), rule, help);
        error.combine(Error::new(first.span(), "the first fallback is here"));
        return error;
    };
    let same = if first_type == second_type {
        ""
    } else {
        ": `.` and `_` count as the same"
    };
    let mut error = at(
        second.span(),
        format!("event type `{second_type}` is already handled by `{by}`{same}"),
        format!("give `{method}` another event type"),
    );
    let note = format!("first handler for `{first_type}` is here");
    error.combine(Error::new(first.span(), note));
    error
}
