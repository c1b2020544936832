//! The user's items, as far as the macro needs to understand them.
//!
//! Bodies are never parsed: what is wrong in a body is rustc's to say, and an editor keeps working
//! while the user is in the middle of typing one. What is re-emitted is never built from this tree
//! but from the original tokens, by [`without_markers`].

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{
    Attribute, Generics, Ident, ItemImpl, LitStr, Meta, Path, Signature, Token, Visibility,
    WhereClause,
};

use super::attributes;

/// The item below a `#[consumer]`.
pub(crate) enum Item {
    Struct(StructHead),
    Impl(Box<ImplBlock>),
    /// Anything else; if it is a type, then with its head.
    Other(Ident, Option<StructHead>),
}

/// A struct without its fields.
pub(crate) struct StructHead {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
}

/// An `impl` block: its head, and its items one by one.
pub(crate) struct ImplBlock {
    pub(crate) head: ItemImpl,
    pub(crate) items: Vec<BlockItem>,
}

/// One item of the block.
pub(crate) enum BlockItem {
    Method(Box<Method>),
    /// `name! { … }`, which nobody has expanded yet.
    MacroCall(Path),
    /// A constant or a type.
    Other(Vec<Attribute>),
    /// A method that syn can't read; rustc has said why.
    Unreadable,
}

/// A method, its body unparsed.
pub(crate) struct Method {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) sig: Signature,
    /// What stands between the braces.
    pub(crate) body: TokenStream,
}

/// Reads the item below a `#[consumer]`.
pub(crate) fn parse(item: &TokenStream) -> syn::Result<Item> {
    syn::parse2(ungrouped(item.clone()))
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        while ahead.peek(Token![unsafe]) || ahead.peek(Token![default]) {
            ahead.call(Ident::parse_any)?;
        }
        let keyword = ahead.call(Ident::parse_any)?;
        if keyword == "impl" {
            return impl_block(input.parse()?).map(|block| Self::Impl(Box::new(block)));
        }
        let is_type = keyword == "struct" || keyword == "enum" || keyword == "union";
        let head = if is_type {
            Some(struct_head(input)?)
        } else {
            None
        };
        input.parse::<TokenStream>()?;
        match head {
            Some(head) if keyword == "struct" => Ok(Self::Struct(head)),
            head => Ok(Self::Other(keyword, head)),
        }
    }
}

/// Reads `struct Name<…> where …`, and the `where` behind the fields of a tuple struct.
fn struct_head(input: ParseStream<'_>) -> syn::Result<StructHead> {
    let attrs = input.call(Attribute::parse_outer)?;
    input.parse::<Visibility>()?;
    input.call(Ident::parse_any)?;
    let ident = input.parse()?;
    let mut generics: Generics = input.parse()?;
    generics.where_clause = input.parse()?;
    if input.peek(syn::token::Paren) {
        input.parse::<TokenTree>()?;
        let behind: Option<WhereClause> = input.parse()?;
        generics.where_clause = generics.where_clause.or(behind);
    }
    Ok(StructHead {
        attrs,
        ident,
        generics,
    })
}

/// Reads the head with an empty body, and the body item by item.
fn impl_block(item: TokenStream) -> syn::Result<ImplBlock> {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let items = match tokens.pop() {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
            block_items.parse2(body.stream())?
        }
        // `impl Chat;`, of which rustc has said that a body is missing.
        _ => vec![BlockItem::Unreadable],
    };
    let no_body = Group::new(Delimiter::Brace, TokenStream::new());
    tokens.push(TokenTree::Group(no_body));
    let head = syn::parse2(tokens.into_iter().collect())?;
    Ok(ImplBlock { head, items })
}

fn block_items(input: ParseStream<'_>) -> syn::Result<Vec<BlockItem>> {
    input.call(Attribute::parse_inner)?;
    let mut items = Vec::new();
    while !input.is_empty() {
        let ahead = input.fork();
        if let Ok(item) = block_item(&ahead) {
            input.advance_to(&ahead);
            items.push(item);
        } else {
            skip_item(input)?;
            items.push(BlockItem::Unreadable);
        }
    }
    Ok(items)
}

