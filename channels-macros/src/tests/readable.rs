//! Expansions as a person would write them.

use std::fmt::Write;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

/// Formats an expansion and shortens its paths: `rt` stands for `::channels::__private`, `u16` for
/// `::core::primitive::u16`. What does not parse, the user being in the middle of typing it, stands
/// there line by line.
pub(super) fn readable(expansion: TokenStream) -> String {
    let expansion = shortened(expansion, &quote!(::channels::__private), &quote!(rt));
    let expansion = shortened(expansion, &quote!(::core::primitive::), &quote!());
    items(expansion).into_iter().map(formatted).collect()
}

fn formatted(item: TokenStream) -> String {
    syn::parse2::<syn::File>(item.clone()).map_or_else(
        |_| {
            let mut lines = String::new();
            by_line(item, 0, &mut lines);
            lines
        },
        |file| prettyplease::unparse(&file),
    )
}

/// Replaces a path's beginning by another; `::a` inside of `x::a` is no beginning.
fn shortened(tokens: TokenStream, from: &TokenStream, to: &TokenStream) -> TokenStream {
    let pattern: Vec<String> = words(from.clone());
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut output = TokenStream::new();
    let mut rest = &*tokens;
    let mut behind_name = false;
    while let Some((token, others)) = rest.split_first() {
        let ahead: Vec<String> = rest
            .iter()
            .take(pattern.len())
            .map(ToString::to_string)
            .collect();
        if ahead == pattern && !behind_name {
            output.extend(to.clone());
            rest = rest.get(pattern.len()..).unwrap_or_default();
            continue;
        }
        behind_name = is_name(token);
        output.extend([match token {
            TokenTree::Group(group) => {
                let inside = shortened(group.stream(), from, to);
                TokenTree::Group(Group::new(group.delimiter(), inside))
            }
            other => other.clone(),
        }]);
        rest = others;
    }
    output
}

/// Whether `::a` behind this token goes on with a path: `x::a`, but not `impl ::a`.
fn is_name(token: &TokenTree) -> bool {
    let TokenTree::Ident(word) = token else {
        return false;
    };
    word == "crate" || syn::parse_str::<syn::Ident>(&word.to_string()).is_ok()
}

fn words(tokens: TokenStream) -> Vec<String> {
    tokens.into_iter().map(|token| token.to_string()).collect()
}

/// Splits behind every `{ … }` and `;`, except for the `;` of a `const _: () = { … };`.
fn items(tokens: TokenStream) -> Vec<TokenStream> {
    let mut items = Vec::new();
    let mut item = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let goes_on = matches!(tokens.peek(), Some(next) if is(next, ';'));
        let ends = is(&token, ';') || is_block(&token) && !goes_on;
        item.extend([token]);
        if ends {
            items.push(std::mem::take(&mut item));
        }
    }
    items.push(item);
    items
}

/// Writes tokens with a line for each statement.
fn by_line(tokens: TokenStream, depth: usize, lines: &mut String) {
    let indentation = "    ".repeat(depth);
    let mut line = TokenStream::new();
    let flush = |line: &mut TokenStream, end: &str, lines: &mut String| {
        let line = std::mem::take(line);
        if !(line.is_empty() && end.is_empty()) {
            let _ = writeln!(lines, "{indentation}{line}{end}");
        }
    };
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                flush(&mut line, " {", lines);
                by_line(group.stream(), depth + 1, lines);
                flush(&mut line, "}", lines);
            }
            token if is(&token, ';') => flush(&mut line, ";", lines),
            TokenTree::Group(group) if is_attribute(&line, &group) => {
                line.extend([TokenTree::Group(group)]);
                flush(&mut line, "", lines);
            }
            token => line.extend([token]),
        }
    }
    flush(&mut line, "", lines);
}

fn is_attribute(before: &TokenStream, group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket && before.to_string() == "#"
}

fn is(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn is_block(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}
