//! The macros of `channels`.
//!
//! Use them through the package `channels`, which re-exports them beside what their output needs.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod consumer;
mod errors;
mod event;
mod event_type;
mod options;
mod paths;
mod suggest;
#[cfg(test)]
mod tests;
mod tokens;

use proc_macro::TokenStream;
use proc_macro2::Span;

/// Makes a struct a consumer, and its `impl` block the consumer's dispatch table.
#[proc_macro_attribute]
pub fn consumer(arguments: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand(arguments.into(), item.into()).into()
}

/// Marks a method of a consumer as the handler of an event type.
#[proc_macro_attribute]
pub fn handler(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand_outside("handler", Span::call_site(), item.into()).into()
}

/// Marks the method of a consumer that gets the events no other method handles.
#[proc_macro_attribute]
pub fn fallback(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand_outside("fallback", Span::call_site(), item.into()).into()
}

/// Ties a struct or an enum to its event type.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(item: TokenStream) -> TokenStream {
    event::expand(item.into()).into()
}
