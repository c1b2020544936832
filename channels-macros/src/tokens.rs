//! Questions about types that are answered by their tokens.
//!
//! (syn's visitors would answer them too, and cost every user of the macros their compilation.)

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// A borrow inside a type.
pub(crate) enum Borrow {
    /// `&`, `'_`: a borrow whose end only the call knows.
    Anonymous(Span),
    /// `'a`: something else has declared it, or rustc reports it.
    Named,
}

/// The `impl` of the first `impl Trait` in a type.
pub(crate) fn find_impl_trait(ty: &impl ToTokens) -> Option<Ident> {
    leaves(ty.to_token_stream())
        .into_iter()
        .find_map(|token| match token {
            TokenTree::Ident(word) if word == "impl" => Some(word),
            _ => None,
        })
}

/// Whether a type names `Self` or any of the given parameters.
pub(crate) fn mentions(ty: &impl ToTokens, names: &[Ident]) -> bool {
    let is_one = |word: &Ident| word == "Self" || names.contains(word);
    let tokens = leaves(ty.to_token_stream());
    tokens
        .iter()
        .any(|token| matches!(token, TokenTree::Ident(word) if is_one(word)))
}

/// The first borrow in a type that is not `'static`.
pub(crate) fn find_borrow(ty: &impl ToTokens) -> Option<Borrow> {
    let tokens = leaves(ty.to_token_stream());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let TokenTree::Punct(punct) = token else {
            continue;
        };
        let borrow = match (punct.as_char(), tokens.peek()) {
            ('&', Some(TokenTree::Punct(next))) if next.as_char() == '\'' => None,
            ('&', _) => Some(Borrow::Anonymous(punct.span())),
            ('\'', Some(TokenTree::Ident(name))) if name == "static" => None,
            ('\'', Some(TokenTree::Ident(name))) if name == "_" => {
                Some(Borrow::Anonymous(name.span()))
            }
            ('\'', _) => Some(Borrow::Named),
            _ => None,
        };
        if borrow.is_some() {
            return borrow;
        }
    }
    None
}

/// The same tokens with every named or anonymous lifetime made `'static`.
pub(crate) fn made_static(tokens: TokenStream) -> TokenStream {
    let mut after_quote = false;
    let replace = |token| match token {
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), made_static(group.stream()));
            replaced.set_span(group.span());
            TokenTree::Group(replaced)
        }
        TokenTree::Ident(name) if after_quote => {
            after_quote = false;
            TokenTree::Ident(Ident::new("static", name.span()))
        }
        other => {
            after_quote = matches!(&other, TokenTree::Punct(quote) if quote.as_char() == '\'');
            other
        }
    };
    tokens.into_iter().map(replace).collect()
}

/// All tokens that are no groups, in order.
fn leaves(tokens: TokenStream) -> Vec<TokenTree> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => found.extend(leaves(group.stream())),
            leaf => found.push(leaf),
        }
    }
    found
}

/// Whether two streams have the same tokens, wherever they come from.
pub(crate) fn same(left: &TokenStream, right: &TokenStream) -> bool {
    let (mut left, mut right) = (left.clone().into_iter(), right.clone().into_iter());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(TokenTree::Group(left)), Some(TokenTree::Group(right))) => {
                if left.delimiter() != right.delimiter() || !same(&left.stream(), &right.stream()) {
                    return false;
                }
            }
            (Some(TokenTree::Punct(left)), Some(TokenTree::Punct(right))) => {
                if left.as_char() != right.as_char() {
                    return false;
                }
            }
            (Some(left), Some(right)) => {
                if left.to_string() != right.to_string() {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Borrow, find_borrow, find_impl_trait, mentions};
    use quote::{format_ident, quote};

    #[test]
    fn borrows() {
        assert!(find_borrow(&quote!(Vec<String>)).is_none());
        assert!(find_borrow(&quote!(&'static str)).is_none());
        assert!(find_borrow(&quote!(Cow<'static, [u8]>)).is_none());
        for anonymous in [quote!(Vec<&str>), quote!(Cow<'_, str>), quote!([&u8; 3])] {
            assert!(
                matches!(find_borrow(&anonymous), Some(Borrow::Anonymous(_))),
                "{anonymous}"
            );
        }
        for named in [quote!(Cow<'a, str>), quote!(Vec<&'a str>)] {
            assert!(
                matches!(find_borrow(&named), Some(Borrow::Named)),
                "{named}"
            );
        }
    }

    #[test]
    fn impl_trait_is_found_at_any_depth() {
        assert!(find_impl_trait(&quote!(Json<Vec<(u8, impl Clone)>>)).is_some());
        assert!(find_impl_trait(&quote!(Json<implement>)).is_none());
    }

    #[test]
    fn mentions_self_and_parameters() {
        let names = [format_ident!("S")];
        assert!(mentions(&quote!(Json<S::Said>), &names));
        assert!(mentions(&quote!([Self; 2]), &[]));
        assert!(!mentions(&quote!(Json<Said>), &names));
    }
}
