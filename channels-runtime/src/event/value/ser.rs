//! From Rust types to values, in the shapes of `serde_json`.

use serde::ser::{self, Error as _, Serialize};

use super::{Fields, RAW_JSON, Value, ValueError};

type Result<T = Value, E = ValueError> = std::result::Result<T, E>;

/// Makes a [`Value`] of a Rust type.
pub(super) struct Serializer;

impl ser::Serializer for Serializer {
    type Ok = Value;
    type Error = ValueError;
    type SerializeSeq = ListSerializer;
    type SerializeTuple = ListSerializer;
    type SerializeTupleStruct = ListSerializer;
    type SerializeTupleVariant = ListSerializer;
    type SerializeMap = MapSerializer;
    type SerializeStruct = MapSerializer;
    type SerializeStructVariant = MapSerializer;

    fn serialize_bool(self, v: bool) -> Result {
        Ok(Value::Bool(v))
    }

    fn serialize_i8(self, v: i8) -> Result {
        Ok(Value::Int(v.into()))
    }

    fn serialize_i16(self, v: i16) -> Result {
        Ok(Value::Int(v.into()))
    }

    fn serialize_i32(self, v: i32) -> Result {
        Ok(Value::Int(v.into()))
    }

    fn serialize_i64(self, v: i64) -> Result {
        Ok(Value::Int(v.into()))
    }

    fn serialize_i128(self, v: i128) -> Result {
        Ok(Value::Int(v))
    }

    fn serialize_u8(self, v: u8) -> Result {
        Ok(Value::Int(v.into()))
    }

    fn serialize_u16(self, v: u16) -> Result {
        Ok(Value::Int(v.into()))
    }

    fn serialize_u32(self, v: u32) -> Result {
        Ok(Value::Int(v.into()))
    }

    fn serialize_u64(self, v: u64) -> Result {
        Ok(Value::Int(v.into()))
    }

    fn serialize_u128(self, v: u128) -> Result {
        let too_big = |_| ValueError::custom("an event holds no integer of more than 127 bits");
        v.try_into().map(Value::Int).map_err(too_big)
    }

    fn serialize_f32(self, v: f32) -> Result {
        Ok(Value::Float(v.into()))
    }

    fn serialize_f64(self, v: f64) -> Result {
        Ok(Value::Float(v))
    }

    fn serialize_char(self, v: char) -> Result {
        Ok(Value::Text(v.into()))
    }

    fn serialize_str(self, v: &str) -> Result {
        Ok(Value::Text(v.to_owned()))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result {
        Ok(Value::Bytes(v.to_owned()))
    }

    fn serialize_none(self) -> Result {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        Ok(under(Some(variant), Value::of(value)?))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ListSerializer> {
        Ok(ListSerializer::new(None, len))
    }

    fn serialize_tuple(self, len: usize) -> Result<ListSerializer> {
        Ok(ListSerializer::new(None, Some(len)))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<ListSerializer> {
        Ok(ListSerializer::new(None, Some(len)))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<ListSerializer> {
        Ok(ListSerializer::new(Some(variant), Some(len)))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<MapSerializer> {
        Ok(MapSerializer::new(None, len))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<MapSerializer> {
        let mut map = MapSerializer::new(None, Some(len));
        map.raw_json = name.starts_with(RAW_JSON);
        Ok(map)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<MapSerializer> {
        Ok(MapSerializer::new(Some(variant), Some(len)))
    }
}

/// An enum's content stands in a map under the variant's name.
fn under(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::Map(Fields(vec![(variant.to_owned(), value)])),
        None => value,
    }
}

pub(super) struct ListSerializer {
    variant: Option<&'static str>,
    list: Vec<Value>,
}

impl ListSerializer {
    fn new(variant: Option<&'static str>, len: Option<usize>) -> Self {
        Self {
            variant,
            list: Vec::with_capacity(len.unwrap_or_default()),
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.list.push(Value::of(value)?);
        Ok(())
    }

    fn finish(self) -> Value {
        under(self.variant, Value::List(self.list))
    }
}

pub(super) struct MapSerializer {
    variant: Option<&'static str>,
    pairs: Vec<(String, Value)>,
    key: String,
    raw_json: bool,
}

impl MapSerializer {
    fn new(variant: Option<&'static str>, len: Option<usize>) -> Self {
        Self {
            variant,
            pairs: Vec::with_capacity(len.unwrap_or_default()),
            key: String::new(),
            raw_json: false,
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<()> {
        self.pairs.push((name.to_owned(), Value::of(value)?));
        Ok(())
    }

    fn finish(self) -> Value {
        under(self.variant, Value::Map(self.pairs.into()))
    }
}

/// A key as text: numbers and booleans become what they are in JSON.
fn key(key: Value) -> Result<String> {
    match key {
        Value::Text(key) => Ok(key),
        Value::Int(key) => Ok(key.to_string()),
        Value::Bool(key) => Ok(key.to_string()),
        Value::Float(key) if key.is_finite() => Ok(key.to_string()),
        _ => Err(ValueError::custom("a key is text, a number or a boolean")),
    }
}

macro_rules! compound {
    ($($of:ident::$trait:ident::$method:ident($($name:ident: $type:ty)?);)*) => {$(
        impl ser::$trait for $of {
            type Ok = Value;
            type Error = ValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<()> {
                self.push($($name,)? value)
            }

            fn end(self) -> Result {
                Ok(self.finish())
            }
        }
    )*};
}

compound! {
    ListSerializer::SerializeSeq::serialize_element();
    ListSerializer::SerializeTuple::serialize_element();
    ListSerializer::SerializeTupleStruct::serialize_field();
    ListSerializer::SerializeTupleVariant::serialize_field();
    MapSerializer::SerializeStructVariant::serialize_field(name: &'static str);
}

impl ser::SerializeStruct for MapSerializer {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.push(name, value)
    }

    fn end(self) -> Result {
        match &self.pairs[..] {
            [(_, Value::Text(json))] if self.raw_json => {
                let json = serde_json::from_str::<serde_json::Value>(json);
                json.map(Value::from).map_err(ValueError::custom)
            }
            _ => Ok(self.finish()),
        }
    }
}

impl ser::SerializeMap for MapSerializer {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<()> {
        self.key = key(Value::of(name)?)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let name = std::mem::take(&mut self.key);
        self.pairs.push((name, Value::of(value)?));
        Ok(())
    }

    fn end(self) -> Result {
        Ok(self.finish())
    }
}

impl Serialize for Value {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => serializer.serialize_i64(value),
                (_, Ok(value)) => serializer.serialize_u64(value),
                _ => serializer.serialize_i128(*value),
            },
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(list) => list.serialize(serializer),
            Self::Map(fields) => fields.serialize(serializer),
        }
    }
}

impl Serialize for Fields {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
