//! JSON, as Python's `json` writes and reads it (`dumps` and `loads` without options).

use std::fmt::Write as _;

use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};

use super::{deeper, unicode};
use crate::event::{Fields, Value};

/// Writes ASCII alone, a space behind each `,` and `:`, and floats that are no numbers by name.
pub(super) fn write(value: &Value) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    put(&mut out, value, 0)?;
    Ok(out.into_bytes())
}

fn put(out: &mut String, value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&float(*value)),
        Value::Text(text) => put_text(out, text),
        Value::Bytes(_) => return Err("JSON has no bytes; msgpack does".to_owned()),
        Value::List(list) => {
            deeper(depth)?;
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                put(out, value, depth + 1)?;
            }
            out.push(']');
        }
        Value::Map(fields) => {
            deeper(depth)?;
            out.push('{');
            for (at, (name, value)) in fields.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                put_text(out, name);
                out.push_str(": ");
                put(out, value, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

fn put_text(out: &mut String, text: &str) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(char),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    // Nothing fails in a string.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// A float as Python's `repr` has it: the shortest digits, an exponent of two of them.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}Infinity");
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{value:?}"),
    }
}

/// Reads what Python reads, but for lone surrogates, which are no text here.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let text = unicode::decode(bytes).ok_or("it is no Unicode text")?;
    let mut jiter = Jiter::new(text.as_bytes()).with_allow_inf_nan();
    let value = jiter
        .peek()
        .map_err(|error| invalid(&error))
        .and_then(|peek| take(&mut jiter, peek, 0))
        .and_then(|value| {
            jiter
                .finish()
                .map(|()| value)
                .map_err(|error| invalid(&error))
        });
    value.map_err(|what| format!("{what}, at byte {}", jiter.current_index()))
}

fn take(jiter: &mut Jiter<'_>, peek: Peek, depth: usize) -> Result<Value, String> {
    let value = match peek {
        Peek::Null => jiter.known_null().map(|()| Value::Null),
        Peek::True | Peek::False => jiter.known_bool(peek).map(Value::Bool),
        Peek::String => jiter.known_str().map(|text| Value::Text(text.to_owned())),
        Peek::Array => return list(jiter, depth),
        Peek::Object => return map(jiter, depth),
        number => {
            let digits = jiter.known_number_bytes(number);
            return digits.map_err(|error| invalid(&error)).and_then(parse);
        }
    };
    value.map_err(|error| invalid(&error))
}

fn list(jiter: &mut Jiter<'_>, depth: usize) -> Result<Value, String> {
    deeper(depth)?;
    let mut list = Vec::new();
    let mut next = jiter.known_array();
    while let Some(peek) = next.map_err(|error| invalid(&error))? {
        list.push(take(jiter, peek, depth + 1)?);
        next = jiter.array_step();
    }
    Ok(Value::List(list))
}

fn map(jiter: &mut Jiter<'_>, depth: usize) -> Result<Value, String> {
    deeper(depth)?;
    let mut pairs = Vec::new();
    let mut next = jiter.known_object().map(|key| key.map(str::to_owned));
    while let Some(key) = next.map_err(|error| invalid(&error))? {
        let peek = jiter.peek().map_err(|error| invalid(&error))?;
        pairs.push((key, take(jiter, peek, depth + 1)?));
        next = jiter.next_key().map(|key| key.map(str::to_owned));
    }
    Ok(Value::Map(Fields::from(pairs)))
}

/// What is beyond a float's range is infinite, as in Python.
fn parse(digits: &[u8]) -> Result<Value, String> {
    let digits = str::from_utf8(digits).unwrap_or_default();
    match digits {
        "NaN" => Ok(Value::Float(f64::NAN)),
        "Infinity" => Ok(Value::Float(f64::INFINITY)),
        "-Infinity" => Ok(Value::Float(f64::NEG_INFINITY)),
        _ if digits.contains(['.', 'e', 'E']) => {
            let float = digits.parse().map(Value::Float);
            float.map_err(|_| "a number is malformed".to_owned())
        }
        _ => {
            let int = digits.parse().map(Value::Int);
            int.map_err(|_| "an integer has more than 127 bits, which no event holds".to_owned())
        }
    }
}

fn invalid(error: &JiterError) -> String {
    use JsonErrorType::{LoneLeadingSurrogateInHexEscape, UnexpectedEndOfHexEscape};

    match &error.error_type {
        JiterErrorType::JsonError(LoneLeadingSurrogateInHexEscape | UnexpectedEndOfHexEscape) => {
            "half of a surrogate pair, which no event holds".to_owned()
        }
        other => other.to_string(),
    }
}
