//! What the macros write, next to what the user wrote.
//!
//! Bless with `UPDATE_EXPECT=1 cargo test -p channels-macros --lib`, then read the diff.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;

use super::readable::readable;
use crate::{consumer, event};

/// Compares with a snapshot, in which `rt` stands for `::channels::__private`.
fn check(expansion: TokenStream, expected: ExpectFile) {
    expected.assert_eq(&readable(expansion));
}

fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    consumer::expand(arguments, item)
}

#[test]
fn minimal() {
    let item = quote! {
        impl ChatConsumer {
            async fn receive(&mut self, socket: &mut WebSocket, text: String) -> Result {
                socket.group_send("f1", CallBack { message: text }).await
            }

            #[handler("call.back")]
            async fn call_back(&mut self, socket: &mut WebSocket, event: CallBack) -> Result {
                socket.send(event.message).await
            }
        }
    };
    check(
        expand(quote!(), item),
        expect_file!["./snapshots/minimal.rs"],
    );
}

#[test]
fn relay() {
    let item = quote! {
        impl Chat {
            #[handler("call.back", relay)]
            async fn call_back(&mut self, socket: &mut WebSocket, event: &CallBack) -> Result {
                socket.send_json(event).await
            }
        }
    };
    check(expand(quote!(), item), expect_file!["./snapshots/relay.rs"]);
}

#[test]
fn declaration() {
    let item = quote! {
        /// A chat.
        #[derive(Default)]
        pub struct ChatConsumer;
    };
    check(
        expand(quote!(groups("f1")), item),
        expect_file!["./snapshots/declaration.rs"],
    );
}

#[test]
fn declaration_with_every_option() {
    let arguments = quote! {
        http, groups("a", "b"), layer = "jobs", mailbox = 10, overflow = drop_oldest,
        crate = ::my::channels
    };
    let item = quote! {
        pub(crate) struct Room<S: Store = Memory, const N: usize>(S)
        where
            S: Send;
    };
    check(
        expand(arguments, item),
        expect_file!["./snapshots/every_option.rs"],
    );
}

#[test]
fn every_parameter_form() {
    let item = quote! {
        impl Forms {
            async fn connect(&mut self) {}
            async fn receive(&self, message: &Message, socket: &mut WebSocket) -> Result<(), Oops> {}
            async fn disconnect(&mut self, why: Disconnect) {}
            #[handler("a.nothing")]
            async fn nothing(self: &mut Self) {}
            #[handler("a.connection")]
            async fn connection(&mut self, socket: &mut WebSocket) -> Result {}
            #[handler("a.pattern")]
            async fn pattern(&mut self, _: &mut WebSocket, Payload(x): Payload<X>) -> Result {}
            #[channels::handler("a.reference")]
            async fn reference(&mut self, (y): &Y, mut socket: &mut WebSocket) -> ! {}
            #[fallback]
            async fn other(&mut self, event: &Event) {}
        }
    };
    check(
        expand(quote!(), item),
        expect_file!["./snapshots/every_parameter_form.rs"],
    );
}

#[test]
fn blocking() {
    let item = quote! {
        impl Slow {
            fn receive(&mut self, socket: &mut BlockingWebSocket, Json(said): Json<Said>) -> Result {}
            #[handler("tick")]
            async fn tick(&mut self) {}
        }
    };
    check(
        expand(quote!(), item),
        expect_file!["./snapshots/blocking.rs"],
    );
}

#[test]
fn raw_protocol_events() {
    let item = quote! {
        impl Raw {
            #[handler("http.request")]
            async fn any(&mut self, http: &mut Http, body: Bytes) -> Result {}
            #[handler("http.disconnect")]
            async fn end(&mut self, why: &Disconnect) {}
        }
    };
    check(
        expand(quote!(), item),
        expect_file!["./snapshots/raw_protocol_events.rs"],
    );
}

