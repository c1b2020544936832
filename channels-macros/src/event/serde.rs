//! What serde's attributes say of the shape in which a type is encoded.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Ident, Lit, LitStr, Meta, Token};

/// The attributes `#[serde(…)]` of a type, a variant or a field. Mistakes in them are serde's to report.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an attribute of serde's"
)]
pub(super) struct Serde {
    pub(super) tag: Option<LitStr>,
    pub(super) content: Option<LitStr>,
    pub(super) is_untagged: bool,
    pub(super) is_transparent: bool,
    /// Whether another type or function decides how it is encoded.
    pub(super) is_converted: bool,
    pub(super) is_skipped: bool,
    pub(super) is_flattened: bool,
    pub(super) rename_all: Option<String>,
    pub(super) rename_all_fields: Option<String>,
    rename: Option<LitStr>,
}

/// The name under which something is encoded, and what decides that.
pub(super) struct Name<'a> {
    pub(super) text: String,
    ident: &'a Ident,
    rename: Option<&'a LitStr>,
}

impl Serde {
    pub(super) fn of(attributes: &[Attribute]) -> Self {
        let mut serde = Self::default();
        let own = attributes.iter().filter(|it| it.path().is_ident("serde"));
        for attribute in own {
            let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
            for meta in attribute.parse_args_with(parser).unwrap_or_default() {
                serde.read(&meta);
            }
        }
        serde
    }

    fn read(&mut self, meta: &Meta) {
        let Some(word) = meta.path().get_ident().map(Ident::to_string) else {
            return;
        };
        let text = || value(meta).map(|literal| literal.value());
        match &*word {
            "tag" => self.tag = value(meta),
            "content" => self.content = value(meta),
            "untagged" => self.is_untagged = true,
            "transparent" => self.is_transparent = true,
            "from" | "try_from" | "into" | "remote" | "with" | "serialize_with" => {
                self.is_converted = true;
            }
            "skip" | "skip_serializing" => self.is_skipped = true,
            "flatten" => self.is_flattened = true,
            "rename" => self.rename = value(meta),
            "rename_all" => self.rename_all = text(),
            "rename_all_fields" => self.rename_all_fields = text(),
            _ => {}
        }
    }

    pub(super) fn name_of_field<'a>(&'a self, ident: &'a Ident, rule: Option<&str>) -> Name<'a> {
        // serde's `lowercase` leaves fields as they are.
        let is_upper = rule.is_some_and(|rule| {
            rule == "UPPERCASE" || rule == "PascalCase" || rule.starts_with("SCREAMING")
        });
        let plain = plain(ident);
        let text = if is_upper {
            plain.to_uppercase()
        } else {
            plain
        };
        self.name(ident, text)
    }

    pub(super) fn name_of_variant<'a>(&'a self, ident: &'a Ident, rule: Option<&str>) -> Name<'a> {
        // Of variants of one word, all rules but these begin with a small letter.
        let is_upper = rule.is_none_or(|rule| {
            rule == "UPPERCASE" || rule == "PascalCase" || rule.starts_with("SCREAMING")
        });
        let plain = plain(ident);
        let text = if is_upper {
            plain
        } else {
            plain.to_lowercase()
        };
        self.name(ident, text)
    }

    fn name<'a>(&'a self, ident: &'a Ident, text: String) -> Name<'a> {
        let rename = self.rename.as_ref();
        Name {
            text: rename.map_or(text, LitStr::value),
            ident,
            rename,
        }
    }
}

impl Name<'_> {
    /// The tokens to be changed.
    pub(super) fn place(&self) -> TokenStream {
        match self.rename {
            Some(literal) => literal.to_token_stream(),
            None => self.ident.to_token_stream(),
        }
    }
}

fn plain(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// The text of `word = "text"`, or what `word(serialize = "text", …)` says of encoding.
fn value(meta: &Meta) -> Option<LitStr> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.clone()),
                _ => None,
            },
            _ => None,
        },
        Meta::List(list) => {
            let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
            let metas = list.parse_args_with(parser).ok()?;
            let serialize = metas.iter().find(|it| it.path().is_ident("serialize"))?;
            value(serialize)
        }
        Meta::Path(_) => None,
    }
}
