//! Lowering, by what it reports. (Where each error points is the business of `tests/ui`.)

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use super::messages;
use crate::{consumer, event};

fn check(expansion: TokenStream, expected: Expect) {
    expected.assert_eq(&messages(expansion).join("\n"));
}

fn in_block(items: TokenStream, expected: Expect) {
    check(
        consumer::expand(quote!(), quote!(impl Chat { #items })),
        expected,
    );
}

fn on_struct(arguments: TokenStream, expected: Expect) {
    check(consumer::expand(arguments, parse("struct Chat;")), expected);
}

fn parse(source: &str) -> TokenStream {
    source.parse().unwrap_or_default()
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
        #[handler("e", relay, group = "x", "y")]
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
              expected an event type alone
              help: remove it
            unknown option `relay`
              expected an event type alone
              help: remove it
            unknown option `group`
              expected an event type alone
              help: remove it
            a method handles one event type
              help: write a second method, and call one from the other
            `#[fallback]` takes no arguments: it gets every event that has no handler
              help: write `#[fallback]`
            a handler cannot be marked by `cfg_attr`: `#[consumer]` reads the block before rustc does
              help: mark the method always, and put it under `#[cfg(…)]`
            `i` is not a handler
              help: mark it `#[handler("i")]`, or move it to a plain `impl Chat { … }`"#]],
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
          help: remove `#[fallback]` from `d`"#]],
    );
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

#[test]
fn options_of_the_struct() {
    on_struct(
        quote!(group("x"), http, channel, mailbox = 0, mailbox = 1),
        expect![[r#"
            unknown option `group`
              expected `websocket`, `http`, `channel`, `groups`, `layer`, `mailbox`, `overflow` or `crate`
              help: did you mean `groups`?
            a consumer has one kind, and this one is `http` already
              help: remove `http` or `channel`
            a mailbox holds 1 to 65536 events
              help: write a number, such as `mailbox = 100`
            `mailbox` is given twice
              help: remove one of the two"#]],
    );
    on_struct(
        quote!(groups, groups("a", "a"), layer = "", layer),
        expect![[r#"
            `groups` needs a value
              help: write `groups("lobby")`
            `groups` is given twice
              help: remove one of the two
            a name in `layer` cannot be empty
              help: write a name, or remove it
            `layer` is given twice
              help: remove one of the two"#]],
    );
    on_struct(
        quote!(overflow = drop_oldst, mailbox = "many", crate = channels),
        expect![[r#"
            unknown overflow policy `drop_oldst`
              expected `drop_newest`, `drop_oldest`, `coalesce` or `close`
              help: did you mean `drop_oldest`?
            a mailbox holds 1 to 65536 events
              help: write a number, such as `mailbox = 100`
            the path to `channels` must be absolute
              help: write `::channels` or `crate::channels`"#]],
    );
    on_struct(
        quote!(, "x", groups(X), websocket = 1, crate = "::my::channels"),
        expect![[r#"
            expected an option before this comma
              help: remove the comma
            expected an option
              expected `websocket`, `http`, `channel`, `groups`, `layer`, `mailbox`, `overflow` or `crate`
              help: remove it
            this is not a value for `groups`
              help: write `groups("lobby")`
            `websocket` takes no value
              help: write `websocket`
            `crate` takes a path
              help: write `crate = ::my::channels`"#]],
    );
    on_struct(
        quote!(overflow = "close", mailbox(5), layer = x y, http z),
        expect![[r#"
            expected `,` or a value behind `http`
              help: remove this
            unknown overflow policy `"close"`
              expected `drop_newest`, `drop_oldest`, `coalesce` or `close`
              help: did you mean `close`?
            `mailbox` needs a value
              help: write `mailbox = 100`
            this is not a value for `layer`
              help: write `layer = "default"`"#]],
    );
    on_struct(
        quote!(channel, groups("a")),
        expect![[r#"
            `channel` consumers are not there yet
              help: remove `channel`; until there are workers, spawn a task"#]],
    );
    on_struct(
        quote!(websocket, groups("a", "b",), layer = "x", mailbox = 65_536,),
        expect![[""]],
    );
}

#[test]
fn options_of_the_block() {
    let arguments = quote!(groups("x"), crat = ::x, crate = ::a, crate = ::b);
    check(
        consumer::expand(arguments, quote!(impl Chat { fn receive(&self) {} })),
        expect![[r#"
            `groups` is declared on the struct
              help: move it to the `#[consumer(…)]` above the struct
            unknown option `crat`
              expected `crate`
              help: did you mean `crate`?
            `crate` is given twice
              help: remove one of the two"#]],
    );
}

#[test]
fn events() {
    let check = |item: &str, expected| check(event::expand(parse(item)), expected);
    check(
        "struct CallBack;",
        expect![[r#"
        an event needs its type
          help: write `#[event("call.back")]` above it"#]],
    );
    check(
        "#[event] struct CallBack;",
        expect![[r#"
        `#[event]` needs an event type
          help: write `#[event("call.back")]`"#]],
    );
    check(
        "#[event = \"x\"] struct CallBack;",
        expect![[r#"
        `#[event]` takes its event type in parentheses
          help: write `#[event("x")]`"#]],
    );
    check(
        "#[event(call.back)] struct CallBack;",
        expect![[r#"
        an event type is a string literal
          help: write it in quotes, such as `"call.back"`"#]],
    );
    check(
        "#[event(\"websocket.receive\")] struct CallBack;",
        expect![[r#"
            invalid event type `websocket.receive`: `websocket.` belongs to the protocol
              help: choose another first word"#]],
    );
    check(
        "#[event(\"a\")] #[event(\"b\")] struct CallBack;",
        expect![[r#"
            an event has one type
              help: remove one of the `#[event(…)]`"#]],
    );
    check(
        "#[event(\"a\", key(usr, 0), keys(x))] struct A { user: u8 }",
        expect![[r#"
            unknown option `keys`
              expected `key` or `crate`
              help: did you mean `key`?
            no field `usr`
              help: did you mean `user`?
            no field `0`
              help: name a field of this struct"#]],
    );
    check(
        "#[event(\"a\", key)] struct A(u8);",
        expect![[r#"
        `key` needs a value
          help: write `key(user_id)`"#]],
    );
    check("#[event(\"a\", key(0))] struct A(u8);", expect![[""]]);
    check(
        "#[event(\"a\", key(x))] enum A { #[event] X }",
        expect![[r#"
            `#[event]` belongs on the type, not inside of it
              help: move it above the type
            only a struct has a `key`
              help: put the enum in a field of a struct"#]],
    );
    check(
        "#[event(\"a\")] struct A<'a>(&'a str);",
        expect![[r#"
        an event cannot borrow: it outlives the call that sends it
          help: own the data, such as a `String`, or share it in an `Arc`"#]],
    );
    check(
        "#[event(\"a\")] union A { a: u8 }",
        expect![[r#"
        an event is a struct or an enum
          help: make it one"#]],
    );
}
