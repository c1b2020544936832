//! The argument lists of our attributes: `("event.type", key = value, list(…), flag)`.
//!
//! Each argument is read on its own, so that one that is half typed hides no other.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Path, Token};

use crate::errors::{self, Errors};
use crate::paths::RuntimePath;

/// `key`, `key = value` or `key(list)`.
pub(crate) struct Argument {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// What follows an argument's key.
pub(crate) enum Value {
    Nothing,
    Assigned(TokenStream),
    Listed(TokenStream),
}

/// Splits the tokens between an attribute's parentheses at their commas.
pub(crate) fn split(arguments: TokenStream) -> Vec<syn::Result<TokenStream>> {
    let mut pieces = Vec::new();
    let mut piece = TokenStream::new();
    for token in arguments {
        match token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => {
                let piece = std::mem::take(&mut piece);
                let is_missing = piece.is_empty();
                let missing = || Err(errors::missing_argument(comma.span()));
                pieces.push(if is_missing { missing() } else { Ok(piece) });
            }
            other => piece.extend([other]),
        }
    }
    if !piece.is_empty() {
        pieces.push(Ok(piece));
    }
    pieces
}

/// Reads arguments that all have a key; those that have none are reported.
pub(crate) fn keyed(
    pieces: impl IntoIterator<Item = syn::Result<TokenStream>>,
    allowed: &[&str],
    errors: &mut Errors,
) -> Vec<Argument> {
    let mut arguments = Vec::new();
    for piece in pieces {
        let argument = piece.and_then(|piece| argument(&piece, allowed));
        arguments.extend(errors.check(argument));
    }
    arguments
}

fn argument(piece: &TokenStream, allowed: &[&str]) -> syn::Result<Argument> {
    let mut tokens = piece.clone().into_iter();
    let Some(TokenTree::Ident(key)) = tokens.next() else {
        return Err(errors::not_an_option(piece, allowed));
    };
    let value = match tokens.next() {
        None => Value::Nothing,
        Some(TokenTree::Punct(equals)) if equals.as_char() == '=' => {
            return Ok(Argument {
                key,
                value: Value::Assigned(tokens.collect()),
            });
        }
        Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Parenthesis => {
            Value::Listed(list.stream())
        }
        Some(other) => return Err(errors::unexpected(&other, &key)),
    };
    match tokens.next() {
        Some(other) => Err(errors::unexpected(&other, &key)),
        None => Ok(Argument { key, value }),
    }
}

impl Argument {
    /// The value of `key = value`; `example` completes the help for one that is missing.
    pub(crate) fn assigned(&self, example: &str) -> syn::Result<&TokenStream> {
        match &self.value {
            Value::Assigned(value) if !value.is_empty() => Ok(value),
            Value::Listed(list) if !list.is_empty() => Err(errors::list_for_value(&self.key, list)),
            _ => Err(errors::value_missing(&self.key, &format!("= {example}"))),
        }
    }

    /// The value of `key = "text"`.
    pub(crate) fn string(&self, example: &str) -> syn::Result<LitStr> {
        let value = self.assigned(example)?;
        let text = syn::parse2::<LitStr>(value.clone())
            .map_err(|_| errors::wrong_value(&self.key, value, &format!("= {example}")))?;
        if text.value().is_empty() {
            return Err(errors::empty_text(&self.key, &text));
        }
        Ok(text)
    }

    /// The values of `key(a, b)`.
    pub(crate) fn list<T: syn::parse::Parse>(&self, example: &str) -> syn::Result<Vec<T>> {
        let help = format!("({example})");
        let list = match &self.value {
            Value::Listed(list) if !list.is_empty() => list,
            Value::Assigned(value) if !value.is_empty() => {
                return Err(errors::value_for_list(&self.key, value));
            }
            _ => return Err(errors::value_missing(&self.key, &help)),
        };
        let values = Punctuated::<T, Token![,]>::parse_terminated.parse2(list.clone());
        let values = values.map_err(|_| errors::wrong_value(&self.key, list, &help))?;
        Ok(values.into_iter().collect())
    }

    /// A key that takes no value.
    pub(crate) fn flag(&self) -> syn::Result<()> {
        match &self.value {
            Value::Nothing => Ok(()),
            Value::Assigned(value) | Value::Listed(value) => {
                Err(errors::flag_with_value(&self.key, value))
            }
        }
    }

    /// The value of `crate = ::path`.
    pub(crate) fn runtime_path(&self) -> syn::Result<RuntimePath> {
        const EXAMPLE: &str = "::my_crate::channels";
        let value = self.assigned(EXAMPLE)?;
        let path = syn::parse2::<Path>(value.clone());
        let path = path.map_err(|_| errors::crate_not_a_path(value))?;
        if is_absolute(&path) {
            Ok(RuntimePath::new(path))
        } else {
            Err(errors::relative_crate_path(&path))
        }
    }
}

/// Whether a path means the same in every module. (`$crate` is what `macro_rules!` passes on.)
fn is_absolute(path: &Path) -> bool {
    let first = path
        .segments
        .first()
        .map(|segment| segment.ident.to_string());
    path.leading_colon.is_some() || matches!(first.as_deref(), Some("crate" | "$crate"))
}

/// The keys seen so far, to find those that are given twice.
#[derive(Default)]
pub(crate) struct Seen(Vec<String>);

impl Seen {
    /// Remembers `key`, or reports that it has been given before.
    pub(crate) fn insert(&mut self, key: &Ident) -> syn::Result<()> {
        let name = key.to_string();
        if self.0.contains(&name) {
            return Err(errors::given_twice(key));
        }
        self.0.push(name);
        Ok(())
    }
}
