//! Consumers: what the macros implement, and what the runtime calls.

mod app;
mod held;
mod input;
mod kind;
mod options;
mod outcome;
pub(crate) mod table;

use std::future::Future;

pub use self::app::ConsumerApp;
pub(crate) use self::held::{Held, HeldOf, Home, HomeOf, Lender, LenderOf, Loan, LoanOf, dispatch};
pub(crate) use self::input::Payload;
pub use self::input::{Disconnect, DisconnectedBy, FromDisconnect, Input};
pub use self::kind::{
    BlockingConnectionOf, ChannelKind, ConnectionOf, HttpKind, IsBlockingConnection, IsConnection,
    Kind, Relays, Speaks, Supports, WebSocketKind, hook,
};
pub use self::options::{Options, Overflow};
pub use self::outcome::{IntoOutcome, Outcome};
pub use self::table::{Entry, Hook, Mode, Relay, Table};

use crate::scope::Scope;

/// What `#[consumer(…)]` on the struct says: the kind of the consumer and its options.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a consumer",
    label = "this type has no `#[consumer]`",
    note = "put `#[consumer]` on `struct {Self}` too: it says what the consumer is, the impl block what it does"
)]
pub trait Declaration {
    /// WebSocket, HTTP or channel.
    type Kind: Kind;

    /// Its groups, its layer, its mailbox.
    const OPTIONS: Options;
}

/// What `#[consumer]` on the impl block builds: the dispatch table and the calls behind it.
#[diagnostic::on_unimplemented(
    message = "the consumer `{Self}` has no handlers",
    label = "has no `impl` block with `#[consumer]`",
    note = "put `#[consumer]` on an `impl {Self}` block with its methods: `connect`, `receive`, `#[handler(\"…\")]`"
)]
pub trait Handlers: Declaration + Send + 'static {
    /// Which method takes what.
    const TABLE: &'static Table;

    /// Calls an `async fn` of the table.
    fn dispatch(
        &mut self,
        connection: &mut ConnectionOf<Self>,
        handler: u16,
        input: Input,
    ) -> impl Future<Output = Outcome> + Send;

    /// Calls a plain `fn` of the table, on a thread that may block.
    ///
    /// # Errors
    ///
    /// What the handler returned.
    fn dispatch_blocking(
        &mut self,
        connection: &mut BlockingConnectionOf<Self>,
        handler: u16,
        input: Input,
    ) -> Outcome {
        let _ = (connection, input);
        crate::__private::unknown(handler)
    }
}

/// The consumer handles the typed event `E`: a [`Group`](crate::Group) of it takes such events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no handler for `{E}`",
    label = "nobody in this group would receive it",
    note = "give the consumer a method with `#[handler(\"…\")]` that takes `{E}`"
)]
pub trait Handles<E: ?Sized> {}

/// A consumer: one value per connection, one method per event.
///
/// Implemented by `#[consumer]` on a struct together with `#[consumer]` on its impl block.
pub trait Consumer: Handlers {
    /// The application that makes a consumer by [`Default`] for each connection.
    fn app() -> ConsumerApp<Self>
    where
        Self: Default + Sized,
    {
        ConsumerApp::new(|_: &Scope| Self::default())
    }

    /// The application that makes a consumer by the given function for each connection.
    fn app_with(make: impl Fn(&Scope) -> Self + Send + Sync + 'static) -> ConsumerApp<Self>
    where
        Self: Sized,
    {
        ConsumerApp::new(make)
    }
}

impl<C: Handlers> Consumer for C {}
