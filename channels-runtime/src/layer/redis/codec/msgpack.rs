//! Msgpack, as `msgpack-python` writes and reads it (`packb` and `unpackb` without options).

use rmp::Marker;
use rmp::encode;

use super::deeper;
use crate::event::{Fields, Value};

/// Writes integers in their shortest form, floats always with 64 bits, text and bytes apart.
pub(super) fn write(value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    put(&mut out, value, 0)?;
    Ok(out)
}

fn put(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Null => encode::write_nil(out).map_err(failed)?,
        Value::Bool(value) => encode::write_bool(out, *value).map_err(failed)?,
        Value::Int(value) => match (u64::try_from(*value), i64::try_from(*value)) {
            (Ok(value), _) => drop(encode::write_uint(out, value).map_err(failed)?),
            (_, Ok(value)) => drop(encode::write_sint(out, value).map_err(failed)?),
            _ => return Err(format!("msgpack has no room for the integer {value}")),
        },
        Value::Float(value) => encode::write_f64(out, *value).map_err(failed)?,
        Value::Text(text) => put_text(out, text)?,
        Value::Bytes(bytes) => {
            length(bytes.len())?;
            encode::write_bin(out, bytes).map_err(failed)?;
        }
        Value::List(list) => {
            deeper(depth)?;
            encode::write_array_len(out, length(list.len())?).map_err(failed)?;
            for value in list {
                put(out, value, depth + 1)?;
            }
        }
        Value::Map(fields) => {
            deeper(depth)?;
            encode::write_map_len(out, length(fields.len())?).map_err(failed)?;
            for (name, value) in fields.iter() {
                put_text(out, name)?;
                put(out, value, depth + 1)?;
            }
        }
    }
    Ok(())
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    length(text.len())?;
    encode::write_str(out, text).map_err(failed)
}

/// The writers' errors are those of a stream: a vector has none.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: impl ToString) -> String {
    error.to_string()
}

fn length(length: usize) -> Result<u32, String> {
    u32::try_from(length).map_err(|_| "msgpack holds no value of 4 GiB".to_owned())
}

/// Reads any form of a value. A key that is bytes is read as the text that it is.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader {
        rest: bytes,
        owed: 1,
    };
    let value = reader.value(0).and_then(|value| match reader.rest.len() {
        0 => Ok(value),
        more => Err(format!("{more} bytes too many")),
    });
    value.map_err(|what| format!("{what}, at byte {}", bytes.len() - reader.rest.len()))
}

struct Reader<'a> {
    rest: &'a [u8],
    /// How many values are still to come. Each has a byte at least, so what promises more of them
    /// than there are bytes is refused before memory is taken for it.
    owed: usize,
}

