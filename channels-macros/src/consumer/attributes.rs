//! The attributes of a method: `#[handler]`, `#[fallback]` and the conditions it is compiled under.

use proc_macro2::{Group, Ident, Punct, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::{Attribute, LitStr, Meta, Path};

use super::model::Entry;
use crate::errors::{self, Errors};
use crate::event_type;
use crate::options;

/// What `#[handler("type", …)]` may say behind the type.
const OPTIONS: [&str; 1] = ["relay"];

/// rustc's own attributes and tools, as far as they occur on methods.
const BUILT_IN: [&str; 24] = [
    "allow",
    "automatically_derived",
    "cfg",
    "clippy",
    "cold",
    "coverage",
    "deny",
    "deprecated",
    "diagnostic",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "inline",
    "link_section",
    "must_use",
    "no_mangle",
    "optimize",
    "rustc_allow_const_fn_unstable",
    "rustdoc",
    "rustfmt",
    "target_feature",
    "track_caller",
    "warn",
];

/// What the attributes of a method make of it.
pub(crate) enum Marking {
    /// Neither `#[handler]` nor `#[fallback]`.
    Unmarked,
    /// A mark with a mistake in it, which has been reported.
    Broken,
    /// With the word `relay`, where it stands.
    Marked(Entry, Option<Ident>),
}

/// The two attributes that `#[consumer]` takes away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    Handler,
    Fallback,
}

impl Marker {
    /// Knows `handler`, `channels::handler` and `channels::prelude::handler`.
    fn of(path: &Path) -> Option<Self> {
        let mut segments = path.segments.iter().rev();
        let name = segments.next()?;
        if segments
            .next()
            .is_some_and(|module| module.ident != "channels" && module.ident != "prelude")
        {
            return None;
        }
        match &*name.ident.to_string() {
            "handler" => Some(Self::Handler),
            "fallback" => Some(Self::Fallback),
            _ => None,
        }
    }
}

/// Whether `#[…]` is one of ours, or becomes one under a condition.
pub(crate) fn is_marker(hash: &Punct, brackets: &Group) -> bool {
    let tokens = TokenStream::from_iter([
        TokenTree::Punct(hash.clone()),
        TokenTree::Group(brackets.clone()),
    ]);
    let attributes = Attribute::parse_outer.parse2(tokens).unwrap_or_default();
    attributes.iter().any(|attribute| marks(&attribute.meta))
}

/// An attribute that `#[consumer]` does not know. It may be `#[handler]` or `#[fallback]` under another
/// name: rustc resolves names after `#[consumer]` has read the block.
pub(crate) fn unknown(attributes: &[Attribute]) -> Option<Meta> {
    attributes.iter().find_map(|it| unknown_meta(&it.meta))
}

/// The event type that such an attribute names, if it is one that a handler may have.
pub(crate) fn event_type_of(unknown: &Meta) -> Option<String> {
    let tokens = unknown.require_list().ok()?.tokens.clone();
    let first = options::split(tokens).into_iter().next()?.ok()?;
    let text = syn::parse2::<LitStr>(first).ok()?.value();
    event_type::check(&text).is_ok().then_some(text)
}

/// Whether `#[…]` is such an attribute.
pub(crate) fn is_unknown_attribute(hash: &Punct, brackets: &Group) -> bool {
    let tokens = TokenStream::from_iter([
        TokenTree::Punct(hash.clone()),
        TokenTree::Group(brackets.clone()),
    ]);
    let attributes = Attribute::parse_outer.parse2(tokens).unwrap_or_default();
    unknown(&attributes).is_some()
}

fn unknown_meta(meta: &Meta) -> Option<Meta> {
    let path = meta.path();
    if path.is_ident("cfg_attr") {
        return conditional(meta).iter().find_map(unknown_meta);
    }
    let first = path.segments.first().map(|it| it.ident.to_string());
    let known = first.is_some_and(|first| BUILT_IN.contains(&first.as_str()));
    (!known && Marker::of(path).is_none()).then(|| meta.clone())
}

/// Whether any of these is one of ours.
pub(crate) fn marker(attributes: &[Attribute]) -> Option<&Attribute> {
    attributes.iter().find(|attribute| marks(&attribute.meta))
}

