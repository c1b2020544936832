//! What clippy would say of handlers, and users could not follow.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;

/// Turns off, for the user's `impl` block, the lints that ask for another signature: a handler's
/// is given by the framework.
///
/// - `unused_async`, `missing_const_for_fn`: `async fn` or plain `fn` says where a handler runs, and
///   it cannot be `const`.
/// - `unused_self`, `needless_pass_by_ref_mut`, `wrong_self_convention`: every handler borrows its
///   consumer, whatever it does with it and whatever it is called.
/// - `needless_pass_by_value`, `trivially_copy_pass_by_ref`: the parameter's type says what is
///   decoded, and not every type can be had both ways.
/// - `unnecessary_wraps`: what a handler returns is `Result`, also if it never fails.
///
/// One attribute on the block leaves every method as it was written.
pub(crate) fn allowances() -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        #[allow(
            clippy::missing_const_for_fn,
            clippy::needless_pass_by_ref_mut,
            clippy::needless_pass_by_value,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self,
            clippy::wrong_self_convention,
            reason = "a handler's signature is given by `#[consumer]`"
        )]
    }
}