/// What stands before or instead of a value.
enum Token<'a> {
    Plain(Value),
    Text(&'a str),
    Bytes(&'a [u8]),
    List(usize),
    Map(usize),
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        match self.token()? {
            Token::Plain(value) => Ok(value),
            Token::Text(text) => Ok(Value::Text(text.to_owned())),
            Token::Bytes(bytes) => Ok(Value::Bytes(bytes.to_owned())),
            Token::List(len) => self.list(len, depth),
            Token::Map(len) => self.map(len, depth),
        }
    }

    fn list(&mut self, len: usize, depth: usize) -> Result<Value, String> {
        deeper(depth)?;
        self.owe(len)?;
        let mut list = Vec::with_capacity(len);
        for _ in 0..len {
            list.push(self.value(depth + 1)?);
        }
        Ok(Value::List(list))
    }

    fn map(&mut self, len: usize, depth: usize) -> Result<Value, String> {
        deeper(depth)?;
        self.owe(len.saturating_mul(2))?;
        let mut pairs = Vec::with_capacity(len);
        for _ in 0..len {
            let key = self.key()?.to_owned();
            pairs.push((key, self.value(depth + 1)?));
        }
        Ok(Value::Map(Fields::from(pairs)))
    }

    fn key(&mut self) -> Result<&'a str, String> {
        match self.token()? {
            Token::Text(key) => Ok(key),
            Token::Bytes(key) => {
                str::from_utf8(key).map_err(|_| "a key is bytes that are no UTF-8".to_owned())
            }
            _ => Err("a key is neither text nor bytes".to_owned()),
        }
    }

    fn token(&mut self) -> Result<Token<'a>, String> {
        self.owed = self.owed.saturating_sub(1);
        let [marker, rest @ ..] = self.rest else {
            return Err(ENDS.to_owned());
        };
        self.rest = rest;
        Ok(match Marker::from_u8(*marker) {
            Marker::Null => Token::Plain(Value::Null),
            Marker::True => Token::Plain(Value::Bool(true)),
            Marker::False => Token::Plain(Value::Bool(false)),
            Marker::FixPos(value) => int(value),
            Marker::U8 => int(u8::from_be_bytes(self.array()?)),
            Marker::U16 => int(u16::from_be_bytes(self.array()?)),
            Marker::U32 => int(u32::from_be_bytes(self.array()?)),
            Marker::U64 => int(u64::from_be_bytes(self.array()?)),
            Marker::FixNeg(value) => int(value),
            Marker::I8 => int(i8::from_be_bytes(self.array()?)),
            Marker::I16 => int(i16::from_be_bytes(self.array()?)),
            Marker::I32 => int(i32::from_be_bytes(self.array()?)),
            Marker::I64 => int(i64::from_be_bytes(self.array()?)),
            Marker::F32 => float(f32::from_be_bytes(self.array()?)),
            Marker::F64 => float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(len) => self.text(len.into())?,
            Marker::Str8 => self.len8().and_then(|len| self.text(len))?,
            Marker::Str16 => self.len16().and_then(|len| self.text(len))?,
            Marker::Str32 => self.len32().and_then(|len| self.text(len))?,
            Marker::Bin8 => self
                .len8()
                .and_then(|len| self.take(len))
                .map(Token::Bytes)?,
            Marker::Bin16 => self
                .len16()
                .and_then(|len| self.take(len))
                .map(Token::Bytes)?,
            Marker::Bin32 => self
                .len32()
                .and_then(|len| self.take(len))
                .map(Token::Bytes)?,
            Marker::FixArray(len) => Token::List(len.into()),
            Marker::Array16 => Token::List(self.len16()?),
            Marker::Array32 => Token::List(self.len32()?),
            Marker::FixMap(len) => Token::Map(len.into()),
            Marker::Map16 => Token::Map(self.len16()?),
            Marker::Map32 => Token::Map(self.len32()?),
            Marker::Reserved => return Err("a byte that begins no value".to_owned()),
            // Python knows only one such type itself, the timestamp; `datetime` is none of them.
            _ => return Err("a value of an extension type, which no event holds".to_owned()),
        })
    }

    fn text(&mut self, len: usize) -> Result<Token<'a>, String> {
        match str::from_utf8(self.take(len)?) {
            Ok(text) => Ok(Token::Text(text)),
            Err(_) => Err("a text is no UTF-8".to_owned()),
        }
    }

    fn len8(&mut self) -> Result<usize, String> {
        Ok(u8::from_be_bytes(self.array()?).into())
    }

    fn len16(&mut self) -> Result<usize, String> {
        Ok(u16::from_be_bytes(self.array()?).into())
    }

    fn len32(&mut self) -> Result<usize, String> {
        let len = u32::from_be_bytes(self.array()?);
        len.try_into().map_err(|_| ENDS.to_owned())
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(ENDS)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ENDS)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn owe(&mut self, values: usize) -> Result<(), String> {
        self.owed = self.owed.saturating_add(values);
        if self.owed > self.rest.len() {
            return Err(ENDS.to_owned());
        }
        Ok(())
    }
}

const ENDS: &str = "it ends too early";

fn int<'a>(value: impl Into<i128>) -> Token<'a> {
    Token::Plain(Value::Int(value.into()))
}

fn float<'a>(value: impl Into<f64>) -> Token<'a> {
    Token::Plain(Value::Float(value.into()))
}
