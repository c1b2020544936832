//! The paths that generated code starts with.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::Path;

/// Where generated code finds the runtime's support module.
#[derive(Default)]
pub(crate) struct RuntimePath {
    /// The user's `crate = …`; without one it is `::channels`.
    root: Option<Path>,
}

impl RuntimePath {
    /// The runtime behind a path of the user's own.
    pub(crate) fn new(root: Path) -> Self {
        Self { root: Some(root) }
    }

    /// `::channels::__private`, to be reported at `span` when what follows does not compile.
    pub(crate) fn at(&self, span: Span) -> TokenStream {
        let span = generated(span);
        match &self.root {
            None => quote_spanned!(span=> ::channels::__private),
            Some(root) => {
                let root = relocated(root.to_token_stream(), span);
                quote_spanned!(span=> #root::__private)
            }
        }
    }

    /// `::channels::__private`, belonging to the macro's call as a whole.
    pub(crate) fn here(&self) -> TokenStream {
        self.at(Span::mixed_site())
    }
}

/// A span that is reported at `location`, while its names are the macro's own.
///
/// Lints and hygiene then treat the token as generated code, and errors still point at the user's.
pub(crate) fn generated(location: Span) -> Span {
    Span::mixed_site().located_at(location)
}

/// The same tokens at another place; what they name stays the same (`$crate` depends on it).
fn relocated(tokens: TokenStream, location: Span) -> TokenStream {
    let relocate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(location));
        token
    };
    tokens.into_iter().map(relocate).collect()
}
