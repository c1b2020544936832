//! What a route captured, as the fields of a struct.

use std::fmt;
use std::sync::Arc;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess,
    Unexpected, Visitor,
};

use super::Kwargs;
use crate::{Error, ErrorKind, Result};

/// Reads a struct, or a map of texts.
pub(super) fn from_kwargs<T: DeserializeOwned>(kwargs: &Kwargs) -> Result<T> {
    T::deserialize(Fields(kwargs)).map_err(|mistake| match mistake {
        Mistake::Missing(name) => kwargs.missing(name),
        Mistake::Program(what) => Error::new(ErrorKind::Config, what),
        Mistake::Text(what) => Error::new(ErrorKind::Route, what),
    })
}

/// What went wrong, and whose mistake it was.
#[derive(Debug)]
enum Mistake {
    /// The route captures no such name.
    Missing(&'static str),
    /// The type cannot be read from what a route captures.
    Program(String),
    /// The text is none of what its field may be.
    Text(String),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => f.write_str(what),
            Self::Program(what) | Self::Text(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::Text(what.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Program(format!(
            "what a route captures is no {expected}, but {unexpected}"
        ))
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Missing(name)
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::Program(format!(
            "the route captures `{name}`, which is none of the fields [{}]",
            known.join(", ")
        ))
    }
}

/// All that was captured.
struct Fields<'a>(&'a Kwargs);

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_map(Entries {
            rest: self.0.entries(),
            value: None,
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Entries<'a> {
    rest: &'a [(Arc<str>, Box<str>)],
    value: Option<(&'a str, &'a str)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mistake> {
        let Some(((name, text), rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        self.value = Some((name, text));
        let name: StrDeserializer<'_, Mistake> = (**name).into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let (name, text) = self.value.take().unwrap_or_default();
        seed.deserialize(Text(text))
            .map_err(|mistake| match mistake {
                Mistake::Text(what) => Mistake::Text(format!("`{name}` is `{text}`: {what}")),
                Mistake::Program(what) => Mistake::Program(format!("`{name}`: {what}")),
                Mistake::Missing(field) => {
                    Mistake::Program(format!("`{name}` is one text: it has no `{field}`"))
                }
            })
    }
}

/// One captured text.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn parse<T: std::str::FromStr>(&self) -> Result<T, Mistake> {
        let wanted = std::any::type_name::<T>();
        let parsed = self.0.parse();
        parsed.map_err(|_| Mistake::Text(format!("that is no {wanted}")))
    }

    fn cannot<T>(what: &str) -> Result<T, Mistake> {
        let message = format!("{what} cannot be read from the text of a path");
        Err(Mistake::Program(message))
    }
}

macro_rules! parsed {
    ($($deserialize:ident => $visit:ident,)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
            visitor.$visit(self.parse()?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Mistake;

    parsed! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i8,
        deserialize_i16 => visit_i16,
        deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64,
        deserialize_i128 => visit_i128,
        deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32,
        deserialize_u64 => visit_u64,
        deserialize_u128 => visit_u128,
        deserialize_f32 => visit_f32,
        deserialize_f64 => visit_f64,
        deserialize_char => visit_char,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mistake> {
        Self::cannot("a unit")
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, Mistake> {
        Self::cannot(name)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mistake> {
        Self::cannot("a sequence")
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Mistake> {
        Self::cannot("a tuple")
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        _: V,
    ) -> Result<V::Value, Mistake> {
        Self::cannot(name)
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Mistake> {
        Self::cannot("a map")
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Mistake> {
        Self::cannot(name)
    }

    serde::forward_to_deserialize_any! { str string bytes byte_buf identifier ignored_any }
}

#[cfg(test)]
mod tests;
