//! `#[consumer]`: syntax → model → tokens.
//!
//! The user's item comes first in the output, as it was written; an `impl` block gets one attribute,
//! for lints. Behind it comes what is generated, also when there are mistakes: with whatever is
//! sound, so that other uses of the consumer cause no second error. The mistakes come last, all of
//! them, in source order.

mod args;
mod attributes;
mod checks;
mod declare;
mod emit;
mod lints;
mod lower;
mod model;
mod relay;
mod signature;
mod syntax;

use proc_macro2::{Ident, Span, TokenStream};

use crate::errors::{self, Errors};
pub(crate) use model::Entry;
use syntax::{ImplBlock, Item, StructHead};

/// Expands `#[consumer(arguments)]` on any item.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let (mut output, generated) = match syntax::parse(&item) {
        Ok(Item::Struct(head)) => (item, expand_struct(arguments, &head, &mut errors)),
        Ok(Item::Impl(block)) => {
            let generated = expand_impl(arguments, &block, &mut errors);
            let tags = errors.has_renamed_marker();
            let mut output = lints::allowances();
            output.extend(syntax::without_markers(item, tags));
            (output, generated)
        }
        Ok(Item::Other(keyword, head)) => (
            syntax::without_markers(item, false),
            expand_other(&keyword, head, &mut errors),
        ),
        Err(error) => {
            errors.push(error);
            (syntax::without_markers(item, false), TokenStream::new())
        }
    };
    output.extend(generated);
    output.extend(errors.into_tokens());
    output
}

fn expand_struct(arguments: TokenStream, head: &StructHead, errors: &mut Errors) -> TokenStream {
    let declared = args::on_struct(arguments, errors);
    declare::declare(head, &declared, errors)
}

fn expand_impl(arguments: TokenStream, block: &ImplBlock, errors: &mut Errors) -> TokenStream {
    let runtime = args::on_impl(arguments, errors);
    emit::emit(&lower::lower(block, runtime, errors))
}

/// An enum or a union is declared all the same: its `impl` block may be right.
fn expand_other(keyword: &Ident, head: Option<StructHead>, errors: &mut Errors) -> TokenStream {
    errors.push(errors::neither_struct_nor_impl(keyword));
    let declared = args::Declared::default();
    head.map(|head| declare::declare(&head, &declared, errors))
        .unwrap_or_default()
}

/// Expands `#[handler]` and `#[fallback]` where no `#[consumer]` has taken them away: outside of its
/// block, or inside of it under another name.
pub(crate) fn expand_outside(name: &str, attribute: Span, item: TokenStream) -> TokenStream {
    if syntax::is_tagged(&item) {
        return item;
    }
    let mut output = item;
    output.extend(errors::marker_outside(name, attribute).to_compile_error());
    output
}
