//! From a method's signature to the way it is called.

use quote::ToTokens;
use syn::{
    Attribute, FnArg, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature, Type,
    TypeReference, parse_quote,
};

use super::model::{Call, Entry, Hook, Mode, Output, Param, Passing, Payload, peeled};
use crate::errors::{self, Errors};
use crate::tokens::{self, Borrow};

/// What a signature says, as far as it could be understood.
pub(crate) struct Lowered {
    /// How to call the method, if nothing is wrong with it.
    pub(crate) call: Option<Call>,
    pub(crate) payload: Option<Payload>,
}

/// Lowers a signature; all of its mistakes are reported.
pub(crate) fn lower(sig: &Signature, entry: Option<&Entry>, errors: &mut Errors) -> Lowered {
    let before = errors.count();
    let mode = qualifiers(sig, errors);
    generics(sig, errors);
    receiver(sig, errors);
    let params = params(sig, entry, errors);
    let output = output(&sig.output, errors);
    let payload = params.iter().find_map(|param| match param {
        Some(Param::Payload(payload)) => Some(payload.clone()),
        _ => None,
    });
    let sound: Option<Vec<Param>> = params.into_iter().collect();
    let call = sound
        .filter(|_| errors.count() == before && sig.variadic.is_none())
        .map(|params| Call {
            mode,
            params,
            output,
        });
    Lowered { call, payload }
}

/// `async` is the only word that may stand before a handler's `fn`.
fn qualifiers(sig: &Signature, errors: &mut Errors) -> Mode {
    if let Some(token) = &sig.constness {
        errors.push(errors::qualifier(token, "const"));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.push(errors::qualifier(token, "unsafe"));
    }
    if let Some(abi) = &sig.abi {
        errors.push(errors::qualifier(abi, "extern"));
    }
    if sig.asyncness.is_some() {
        Mode::Async
    } else {
        Mode::Blocking
    }
}

fn generics(sig: &Signature, errors: &mut Errors) {
    if !sig.generics.params.is_empty() {
        errors.push(errors::generic_handler(&sig.generics));
    }
    if let Some(clause) = &sig.generics.where_clause {
        errors.push(errors::where_on_handler(clause));
    }
}

/// A handler borrows its consumer: several of them share one.
fn receiver(sig: &Signature, errors: &mut Errors) {
    match sig.receiver() {
        None => errors.push(errors::no_receiver(&sig.ident)),
        Some(receiver) if !is_reference(receiver) => errors.push(errors::bad_receiver(receiver)),
        Some(receiver) => conditional(&receiver.attrs, errors),
    }
}

fn is_reference(receiver: &Receiver) -> bool {
    match &receiver.kind {
        ReceiverKind::Reference(..) => true,
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(reference) => {
                matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("Self"))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Tells the parameters apart by their form. In the place of one that is not sound, which either
/// we or rustc report, stands `None`.
fn params(sig: &Signature, entry: Option<&Entry>, errors: &mut Errors) -> Vec<Option<Param>> {
    let mut params = Vec::new();
    let (mut connections, mut payloads) = (0, 0);
    for input in &sig.inputs {
        let FnArg::Typed(input) = input else { continue };
        conditional(&input.attrs, errors);
        let (form, count) = match mutable_reference(&input.ty) {
            Some(reference) => (Form::Connection(reference), &mut connections),
            None => (Form::Payload, &mut payloads),
        };
        *count += 1;
        if *count == 1 {
            params.push(form.lower(input, entry, errors));
        } else {
            errors.push(form.second(input));
        }
    }
    params
}

/// The two forms of a parameter.
enum Form<'a> {
    Connection(&'a TypeReference),
    Payload,
}

impl Form<'_> {
    fn second(&self, input: &PatType) -> syn::Error {
        match self {
            Self::Connection(_) => errors::second_connection(input),
            Self::Payload => errors::second_payload(input),
        }
    }

    fn lower(&self, input: &PatType, entry: Option<&Entry>, errors: &mut Errors) -> Option<Param> {
        match self {
            Self::Connection(reference) => lower_connection(reference, errors),
            Self::Payload => lower_payload(input, entry, errors),
        }
    }
}

fn mutable_reference(ty: &Type) -> Option<&TypeReference> {
    match peeled(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Some(reference),
        _ => None,
    }
}

fn lower_connection(reference: &TypeReference, errors: &mut Errors) -> Option<Param> {
    supported(&*reference.elem, errors)?;
    short_lived(reference, errors)?;
    Some(Param::Connection((*reference.elem).clone()))
}

fn lower_payload(input: &PatType, entry: Option<&Entry>, errors: &mut Errors) -> Option<Param> {
    if entry.and_then(Entry::hook) == Some(Hook::Connect) {
        errors.push(errors::connect_with_payload(input));
        return None;
    }
    let (ty, passing) = match peeled(&input.ty) {
        Type::Reference(reference) => {
            short_lived(reference, errors)?;
            (&*reference.elem, Passing::Borrowed)
        }
        _ => (&*input.ty, Passing::Owned),
    };
    supported(ty, errors)?;
    owned(ty, errors)?;
    Some(Param::Payload(Payload {
        ty: ty.clone(),
        passing,
    }))
}

/// `impl Trait` has no name by which generated code could ask for it.
fn supported(ty: &impl ToTokens, errors: &mut Errors) -> Option<()> {
    let Some(word) = tokens::find_impl_trait(ty) else {
        return Some(());
    };
    errors.push(errors::impl_trait(&word));
    None
}

/// A reference parameter lives as long as the call.
fn short_lived(reference: &TypeReference, errors: &mut Errors) -> Option<()> {
    match &reference.lifetime {
        None => Some(()),
        Some(lifetime) if lifetime.ident == "_" => Some(()),
        Some(lifetime) => {
            // A lifetime of another name is declared by generics, which have been reported.
            if lifetime.ident == "static" {
                errors.push(errors::static_reference(lifetime));
            }
            None
        }
    }
}

/// A payload owns its data: the message that it came in is gone.
fn owned(ty: &Type, errors: &mut Errors) -> Option<()> {
    match tokens::find_borrow(ty) {
        None => Some(()),
        Some(Borrow::Named) => None,
        Some(Borrow::Anonymous(span)) => {
            errors.push(errors::borrowing_payload(span));
            None
        }
    }
}

/// A parameter that comes and goes would need calls that come and go.
fn conditional(attributes: &[Attribute], errors: &mut Errors) {
    if let Some(attribute) = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("cfg"))
    {
        errors.push(errors::conditional_parameter(attribute));
    }
}

fn output(output: &ReturnType, errors: &mut Errors) -> Output {
    match output {
        ReturnType::Default => Output::Value(Box::new(parse_quote!(()))),
        ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)) => Output::Never,
        ReturnType::Type(_, ty) => {
            supported(ty, errors);
            Output::Value(ty.clone())
        }
    }
}
