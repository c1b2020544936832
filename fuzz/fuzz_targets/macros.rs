//! Any tokens through the macros: they never panic, and the user's item comes out as it was.
//!
//! A `proc-macro` crate cannot be called from outside, so its modules are compiled here once more.

#![no_main]

#[path = "../../channels-macros/src/consumer/mod.rs"]
mod consumer;
#[path = "../../channels-macros/src/errors/mod.rs"]
mod errors;
#[path = "../../channels-macros/src/event/mod.rs"]
mod event;
#[path = "../../channels-macros/src/event_type.rs"]
mod event_type;
#[path = "../../channels-macros/src/options.rs"]
mod options;
#[path = "../../channels-macros/src/paths.rs"]
mod paths;
#[path = "../../channels-macros/src/suggest.rs"]
mod suggest;
#[path = "../../channels-macros/src/tokens.rs"]
mod tokens;

use proc_macro2::{Span, TokenStream};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = run(data);
});

/// The first byte selects the macro, the first line has the arguments of `#[consumer]`, and the rest
/// is the item.
fn run(data: &[u8]) -> Option<()> {
    let (kind, text) = data.split_first()?;
    let (arguments, item) = std::str::from_utf8(text).ok()?.split_once('\n')?;
    let arguments: TokenStream = arguments.parse().ok()?;
    let item: TokenStream = item.parse().ok()?;
    match kind % 3 {
        0 => {
            let is_struct = syn::parse2::<syn::ItemStruct>(item.clone()).is_ok();
            let written = item.to_string();
            let output = consumer::expand(arguments, item).to_string();
            assert!(
                !is_struct || output.starts_with(&written),
                "the item was changed"
            );
        }
        1 => drop(event::expand(item)),
        _ => {
            let written = item.to_string();
            let output = consumer::expand_outside("handler", Span::call_site(), item).to_string();
            assert!(output.starts_with(&written), "the item was changed");
        }
    }
    Some(())
}
