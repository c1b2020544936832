//! What the arguments of `#[consumer(…)]` and `#[event(…)]` are reported for.

use expect_test::{Expect, expect};
use proc_macro2::TokenStream;
use quote::quote;

use super::{check, parse};
use crate::{consumer, event};

fn on_struct(arguments: TokenStream, expected: Expect) {
    check(consumer::expand(arguments, parse("struct Chat;")), expected);
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
            `mailbox` takes its value behind `=`
              help: write `mailbox = 5`
            this is not a value for `layer`
              help: write `layer = "default"`"#]],
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
        "#[event(\"a\", key)] struct A { user: u8 }",
        expect![[r#"
        `key` needs a value
          help: write `key(user_id)`"#]],
    );
    check("#[event(\"a\", key(0))] struct A(B);", expect![[""]]);
    check(
        "#[event(\"a\", key(x))] enum A { #[event] X {} }",
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