fn block_item(input: ParseStream<'_>) -> syn::Result<BlockItem> {
    let attrs = input.call(Attribute::parse_outer)?;
    if let Some(name) = macro_name(&input.fork()) {
        skip_item(input)?;
        return Ok(BlockItem::MacroCall(name));
    }
    input.parse::<Visibility>()?;
    if input.peek(Token![default]) {
        input.parse::<Token![default]>()?;
    }
    let is_constant = input.peek(Token![const]) && !is_qualifier(input);
    if is_constant || input.peek(Token![type]) {
        while !input.peek(Token![;]) {
            input.parse::<TokenTree>()?;
        }
        input.parse::<Token![;]>()?;
        return Ok(BlockItem::Other(attrs));
    }
    let sig = input.parse()?;
    let body = match skip_item(input)? {
        Some(TokenTree::Group(braces)) => braces.stream(),
        _ => TokenStream::new(),
    };
    Ok(BlockItem::Method(Box::new(Method { attrs, sig, body })))
}

/// Whether the `const` ahead is that of a `const fn`.
fn is_qualifier(input: ParseStream<'_>) -> bool {
    input.peek2(Token![fn])
        || input.peek2(Token![async])
        || input.peek2(Token![unsafe])
        || input.peek2(Token![extern])
}

/// The path ahead, if it is that of a macro call.
fn macro_name(input: ParseStream<'_>) -> Option<Path> {
    let path = input.call(Path::parse_mod_style).ok()?;
    input.peek(Token![!]).then_some(path)
}

/// Skips to behind the next `{ … }` or `;`, and gives that back.
fn skip_item(input: ParseStream<'_>) -> syn::Result<Option<TokenTree>> {
    while !input.is_empty() {
        let ends = input.peek(syn::token::Brace) || input.peek(Token![;]);
        let token = input.parse()?;
        if ends {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

/// The item as the user wrote it, without the `#[handler]` and `#[fallback]` of its methods. With
/// `tags`, a tag follows each attribute that may be one of these under another name.
pub(crate) fn without_markers(item: TokenStream, tags: bool) -> TokenStream {
    let clean = |token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            regrouped(&group, strip(group.stream(), tags))
        }
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            regrouped(&group, without_markers(group.stream(), tags))
        }
        other => other,
    };
    item.into_iter().map(clean).collect()
}

/// Tells a marker under another name that `#[consumer]` has reported it. It is a comment, since rustc
/// removes a `#[cfg(…)]` before it expands the marker; and the program does not compile anyway.
const TAG: &str = "`#[consumer]` has reported the attribute above";

/// Whether a method has the tag.
pub(crate) fn is_tagged(method: &TokenStream) -> bool {
    let attributes = |input: ParseStream<'_>| {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<TokenStream>()?;
        Ok(attributes)
    };
    let is_tag = |attribute: &Attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return false;
        };
        let value = syn::parse2::<LitStr>(pair.value.to_token_stream());
        pair.path.is_ident("doc") && value.is_ok_and(|value| value.value() == TAG)
    };
    let attributes = attributes.parse2(method.clone()).unwrap_or_default();
    attributes.iter().any(is_tag)
}

/// Removes the markers that stand directly in a block.
fn strip(block: TokenStream, tags: bool) -> TokenStream {
    let mut kept = TokenStream::new();
    let mut tokens = block.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => match tokens.peek() {
                Some(TokenTree::Group(group)) if attributes::is_marker(&hash, group) => {
                    tokens.next();
                }
                Some(TokenTree::Group(group))
                    if tags && attributes::is_unknown_attribute(&hash, group) =>
                {
                    kept.extend([TokenTree::Punct(hash)]);
                    kept.extend(tokens.next());
                    kept.extend(quote!(#[doc = #TAG]));
                }
                _ => kept.extend([TokenTree::Punct(hash)]),
            },
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                kept.extend([regrouped(&group, strip(group.stream(), tags))]);
            }
            other => kept.extend([other]),
        }
    }
    kept
}

fn regrouped(group: &Group, stream: TokenStream) -> TokenTree {
    let mut regrouped = Group::new(group.delimiter(), stream);
    regrouped.set_span(group.span());
    TokenTree::Group(regrouped)
}

/// Takes an item out of the invisible group in which `macro_rules!` passes an `$item`.
fn ungrouped(item: TokenStream) -> TokenStream {
    let mut tokens = item.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => {
            ungrouped(group.stream())
        }
        _ => item,
    }
}