fn marks(meta: &Meta) -> bool {
    Marker::of(meta.path()).is_some() || conditional(meta).iter().any(marks)
}

/// The attributes inside of a `cfg_attr`.
fn conditional(meta: &Meta) -> Vec<Meta> {
    let Meta::List(list) = meta else {
        return Vec::new();
    };
    if !list.path.is_ident("cfg_attr") {
        return Vec::new();
    }
    let pieces = options::split(list.tokens.clone()).into_iter().skip(1);
    pieces
        .filter_map(|piece| syn::parse2(piece.ok()?).ok())
        .collect()
}

/// Finds the one mark of a method and reads it.
pub(crate) fn marking(attributes: &[Attribute], errors: &mut Errors) -> Marking {
    let mut marking = Marking::Unmarked;
    for attribute in attributes {
        let Some(marker) = Marker::of(attribute.path()) else {
            if marks(&attribute.meta) {
                errors.push(errors::conditional_marker(attribute));
                marking = Marking::Broken;
            }
            continue;
        };
        if !matches!(marking, Marking::Unmarked) {
            errors.push(errors::second_marker(attribute));
            continue;
        }
        let entry = match marker {
            Marker::Handler => handler(attribute, errors),
            Marker::Fallback => fallback(attribute, errors).map(|entry| (entry, None)),
        };
        marking = match entry {
            Some((entry, relay)) => Marking::Marked(entry, relay),
            None => Marking::Broken,
        };
    }
    marking
}

/// Reads `#[handler("event.type")]` and `#[handler("event.type", relay)]`.
fn handler(attribute: &Attribute, errors: &mut Errors) -> Option<(Entry, Option<Ident>)> {
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) => TokenStream::new(),
        Meta::NameValue(pair) => {
            errors.push(errors::handler_with_equals(attribute, &pair.value));
            return None;
        }
    };
    let mut pieces = options::split(arguments).into_iter();
    let Some(first) = pieces.next() else {
        errors.push(errors::handler_without_type(attribute));
        return None;
    };
    let entry = errors.check(first.and_then(|argument| entry(&argument)));
    let mut relay = None;
    for option in options::keyed(pieces, &OPTIONS, errors) {
        if option.key != "relay" {
            errors.push(errors::unknown_option(&option.key, &OPTIONS));
        } else if relay.is_some() {
            errors.push(errors::given_twice(&option.key));
        } else if errors.check(option.flag()).is_some() {
            relay = Some(option.key);
        }
    }
    entry.map(|entry| (entry, relay))
}

/// Reads the event type of a handler: one of the user's own, or one of the protocols'.
fn entry(argument: &TokenStream) -> syn::Result<Entry> {
    let literal = syn::parse2::<LitStr>(argument.clone())
        .map_err(|_| errors::event_type_not_literal(argument))?;
    if let Some(entry) = Entry::protocol(&literal) {
        return Ok(entry);
    }
    let text = literal.value();
    event_type::check_literal(&text).map_err(|fault| {
        let meant = event_type::suggestion(&text);
        let meant = meant.or_else(|| event_type::protocol_suggestion(&text));
        errors::invalid_event_type(&literal, &fault, meant)
    })?;
    Ok(Entry::Event(literal))
}

/// Reads `#[fallback]`, which takes no arguments.
fn fallback(attribute: &Attribute, errors: &mut Errors) -> Option<Entry> {
    let path = attribute.meta.require_path_only().cloned();
    let path = path.map_err(|_| errors::fallback_with_arguments(attribute));
    errors.check(path).map(Entry::Fallback)
}

/// The conditions among some attributes, to be repeated on whatever is generated for their item.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<TokenStream> {
    attributes.iter().filter_map(condition).collect()
}

fn condition(attribute: &Attribute) -> Option<TokenStream> {
    if attribute.path().is_ident("cfg") {
        return Some(attribute.to_token_stream());
    }
    let nested = conditional(&attribute.meta);
    let nested: Vec<Meta> = nested
        .into_iter()
        .filter(|meta| meta.path().is_ident("cfg"))
        .collect();
    let Meta::List(list) = &attribute.meta else {
        return None;
    };
    let predicate = options::split(list.tokens.clone()).into_iter().next()?.ok();
    (!nested.is_empty()).then(|| quote!(#[cfg_attr(#predicate, #(#nested),*)]))
}
