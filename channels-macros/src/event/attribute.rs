//! `#[event("type", key(field), crate = ::path)]`.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Attribute, LitStr, Member, Meta};

use crate::errors::{self, Errors};
use crate::event_type;
use crate::options::{self, Argument, Seen};
use crate::paths::RuntimePath;

const OPTIONS: [&str; 2] = ["key", "crate"];

/// What the attribute says; of a broken one, what could be read.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) event_type: Option<LitStr>,
    pub(crate) key: Option<Key>,
    pub(crate) runtime: RuntimePath,
}

/// The fields by which waiting events replace each other.
pub(crate) struct Key {
    pub(crate) word: Ident,
    pub(crate) fields: Vec<Member>,
}

/// Reads the one `#[event(…)]` of a type.
pub(crate) fn read(attributes: &[Attribute], name: &Ident, errors: &mut Errors) -> Declared {
    let mut own = attributes.iter().filter(|attribute| is_event(attribute));
    let Some(attribute) = own.next() else {
        errors.push(errors::event_without_attribute(name));
        return Declared::default();
    };
    let declared = read_one(attribute, name, errors);
    for second in own {
        errors.push(errors::second_event_attribute(second));
    }
    declared
}

pub(crate) fn is_event(attribute: &Attribute) -> bool {
    attribute.path().is_ident("event")
}

fn read_one(attribute: &Attribute, name: &Ident, errors: &mut Errors) -> Declared {
    let mut declared = Declared::default();
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) => TokenStream::new(),
        Meta::NameValue(pair) => {
            let value = pair.value.to_token_stream();
            errors.push(errors::event_arguments_without_list(attribute, &value));
            return declared;
        }
    };
    let mut pieces = options::split(arguments).into_iter();
    let Some(first) = pieces.next() else {
        errors.push(errors::event_without_type(attribute, name));
        return declared;
    };
    declared.event_type = errors.check(first.and_then(|argument| event_type(&argument)));
    let mut seen = Seen::default();
    for option in options::keyed(pieces, &OPTIONS, errors) {
        let result = seen
            .insert(&option.key)
            .and_then(|()| declared.set(&option));
        errors.check(result);
    }
    declared
}

fn event_type(argument: &TokenStream) -> syn::Result<LitStr> {
    let literal = syn::parse2::<LitStr>(argument.clone())
        .map_err(|_| errors::event_type_not_literal(argument))?;
    let text = literal.value();
    event_type::check_literal(&text).map_err(|fault| {
        let meant = event_type::suggestion(&text);
        let meant = meant.or_else(|| event_type::framework_event(&text).map(str::to_owned));
        errors::invalid_event_type(&literal, &fault, meant)
    })?;
    Ok(literal)
}

impl Declared {
    fn set(&mut self, option: &Argument) -> syn::Result<()> {
        match &*option.key.to_string() {
            "key" => {
                let fields = option.list("user_id")?;
                self.key = Some(Key {
                    word: option.key.clone(),
                    fields,
                });
            }
            "crate" => self.runtime = option.runtime_path()?,
            _ => return Err(errors::unknown_option(&option.key, &OPTIONS)),
        }
        Ok(())
    }
}
