//! From the `impl` block to the model. Every mistake is reported; what has none is kept.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{GenericParam, Generics, Type, WhereClause};

use super::attributes::{self, Marking};
use super::model::{Claim, Consumer, Entry, HOOKS, Handler, Hook};
use super::relay;
use super::signature::{self, Lowered};
use super::syntax::{BlockItem, ImplBlock, Method};
use crate::errors::{self, Errors};
use crate::paths::RuntimePath;
use crate::suggest::closest;
use crate::tokens;

/// What hooks are called elsewhere.
const FOREIGN_HOOKS: [(&str, &str); 12] = [
    ("websocket_connect", "connect"),
    ("on_connect", "connect"),
    ("on_open", "connect"),
    ("websocket_receive", "receive"),
    ("receive_json", "receive"),
    ("on_message", "receive"),
    ("websocket_disconnect", "disconnect"),
    ("on_disconnect", "disconnect"),
    ("on_close", "disconnect"),
    ("http_disconnect", "disconnect"),
    ("http_request", "handle"),
    ("on_request", "handle"),
];

/// Lowers the block and all of its methods.
pub(crate) fn lower(block: &ImplBlock, runtime: RuntimePath, errors: &mut Errors) -> Consumer {
    let (generics, self_ty) = owned_head(&block.head.generics, &block.head.self_ty);
    let consumer = Consumer {
        runtime,
        conditions: attributes::conditions(&block.head.attrs),
        generics,
        self_ty,
        handlers: Vec::new(),
        claims: Vec::new(),
    };
    if let Some((of_trait, _)) = &block.head.trait_ {
        errors.push(errors::trait_impl(of_trait, &block.head.self_ty));
        return consumer;
    }
    let before = errors.count();
    let mut lowering = Lowering {
        consumer,
        known: Vec::new(),
        errors,
    };
    for (item, id) in block.items.iter().zip(0..=u16::MAX) {
        lowering.item(item, id);
    }
    let mut consumer = lowering.consumer;
    if block
        .items
        .iter()
        .any(|item| matches!(item, BlockItem::Unreadable))
    {
        // rustc gives up the rest of the block as well: calls of its methods would find none.
        consumer.handlers.clear();
    } else if consumer.handlers.is_empty() && errors.count() == before {
        errors.push(errors::no_handlers(&block.head.self_ty));
    }
    consumer
}

/// A consumer owns its data. The struct's `#[consumer]` reports the lifetimes of one that does not;
/// here they are taken for `'static`, so that they cause no second error.
fn owned_head(generics: &Generics, self_ty: &Type) -> (Generics, Type) {
    let self_tokens = tokens::made_static(self_ty.to_token_stream());
    let self_ty = match tokens::find_borrow(self_ty) {
        Some(_) => syn::parse2(self_tokens).unwrap_or_else(|_| self_ty.clone()),
        None => self_ty.clone(),
    };
    (without_lifetimes(generics), self_ty)
}

/// The generics without their lifetimes, which are taken for `'static`.
pub(crate) fn without_lifetimes(generics: &Generics) -> Generics {
    if generics.lifetimes().next().is_none() {
        return generics.clone();
    }
    let mut owned = generics.clone();
    let kept = generics
        .params
        .iter()
        .filter(|param| !matches!(param, GenericParam::Lifetime(_)));
    let kept = kept.map(|param| tokens::made_static(param.to_token_stream()));
    owned.params = kept
        .filter_map(|param| syn::parse2::<GenericParam>(param).ok())
        .collect();
    owned.where_clause = generics.where_clause.as_ref().and_then(|clause| {
        syn::parse2::<WhereClause>(tokens::made_static(clause.to_token_stream())).ok()
    });
    owned
}

/// A block on its way to becoming a consumer.
struct Lowering<'a> {
    consumer: Consumer,
    known: Vec<Known>,
    errors: &'a mut Errors,
}

/// An entry that an earlier method has.
struct Known {
    entry: Entry,
    method: Ident,
    conditions: Vec<TokenStream>,
}

impl Known {
    /// What is wrong with a later method of the same entry.
    fn clash(&self, entry: &Entry, method: &Ident) -> syn::Error {
        errors::handled_twice(entry, method, &self.entry, &self.method)
    }
}

