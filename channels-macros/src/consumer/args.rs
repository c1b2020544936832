//! The options of `#[consumer(…)]`: many on the struct, only `crate` on the `impl` block.

use proc_macro2::TokenStream;
use syn::{Ident, LitInt, LitStr};

use crate::errors::{self, Errors};
use crate::options::{self, Argument, Seen};
use crate::paths::RuntimePath;

const KINDS: [&str; 3] = ["websocket", "http", "channel"];
const ON_STRUCT: [&str; 8] = [
    "websocket",
    "http",
    "channel",
    "groups",
    "layer",
    "mailbox",
    "overflow",
    "crate",
];
/// Workers have no mailbox and are in no group: they take jobs from a queue of the layer.
const OF_CONNECTIONS: [&str; 3] = ["groups", "mailbox", "overflow"];
const ON_IMPL: [&str; 1] = ["crate"];
const OVERFLOWS: [&str; 4] = ["drop_newest", "drop_oldest", "coalesce", "close"];
/// The runtime's limit, in bytes of the name's wire form.
const MAX_GROUP_NAME: usize = 99;
/// What the escaped form of a group's name begins with.
const ESCAPED: &str = "utf8-.";
const MAILBOX: std::ops::RangeInclusive<u32> = 1..=65_536;

/// What a consumer declares about itself.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) runtime: RuntimePath,
    pub(crate) kind: Kind,
    pub(crate) groups: Vec<LitStr>,
    pub(crate) layer: Option<LitStr>,
    pub(crate) mailbox: Option<u32>,
    pub(crate) overflow: Option<Overflow>,
}

/// What a consumer talks to.
#[derive(Clone, Copy, Default)]
pub(crate) enum Kind {
    #[default]
    WebSocket,
    Http,
    Channel,
}

/// What becomes of an event for which the mailbox has no room.
#[derive(Clone, Copy)]
pub(crate) enum Overflow {
    DropNewest,
    DropOldest,
    Coalesce,
    Close,
}

/// Reads the options of the struct.
pub(crate) fn on_struct(arguments: TokenStream, errors: &mut Errors) -> Declared {
    let mut declared = Declared::default();
    let mut seen = Seen::default();
    let mut kind = None;
    let pieces = options::split(arguments);
    let mut of_connections = Vec::new();
    for argument in options::keyed(pieces, &ON_STRUCT, errors) {
        let result = seen
            .insert(&argument.key)
            .and_then(|()| only_kind(&argument.key, &mut kind))
            .and_then(|()| declared.set(&argument));
        errors.check(result);
        if OF_CONNECTIONS.contains(&&*argument.key.to_string()) {
            of_connections.push(argument.key);
        }
    }
    if let Kind::Channel = declared.kind {
        for key in of_connections {
            errors.push(errors::option_of_connections(&key));
        }
    }
    declared
}

/// Reads the options of the `impl` block.
pub(crate) fn on_impl(arguments: TokenStream, errors: &mut Errors) -> RuntimePath {
    let mut runtime = RuntimePath::default();
    let mut seen = Seen::default();
    let pieces = options::split(arguments);
    for argument in options::keyed(pieces, &ON_IMPL, errors) {
        let result = seen
            .insert(&argument.key)
            .and_then(|()| impl_option(&argument));
        if let Some(path) = errors.check(result) {
            runtime = path;
        }
    }
    runtime
}

fn impl_option(argument: &Argument) -> syn::Result<RuntimePath> {
    let key = argument.key.to_string();
    match &*key {
        "crate" => argument.runtime_path(),
        key if ON_STRUCT.contains(&key) => Err(errors::option_of_the_struct(&argument.key)),
        _ => Err(errors::unknown_option(&argument.key, &ON_IMPL)),
    }
}

/// Reports a second kind.
fn only_kind(key: &Ident, first: &mut Option<Ident>) -> syn::Result<()> {
    if !KINDS.contains(&&*key.to_string()) {
        return Ok(());
    }
    if let Some(first) = first {
        return Err(errors::second_kind(first, key));
    }
    *first = Some(key.clone());
    Ok(())
}

impl Declared {
    fn set(&mut self, argument: &Argument) -> syn::Result<()> {
        match &*argument.key.to_string() {
            "websocket" => argument.flag().map(|()| self.kind = Kind::WebSocket),
            "http" => argument.flag().map(|()| self.kind = Kind::Http),
            "channel" => argument.flag().map(|()| self.kind = Kind::Channel),
            "groups" => groups(argument).map(|groups| self.groups = groups),
            "layer" => argument
                .string("\"default\"")
                .map(|layer| self.layer = Some(layer)),
            "mailbox" => mailbox(argument).map(|capacity| self.mailbox = Some(capacity)),
            "overflow" => overflow(argument).map(|overflow| self.overflow = Some(overflow)),
            "crate" => argument
                .runtime_path()
                .map(|runtime| self.runtime = runtime),
            _ => Err(errors::unknown_option(&argument.key, &ON_STRUCT)),
        }
    }
}

fn groups(argument: &Argument) -> syn::Result<Vec<LitStr>> {
    let groups = argument.list::<LitStr>("\"lobby\"")?;
    let mut names: Vec<String> = Vec::new();
    for group in &groups {
        let name = group.value();
        if name.is_empty() {
            return Err(errors::empty_text(&argument.key, group));
        }
        if name.starts_with("channels$") || name == "channels.revoked" {
            return Err(errors::group_reserved(group));
        }
        let length = wire_length(&name);
        if length > MAX_GROUP_NAME {
            return Err(errors::group_too_long(group, length, MAX_GROUP_NAME));
        }
        if names.contains(&name) {
            return Err(errors::group_given_twice(group));
        }
        names.push(name);
    }
    Ok(groups)
}

/// How many bytes a layer takes for a group's name, as `GroupName` of the runtime counts them.
fn wire_length(name: &str) -> usize {
    let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let escaped = name.bytes().filter(|byte| !is_safe(byte)).count();
    let is_plain = name.bytes().all(|byte| is_safe(&byte) || byte == b'_');
    if is_plain && !name.starts_with(ESCAPED) {
        name.len()
    } else {
        ESCAPED.len() + name.len() + 2 * escaped
    }
}

fn mailbox(argument: &Argument) -> syn::Result<u32> {
    let value = argument.assigned("100")?;
    let literal = syn::parse2::<LitInt>(value.clone());
    let capacity = literal.and_then(|literal| literal.base10_parse::<u32>());
    match capacity {
        Ok(capacity) if MAILBOX.contains(&capacity) => Ok(capacity),
        _ => Err(errors::mailbox_out_of_range(value, &MAILBOX)),
    }
}

fn overflow(argument: &Argument) -> syn::Result<Overflow> {
    let value = argument.assigned("drop_oldest")?;
    let word = syn::parse2::<Ident>(value.clone()).map(|word| word.to_string());
    match word.as_deref() {
        Ok("drop_newest") => Ok(Overflow::DropNewest),
        Ok("drop_oldest") => Ok(Overflow::DropOldest),
        Ok("coalesce") => Ok(Overflow::Coalesce),
        Ok("close") => Ok(Overflow::Close),
        _ => Err(errors::unknown_overflow(value, &OVERFLOWS)),
    }
}
