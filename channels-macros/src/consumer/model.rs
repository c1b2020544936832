//! A consumer as facts: what lowering finds out, and all that emission needs to know.

use proc_macro2::{Ident, Span, TokenStream};
use syn::spanned::Spanned;
use syn::{GenericParam, Generics, LitStr, Path, Type};

use crate::event_type;
use crate::paths::RuntimePath;
use crate::tokens;

/// The consumer behind an `impl` block, with those of its handlers that have no mistakes.
pub(crate) struct Consumer {
    pub(crate) runtime: RuntimePath,
    pub(crate) conditions: Vec<TokenStream>,
    pub(crate) generics: Generics,
    pub(crate) self_ty: Type,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) claims: Vec<Claim>,
}

/// One entry of the dispatch table, and the method behind it.
pub(crate) struct Handler {
    /// The method's place in the block.
    pub(crate) id: u16,
    pub(crate) conditions: Vec<TokenStream>,
    pub(crate) entry: Entry,
    pub(crate) method: Ident,
    pub(crate) call: Call,
    /// The word `relay`, if the runtime is to do what the method would.
    pub(crate) relay: Option<Ident>,
}

/// A typed event that this consumer handles, so that groups of it may send such.
pub(crate) struct Claim {
    pub(crate) conditions: Vec<TokenStream>,
    pub(crate) payload: Type,
}

/// What leads to a handler.
#[derive(Clone)]
pub(crate) enum Entry {
    /// A method named like a hook.
    Hook(Hook, Span),
    /// A method of any name, marked with a protocol's own event.
    Protocol(Hook, Protocol, LitStr),
    /// A method marked with an event type of the user's own.
    Event(LitStr),
    /// `#[fallback]`.
    Fallback(Path),
}

/// The events that every consumer of a kind knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    Connect,
    Receive,
    Disconnect,
    Request,
}

/// The protocol that an event such as `websocket.receive` belongs to.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    WebSocket,
    Http,
}

/// How a method is called.
pub(crate) struct Call {
    pub(crate) mode: Mode,
    pub(crate) params: Vec<Param>,
    pub(crate) output: Output,
}

/// What a method returns.
pub(crate) enum Output {
    Value(Box<Type>),
    /// `!`: it does not return.
    Never,
}

/// `async fn`, or plain `fn` on a thread that may block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Async,
    Blocking,
}

/// A parameter behind the receiver.
pub(crate) enum Param {
    /// `&mut C`.
    Connection(Type),
    Payload(Payload),
}

/// `T` or `&T`.
#[derive(Clone)]
pub(crate) struct Payload {
    pub(crate) ty: Type,
    pub(crate) passing: Passing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    Owned,
    Borrowed,
}

impl Payload {
    /// Whether the type is spelt like the raw `Event` or a `Payload<T>`, of which nothing can be
    /// claimed: several handlers may take it.
    ///
    /// (Its spelling is all there is: for rustc, a type of another crate may become a typed event at
    /// any time, and a claim that depends on it conflicts with all others.)
    pub(crate) fn looks_untyped(&self) -> bool {
        let Type::Path(path) = peeled(&self.ty) else {
            return false;
        };
        let last = path.path.segments.last();
        last.is_some_and(|last| {
            last.ident == "Event" || (last.ident == "Payload" && !last.arguments.is_empty())
        })
    }
}

impl Consumer {
    /// Whether a payload's type has a meaning only inside of the `impl`.
    pub(crate) fn is_generic(&self, Payload { ty, .. }: &Payload) -> bool {
        let params = self.generics.params.iter();
        let names = params.filter_map(|param| match param {
            GenericParam::Type(param) => Some(param.ident.clone()),
            GenericParam::Const(param) => Some(param.ident.clone()),
            GenericParam::Lifetime(_) => None,
        });
        tokens::mentions(ty, &names.collect::<Vec<Ident>>())
    }
}

impl Handler {
    /// The payload that the method takes, if it takes one.
    pub(crate) fn payload(&self) -> Option<&Payload> {
        self.call.params.iter().find_map(|param| match param {
            Param::Payload(payload) => Some(payload),
            Param::Connection(_) => None,
        })
    }
}

/// A type without parentheses and without the invisible group of a `$ty`.
pub(crate) fn peeled(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peeled(&group.elem),
        Type::Paren(paren) => peeled(&paren.elem),
        other => other,
    }
}

/// The names of the hooks, as the user writes them.
pub(crate) const HOOKS: [&str; 4] = ["connect", "receive", "disconnect", "handle"];

impl Hook {
    /// The hook that a method of this name is.
    pub(crate) fn named(method: &Ident) -> Option<Self> {
        match &*method.to_string() {
            "connect" => Some(Self::Connect),
            "receive" => Some(Self::Receive),
            "disconnect" => Some(Self::Disconnect),
            "handle" => Some(Self::Request),
            _ => None,
        }
    }

    /// The protocol's name for the event behind the hook.
    fn event_type(self) -> &'static str {
        match self {
            Self::Connect => "websocket.connect",
            Self::Receive => "websocket.receive",
            Self::Disconnect => "websocket.disconnect",
            Self::Request => "http.request",
        }
    }
}

impl Entry {
    /// The entry for a protocol's own event, if `literal` is one.
    pub(crate) fn protocol(literal: &LitStr) -> Option<Self> {
        let (hook, protocol) = match &*literal.value() {
            "websocket.connect" => (Hook::Connect, Protocol::WebSocket),
            "websocket.receive" => (Hook::Receive, Protocol::WebSocket),
            "websocket.disconnect" => (Hook::Disconnect, Protocol::WebSocket),
            "http.request" => (Hook::Request, Protocol::Http),
            "http.disconnect" => (Hook::Disconnect, Protocol::Http),
            _ => return None,
        };
        Some(Self::Protocol(hook, protocol, literal.clone()))
    }

    /// The hook behind the entry, if it is one, whatever the method's name.
    pub(crate) fn hook(&self) -> Option<Hook> {
        match self {
            Self::Hook(hook, _) | Self::Protocol(hook, ..) => Some(*hook),
            Self::Event(_) | Self::Fallback(_) => None,
        }
    }

    /// The event type that leads here; the fallback has none.
    pub(crate) fn event_type(&self) -> Option<String> {
        match self {
            Self::Hook(hook, _) | Self::Protocol(hook, ..) => Some(hook.event_type().to_owned()),
            Self::Event(literal) => Some(literal.value()),
            Self::Fallback(_) => None,
        }
    }

    /// Where the entry is written: the literal, the method's name or the attribute.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Hook(_, name) => *name,
            Self::Protocol(_, _, literal) | Self::Event(literal) => literal.span(),
            Self::Fallback(attribute) => attribute.span(),
        }
    }

    /// Two entries with the same key cannot be told apart.
    pub(crate) fn key(&self) -> Option<String> {
        self.event_type().as_deref().map(event_type::canonical)
    }
}