impl Lowering<'_> {
    fn item(&mut self, item: &BlockItem, id: u16) {
        match item {
            BlockItem::Method(method) => self.method(method, id),
            BlockItem::MacroCall(path) => self.errors.push(errors::macro_call(path)),
            BlockItem::Other(attrs) => {
                if let Some(marker) = attributes::marker(attrs) {
                    self.errors.push(errors::marker_on_other_item(marker));
                }
            }
            BlockItem::Unreadable => {}
        }
    }

    fn method(&mut self, method: &Method, id: u16) {
        let name = &method.sig.ident;
        let (entry, relay) = match attributes::marking(&method.attrs, self.errors) {
            Marking::Marked(entry, relay) => (Some(entry), relay),
            Marking::Broken => (None, None),
            Marking::Unmarked => match Hook::named(name) {
                Some(hook) => (Some(Entry::Hook(hook, name.span())), None),
                None => return self.not_a_handler(method),
            },
        };
        let conditions = attributes::conditions(&method.attrs);
        let is_new = entry
            .as_ref()
            .is_some_and(|entry| self.is_new(entry, name, &conditions));
        let Lowered { call, payload } = signature::lower(&method.sig, entry.as_ref(), self.errors);
        let takes_events = matches!(entry, Some(Entry::Event(_)) | None);
        if let Some(payload) = payload.filter(|payload| takes_events && !payload.looks_untyped()) {
            self.claim(Claim {
                conditions: conditions.clone(),
                payload: payload.ty,
            });
        }
        if let (Some(entry), Some(call), true) = (entry, call, is_new) {
            let relay = relay.filter(|relay| {
                relay::check(relay, &entry, method, &call, &self.consumer, self.errors)
            });
            self.consumer.handlers.push(Handler {
                id,
                conditions,
                entry,
                method: name.clone(),
                call,
                relay,
            });
        }
    }

    fn not_a_handler(&mut self, method: &Method) {
        let name = &method.sig.ident;
        if let Some(attribute) = attributes::unknown(&method.attrs) {
            let self_ty = &self.consumer.self_ty;
            let event = attributes::event_type_of(&attribute);
            let error = errors::renamed_marker(&attribute, event, name, self_ty);
            return self.errors.push_renamed_marker(error);
        }
        let text = name.to_string();
        let foreign = FOREIGN_HOOKS.iter().find(|(foreign, _)| *foreign == text);
        let meant = foreign
            .map(|(_, hook)| *hook)
            .or_else(|| closest(&text, &HOOKS));
        self.errors.push(match meant {
            Some(hook) => errors::misspelt_hook(name, hook),
            None => errors::not_a_handler(name, &self.consumer.self_ty),
        });
    }

    /// Whether no earlier method has the entry. Of methods under conditions only rustc knows which
    /// exist: two of them clash under the conditions of both.
    fn is_new(&mut self, entry: &Entry, method: &Ident, conditions: &[TokenStream]) -> bool {
        let same = self
            .known
            .iter()
            .filter(|known| known.entry.key() == entry.key());
        for known in same {
            if known.conditions.is_empty() || conditions.is_empty() {
                // Of two methods with one name rustc complains itself.
                if known.method != *method || known.conditions.len() != conditions.len() {
                    self.errors.push(known.clash(entry, method));
                }
                return false;
            }
            if known.method != *method {
                let of_consumer = &self.consumer.conditions;
                let both = [of_consumer, &known.conditions, conditions].concat();
                self.errors.push_under(both, known.clash(entry, method));
            }
        }
        self.known.push(Known {
            entry: entry.clone(),
            method: method.clone(),
            conditions: conditions.to_vec(),
        });
        true
    }

    /// Keeps a claim, unless an earlier handler has made the same one.
    fn claim(&mut self, claim: Claim) {
        let payload = claim.payload.to_token_stream().to_string();
        let is_made = |known: &Claim| {
            known.payload.to_token_stream().to_string() == payload
                && (known.conditions.is_empty() || claim.conditions.is_empty())
        };
        if !self.consumer.claims.iter().any(is_made) {
            self.consumer.claims.push(claim);
        }
    }
}
