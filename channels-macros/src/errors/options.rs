//! Mistakes in the arguments of the attributes.

use std::ops::RangeInclusive;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, LitStr, Path};

use super::{at, list, over, text};
use crate::suggest::closest;

pub(crate) fn missing_argument(comma: Span) -> Error {
    at(
        comma,
        "expected an option before this comma",
        "remove the comma",
    )
}

pub(crate) fn not_an_option(piece: &TokenStream, allowed: &[&str]) -> Error {
    over(
        piece,
        format!("expected an option{}", expected(allowed)),
        "remove it",
    )
}

pub(crate) fn unexpected(token: &TokenTree, key: &Ident) -> Error {
    over(
        token,
        format!("expected `,` or a value behind `{key}`"),
        "remove this",
    )
}

pub(crate) fn unknown_option(key: &Ident, allowed: &[&str]) -> Error {
    let name = key.to_string();
    let rule = format!("unknown option `{name}`{}", expected(allowed));
    match closest(&name, allowed) {
        Some(option) => at(key.span(), rule, format!("did you mean `{option}`?")),
        None => at(key.span(), rule, "remove it"),
    }
}

/// A line that says what may stand here.
fn expected(allowed: &[&str]) -> String {
    match allowed {
        [] => "\n  expected an event type alone".to_owned(),
        allowed => format!("\n  expected {}", list(allowed)),
    }
}

pub(crate) fn option_of_the_struct(key: &Ident) -> Error {
    at(
        key.span(),
        format!("`{key}` is declared on the struct"),
        "move it to the `#[consumer(…)]` above the struct",
    )
}

pub(crate) fn given_twice(key: &Ident) -> Error {
    at(
        key.span(),
        format!("`{key}` is given twice"),
        "remove one of the two",
    )
}

pub(crate) fn second_kind(first: &Ident, second: &Ident) -> Error {
    at(
        second.span(),
        format!("a consumer has one kind, and this one is `{first}` already"),
        format!("remove `{first}` or `{second}`"),
    )
}

pub(crate) fn option_of_connections(key: &Ident) -> Error {
    at(
        key.span(),
        format!("a `channel` consumer has no `{key}`"),
        format!("remove `{key}`: a worker takes one job after the other from a queue of the layer"),
    )
}

pub(crate) fn value_missing(key: &Ident, example: &str) -> Error {
    at(
        key.span(),
        format!("`{key}` needs a value"),
        format!("write `{}`", assign(key, example)),
    )
}

pub(crate) fn wrong_value(key: &Ident, value: &TokenStream, example: &str) -> Error {
    let rule = format!("this is not a value for `{key}`");
    over(value, rule, format!("write `{}`", assign(key, example)))
}

pub(crate) fn value_for_list(key: &Ident, value: &TokenStream) -> Error {
    over(
        value,
        format!("`{key}` takes its values in parentheses"),
        format!("write `{key}({})`", text(value)),
    )
}

pub(crate) fn list_for_value(key: &Ident, list: &TokenStream) -> Error {
    over(
        list,
        format!("`{key}` takes its value behind `=`"),
        format!("write `{key} = {}`", text(list)),
    )
}

/// `mailbox = 100` and `groups("lobby")`.
fn assign(key: &Ident, example: &str) -> String {
    let space = if example.starts_with('=') { " " } else { "" };
    format!("{key}{space}{example}")
}

pub(crate) fn flag_with_value(key: &Ident, value: &TokenStream) -> Error {
    let tokens = if value.is_empty() {
        key.to_token_stream()
    } else {
        value.clone()
    };
    over(
        tokens,
        format!("`{key}` takes no value"),
        format!("write `{key}`"),
    )
}

pub(crate) fn empty_text(key: &Ident, literal: &LitStr) -> Error {
    over(
        literal,
        format!("a name in `{key}` cannot be empty"),
        "write a name, or remove it",
    )
}

pub(crate) fn group_given_twice(group: &LitStr) -> Error {
    over(
        group,
        format!("group `{}` is given twice", group.value()),
        "remove one of the two",
    )
}

pub(crate) fn group_too_long(group: &LitStr, length: usize, most: usize) -> Error {
    let rule = if length == group.value().len() {
        format!("a group name has at most {most} bytes")
    } else {
        format!(
            "a group name has at most {most} bytes on the wire, and this one has {length}: other \
             characters than ASCII letters, digits, `-` and `.` count as 3 bytes or more"
        )
    };
    over(group, rule, "shorten it")
}

pub(crate) fn group_reserved(group: &LitStr) -> Error {
    over(
        group,
        format!("the group `{}` belongs to the framework", group.value()),
        "choose another name",
    )
}

pub(crate) fn mailbox_out_of_range(value: &TokenStream, range: &RangeInclusive<u32>) -> Error {
    over(
        value,
        format!(
            "a mailbox holds {} to {} events",
            range.start(),
            range.end()
        ),
        "write a number, such as `mailbox = 100`",
    )
}

pub(crate) fn unknown_overflow(value: &TokenStream, allowed: &[&str]) -> Error {
    let rule = format!(
        "unknown overflow policy `{}`{}",
        text(value),
        expected(allowed)
    );
    match closest(&text(value), allowed) {
        Some(policy) => over(value, rule, format!("did you mean `{policy}`?")),
        None => over(value, rule, "write `overflow = drop_oldest`"),
    }
}

pub(crate) fn crate_not_a_path(value: &TokenStream) -> Error {
    let path = text(value).replace('"', "");
    let path = path.trim_start_matches("::");
    over(
        value,
        "`crate` takes a path",
        format!("write `crate = ::{path}`"),
    )
}

pub(crate) fn relative_crate_path(path: &Path) -> Error {
    over(
        path,
        "the path to `channels` must be absolute",
        format!("write `::{0}` or `crate::{0}`", text(path)),
    )
}
