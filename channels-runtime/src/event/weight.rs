//! About how much memory an event takes while it waits.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::ser::{self, Serialize};

use crate::supervise::isolate;

/// Memory of an event in addition to its payload, in bytes: the allocation that its clones share, and
/// the place in a queue.
const BOOKKEEPING: usize = 128;

/// Memory of a text, a list or a map in addition to its content, in bytes, and of a value that may be of
/// any type, such as a `serde_json::Value`. That writes its numbers with 64 bits: smaller ones are of a
/// type of their own, as the bytes of a `Vec<u8>`, and take no more than their size.
const VALUE: usize = 24;

/// The weight of an event, which is found out when the event is queued for the first time.
#[derive(Debug, Default)]
pub(super) struct Weight(AtomicUsize);

impl Weight {
    /// Bytes of memory that the event with this payload takes. It counts what the payload serializes
    /// to, and one that does not serialize takes no more than its bookkeeping.
    ///
    /// Calls user code, a `Serialize`, the first time: no lock may be held.
    pub(super) fn of(&self, payload: &impl Serialize) -> usize {
        let known = self.0.load(Ordering::Relaxed);
        if known != 0 {
            return known;
        }
        let weight = BOOKKEEPING + isolate(SERIALIZE, || payload_weight(payload)).unwrap_or(0);
        // Another thread may have been quicker. The weight of an event never changes.
        let stored = self
            .0
            .compare_exchange(0, weight, Ordering::Relaxed, Ordering::Relaxed);
        stored.err().unwrap_or(weight)
    }
}

/// What panics where the `Serialize` of an event does.
const SERIALIZE: &str = "the `Serialize` of an event";

fn payload_weight(payload: &impl Serialize) -> usize {
    let mut counter = Counter(0);
    match payload.serialize(&mut counter) {
        Ok(()) => counter.0,
        Err(fmt::Error) => 0,
    }
}

/// Adds up what the values that it is given take.
struct Counter(usize);

impl Counter {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "as a serializer's methods return it"
    )]
    fn add(&mut self, bytes: usize) -> Result<(), fmt::Error> {
        self.0 += VALUE + bytes;
        Ok(())
    }
}

macro_rules! values {
    ($($method:ident: $value:ty),*) => {
        $(fn $method(self, _: $value) -> Result<(), fmt::Error> {
            self.add(0)
        })*
    };
}

macro_rules! small_numbers {
    ($($method:ident: $number:ty),*) => {
        $(fn $method(self, number: $number) -> Result<(), fmt::Error> {
            self.0 += size_of_val(&number);
            Ok(())
        })*
    };
}

impl ser::Serializer for &mut Counter {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    small_numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_f32: f32, serialize_char: char
    }

    values! {
        serialize_bool: bool, serialize_i64: i64, serialize_i128: i128, serialize_u64: u64,
        serialize_u128: u128, serialize_f64: f64
    }

    fn serialize_str(self, text: &str) -> Result<(), fmt::Error> {
        self.add(text.len())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), fmt::Error> {
        self.add(bytes.len())
    }

    fn serialize_none(self) -> Result<(), fmt::Error> {
        self.add(0)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), fmt::Error> {
        self.add(0)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), fmt::Error> {
        self.add(0)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), fmt::Error> {
        self.add(0)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, fmt::Error> {
        self.add(0).map(|()| self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, fmt::Error> {
        self.add(0).map(|()| self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        self.add(0).map(|()| self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, fmt::Error> {
        self.add(0).map(|()| self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, fmt::Error> {
        self.add(0).map(|()| self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        self.add(0).map(|()| self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, fmt::Error> {
        self.add(0).map(|()| self)
    }
}

macro_rules! elements {
    ($($parts:ident::$method:ident),*) => {
        $(impl ser::$parts for &mut Counter {
            type Ok = ();
            type Error = fmt::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), fmt::Error> {
                Ok(())
            }
        })*
    };
}

macro_rules! fields {
    ($($parts:ident),*) => {
        $(impl ser::$parts for &mut Counter {
            type Ok = ();
            type Error = fmt::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), fmt::Error> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), fmt::Error> {
                Ok(())
            }
        })*
    };
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for &mut Counter {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), fmt::Error> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), fmt::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serializer;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_payload_weighs_what_it_takes_in_memory() {
        let long = "x".repeat(10_000);
        for (payload, at_least, at_most) in [
            (json!({}), 0, 100),
            (json!({ "text": "hi" }), 2, 200),
            (json!({ "text": long }), 10_000, 10_200),
            (json!({ long: 1 }), 10_000, 10_200),
            // A number takes two characters of JSON, and 32 bytes in a value.
            (json!({ "numbers": vec![1; 1000] }), 16_000, 40_000),
            (json!({ "maps": vec![json!({}); 1000] }), 16_000, 80_000),
        ] {
            let weight = payload_weight(&payload);
            assert!((at_least..=at_most).contains(&weight), "{weight}");
        }
    }

    #[test]
    fn bytes_and_small_numbers_weigh_their_size() {
        for (weight, expected) in [
            (payload_weight(&vec![0_u8; 100_000]), 100_000),
            (payload_weight(&[0_u8; 32]), 32),
            (payload_weight(&vec![0_f32; 10_000]), 40_000),
        ] {
            assert_eq!(weight, expected + VALUE);
        }
    }

    #[test]
    fn what_does_not_serialize_weighs_its_bookkeeping() {
        struct Fails;

        impl Serialize for Fails {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(ser::Error::custom("on purpose"))
            }
        }

        struct Panics;

        impl Serialize for Panics {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                panic!("on purpose, in serialize")
            }
        }

        assert_eq!(Weight::default().of(&Fails), BOOKKEEPING);
        assert_eq!(Weight::default().of(&Panics), BOOKKEEPING);
    }
}