#[test]
fn conditions_are_forwarded() {
    let item = quote! {
        #[cfg(unix)]
        impl Conditional {
            #[cfg(feature = "text")]
            async fn receive(&mut self, text: String) -> Result {}
            #[cfg(not(feature = "text"))]
            async fn receive(&mut self, bytes: Bytes) -> Result {}
            /// Documented.
            #[cfg_attr(feature = "x", cfg(unix), inline)]
            #[handler("a.b")]
            #[inline]
            async fn a_b(&mut self, event: AB) -> Result {}
        }
    };
    check(
        expand(quote!(), item),
        expect_file!["./snapshots/conditions.rs"],
    );
}

#[test]
fn generics() {
    let item = quote! {
        impl<S: Store, const N: usize> Room<S, N>
        where
            S::Said: Clone,
        {
            const GREETING: &'static str = "hello";
            async fn receive(&mut self, socket: &mut WebSocket, said: Json<S::Said>) -> Result {}
            #[handler("said")]
            async fn said(&mut self, event: &Stored<S>) -> Result {}
            #[handler("plain")]
            async fn plain(&mut self, event: Plain) -> Result {}
        }
    };
    check(
        expand(quote!(), item),
        expect_file!["./snapshots/generics.rs"],
    );
}

#[test]
fn renamed_crate() {
    let item = quote! {
        impl Renamed {
            #[handler("a")]
            async fn a(&mut self, event: A) -> Result {}
        }
    };
    check(
        expand(quote!(crate = crate::channels), item),
        expect_file!["./snapshots/renamed_crate.rs"],
    );
}

#[test]
fn mistakes_leave_the_rest_alone() {
    let item = quote! {
        impl Chat {
            async fn recieve(&mut self) {}
            #[handler("Call Back")]
            async fn call_back(&mut self, event: CallBack) {}
            #[handler("typed", relayed)]
            async fn typed(&mut self, event: Typed) -> impl Sized {}
            #[handler("sound")]
            async fn sound(&mut self, event: Sound) {}
        }
    };
    check(
        expand(quote!(group("x")), item),
        expect_file!["./snapshots/mistakes.rs"],
    );
}

#[test]
fn incomplete_syntax() {
    let item = quote! {
        impl Chat {
            async fn receive(&mut self, text: ) -> Result {}
            #[handler("a")]
            async fn a(&mut self) -> Result { let x = ; self. }
            #[handler()]
            async fn b(&mut self) -> { socket.send( ; ) }
            #[handler("c")]
            async fn
        }
    };
    check(
        expand(quote!(crate = ), item),
        expect_file!["./snapshots/incomplete.rs"],
    );
}

#[test]
fn borrowing_consumer_causes_one_error() {
    let (structure, block) = (
        quote!(
            struct Room<'a, T: 'a>(&'a T);
        ),
        quote! {
            impl<'a, T: 'a> Room<'a, T> {
                async fn receive(&mut self, text: String) {}
            }
        },
    );
    let mut output = expand(quote!(), structure);
    output.extend(expand(quote!(), block));
    check(output, expect_file!["./snapshots/borrowing_consumer.rs"]);
}

#[test]
fn event_struct() {
    let item = quote! {
        #[event("cursor.moved", key(user_id, board))]
        struct CursorMoved<T> {
            user_id: u64,
            board: T,
            at: (f64, f64),
        }
    };
    check(
        event::expand(item),
        expect_file!["./snapshots/event_struct.rs"],
    );
}

#[test]
fn event_enum() {
    let item = quote! {
        #[event("shape", crate = ::my::channels)]
        enum Shape {
            Circle(f64),
            Named { name: String, sides: u8 },
            Empty {},
        }
    };
    check(
        event::expand(item),
        expect_file!["./snapshots/event_enum.rs"],
    );
}

#[test]
fn event_with_a_mistake() {
    let item = quote! {
        #[event("Call Back")]
        struct CallBack;
    };
    check(
        event::expand(item),
        expect_file!["./snapshots/event_mistake.rs"],
    );
}
