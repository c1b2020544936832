//! Lowering, by what it reports. (Where each error points is the business of `tests/ui`.)

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use super::{check, parse};
use crate::consumer;

fn in_block(items: TokenStream, expected: Expect) {
    check(
        consumer::expand(quote!(), quote!(impl Chat { #items })),
        expected,
    );
}

#[test]
fn methods_that_are_no_handlers() {
    let items = quote! {
        async fn recieve(&mut self) {}
        fn receive_json(&mut self) {}
        fn helper(&mut self) {}
        fn new() -> Self {}
        #[handler("x")]
        const X: u8 = 1;
        make_handlers! {}
        some::other!();
        type Alias = u8;
        const fn constant() {}
    };
    in_block(
        items,
        expect![[r#"
        `recieve` is not a handler
          help: did you mean `receive`?
        `receive_json` is not a handler
          help: did you mean `receive`?
        `helper` is not a handler
          help: mark it `#[handler("helper")]`, or move it to a plain `impl Chat { … }`
        `new` is not a handler
          help: mark it `#[handler("new")]`, or move it to a plain `impl Chat { … }`
        `#[handler]` applies to methods
          help: remove it
        `#[consumer]` cannot see the methods that `make_handlers!` makes
          help: move the call to an `impl` block of its own, or let the macro make the whole block
        `#[consumer]` cannot see the methods that `some::other!` makes
          help: move the call to an `impl` block of its own, or let the macro make the whole block
        `constant` is not a handler
          help: mark it `#[handler("constant")]`, or move it to a plain `impl Chat { … }`"#]],
    );
}

#[test]
fn marks() {
    let items = quote! {
        #[handler]
        fn a(&self) {}
        #[handler()]
        fn b(&self) {}
        #[handler = "c"]
        fn c(&self) {}
        #[handler(D)]
        fn d(&self) {}
        #[handler("e", rely, group = "x", "y")]
        fn e(&self) {}
        #[handler("f")]
        #[fallback]
        fn f(&self) {}
        #[fallback()]
        fn g(&self) {}
        #[cfg_attr(x, handler("h"))]
        fn h(&self) {}
        #[other::handler("i")]
        fn i(&self) {}
    };
    in_block(
        items,
        expect![[r#"
            `#[handler]` needs an event type
              help: write `#[handler("call.back")]`
            `#[handler]` needs an event type
              help: write `#[handler("call.back")]`
            `#[handler]` takes its event type in parentheses
              help: write `#[handler("c")]`
            an event type is a string literal
              help: write it in quotes, such as `"call.back"`
            expected an option
              expected `relay`
              help: remove it
            unknown option `rely`
              expected `relay`
              help: did you mean `relay`?
            unknown option `group`
              expected `relay`
              help: remove it
            a method handles one event type
              help: write a second method, and call one from the other
            `#[fallback]` takes no arguments: it gets every event that has no handler
              help: write `#[fallback]`
            a handler cannot be marked by `cfg_attr`: `#[consumer]` reads the block before rustc does
              help: mark the method always, and put it under `#[cfg(…)]`
            `#[other::handler]` does not make `i` a handler
              help: `#[consumer]` knows its markers only by their own names: write `#[handler("i")]`, `#[channels::handler("i")]` or `#[fallback]`, or move the method to a plain `impl Chat { … }`"#]],
    );
}

#[test]
fn event_types() {
    let items = quote! {
        #[handler("")]
        fn a(&self) {}
        #[handler("_x")]
        fn b(&self) {}
        #[handler("a..b")]
        fn c(&self) {}
        #[handler("tab\t")]
        fn d(&self) {}
        #[handler("websocket.recieve")]
        fn e(&self) {}
        #[handler("channel.x")]
        fn f(&self) {}
    };
    in_block(
        items,
        expect![[r#"
            invalid event type ``: it is empty
              help: write letters, digits and `_`, separated by `.`
            invalid event type `_x`: a segment starts with `_`
              help: did you mean `x`?
            invalid event type `a..b`: a segment is empty
              help: did you mean `a.b`?
            invalid event type `tab\t`: `\t` is not allowed
              help: did you mean `tab`?
            invalid event type `websocket.recieve`: `websocket.` belongs to the protocol
              help: did you mean `websocket.receive`?
            invalid event type `channel.x`: `channel.` belongs to the protocol
              help: choose another first word"#]],
    );
}

#[test]
fn duplicates() {
    let items = quote! {
        #[handler("a.b")]
        fn a(&self) {}
        #[handler("a_b")]
        fn b(&self) {}
        fn receive(&self) {}
        #[handler("websocket.receive")]
        fn raw(&self) {}
        #[fallback]
        fn c(&self) {}
        #[fallback]
        fn d(&self) {}
        #[cfg(x)]
        #[handler("e")]
        fn e(&self) {}
        #[cfg(not(x))]
        #[handler("e")]
        fn e(&self) {}
        #[handler("f")]
        fn same_name(&self) {}
        #[handler("f")]
        fn same_name(&self) {}
    };
    in_block(
        items,
        expect![[r#"
            event type `a_b` is already handled by `a`: `.` and `_` count as the same
              help: give `b` another event type
            first handler for `a.b` is here
            event type `websocket.receive` is already handled by `receive`
              help: give `raw` another event type
            first handler for `websocket.receive` is here
            `c` is the fallback already
              help: remove `#[fallback]` from `d`
            the first fallback is here"#]],
    );
}

/// Each pair is reported under the conditions of both.
#[test]
fn duplicates_under_conditions() {
    let items = quote! {
        #[cfg(x)]
        #[handler("a.b")]
        fn a(&self) {}
        #[cfg(y)]
        #[handler("a_b")]
        fn b(&self) {}
        #[cfg_attr(z, cfg(w))]
        #[handler("a.b")]
        fn c(&self) {}
    };
    in_block(
        items.clone(),
        expect![[r#"
        event type `a_b` is already handled by `a`: `.` and `_` count as the same
          help: give `b` another event type
        first handler for `a.b` is here
        event type `a.b` is already handled by `a`
          help: give `c` another event type
        first handler for `a.b` is here
        event type `a.b` is already handled by `b`: `.` and `_` count as the same
          help: give `c` another event type
        first handler for `a_b` is here"#]],
    );
    let expansion = consumer::expand(quote!(), quote!(#[cfg(unix)] impl Chat { #items }));
    let expansion = expansion.to_string();
    let all = "# [cfg (unix)]";
    let pairs = [
        ["# [cfg (x)]", "# [cfg (y)]"],
        ["# [cfg (x)]", "# [cfg_attr (z , cfg (w))]"],
        ["# [cfg (y)]", "# [cfg_attr (z , cfg (w))]"],
    ];
    for [one, other] in pairs {
        let error = format!("{all} {one} {other} :: core :: compile_error");
        assert!(expansion.contains(&error), "{error} in {expansion}");
    }
}

#[test]
fn signatures() {
    let items = quote! {
        #[handler("a")]
        const unsafe extern "C" fn a<T>(self) where T: Clone {}
        #[handler("b")]
        fn b() {}
        #[handler("c")]
        fn c(self: Box<Self>, x: impl Clone, y: &mut dyn Fn(impl Copy)) -> impl Sized {}
        #[handler("d")]
        fn d(&self, a: &mut A, b: &mut B, c: C, d: D) {}
        #[handler("e")]
        fn e(&self, a: Vec<&str>) {}
        #[handler("f")]
        fn f(&self, a: Cow<'_, str>, b: &'static mut B) {}
        #[handler("g")]
        fn g(&self, #[cfg(x)] a: A) {}
        fn connect(&self, a: A) {}
    };
    in_block(
        items,
        expect![[r#"
        handlers cannot be `unsafe`, `const` or `extern`
          help: remove `const`
        handlers cannot be `unsafe`, `const` or `extern`
          help: remove `unsafe`
        handlers cannot be `unsafe`, `const` or `extern`
          help: remove `extern`
        handlers cannot be generic: the dispatch table has one entry for each
          help: name the types, or move the parameters to the `impl` block
        handlers cannot have a `where` clause
          help: move it to the `impl` block
        handlers take `&mut self` or `&self`
          help: write `&mut self`
        handlers take `&mut self` or `&self`
          help: add `&mut self` as the first parameter
        handlers take `&mut self` or `&self`
          help: write `&mut self`
        `impl Trait` is not supported in a handler's signature
          help: name a type
        `impl Trait` is not supported in a handler's signature
          help: name a type
        `impl Trait` is not supported in a handler's signature
          help: name a type
        a handler takes one connection
          help: remove this parameter, or write `T` or `&T` if it is the payload
        a handler takes at most a connection, which is `&mut …`, and one payload
          help: remove this parameter, or write `&mut` if it is the connection
        a payload owns its data: nothing else holds what came in
          help: take an owned type, such as `String`
        a payload owns its data: nothing else holds what came in
          help: take an owned type, such as `String`
        handlers borrow for the time of one call
          help: remove `'static`
        a handler's parameters cannot be under `#[cfg(…)]`
          help: write two methods, each under a `#[cfg(…)]`
        nothing has been received when `connect` runs
          help: remove this parameter; the scope is behind the connection"#]],
    );
}

#[test]
fn blocks() {
    let check = |item: &str, expected| check(consumer::expand(quote!(), parse(item)), expected);
    check(
        "impl Chat {}",
        expect![[r#"
        this consumer has no handlers
          help: name a method `receive`, or mark one with `#[handler("event.type")]`"#]],
    );
    check(
        "impl my::Consumer for Chat<T> { fn receive(&self) {} }",
        expect![[r#"
            `#[consumer]` cannot be used on a trait impl
              help: move the handlers to `impl Chat<T> { … }`"#]],
    );
    check(
        "enum Chat {}",
        expect![[r#"
        `#[consumer]` applies to a struct and to its inherent `impl` block
          help: put it on `struct Chat { … }` and on `impl Chat { … }`"#]],
    );
    check(
        "pub(crate) async fn chat() {}",
        expect![[r#"
        `#[consumer]` applies to a struct and to its inherent `impl` block
          help: put it on `struct Chat { … }` and on `impl Chat { … }`"#]],
    );
    check(
        "pub mod chat {}",
        expect![[r#"
        `#[consumer]` applies to a struct and to its inherent `impl` block
          help: put it on `struct Chat { … }` and on `impl Chat { … }`"#]],
    );
    check(
        "impl<T> Chat<{ 1 }> where T: Clone { fn receive(&self) {} }",
        expect![[""]],
    );
}
