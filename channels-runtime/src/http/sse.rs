//! Server-sent events (HTML living standard, §9.2).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::socket::to_json;
use crate::{Error, ErrorKind, Result};

/// One server-sent event: its data, and where they are wanted its name, its id and the time after
/// which a client that lost the stream comes back.
///
/// Text of several lines arrives as it was; a `\r` or `\r\n` in it arrives as `\n`, for the format
/// knows no other.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use channels_runtime::ServerSentEvent;
///
/// # fn main() -> channels_runtime::Result {
/// let event = ServerSentEvent::new("two\nlines")
///     .event("news")
///     .id("7")
///     .retry(Duration::from_secs(2));
/// assert_eq!(event.encode()?, "event: news\nid: 7\nretry: 2000\ndata: two\ndata: lines\n\n");
///
/// let event = ServerSentEvent::json(&[1, 2])?;
/// assert_eq!(event.encode()?, "data: [1,2]\n\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSentEvent {
    event: Option<Cow<'static, str>>,
    id: Option<Cow<'static, str>>,
    retry: Option<Duration>,
    data: Option<Cow<'static, str>>,
    comment: Option<Cow<'static, str>>,
}

impl ServerSentEvent {
    /// An event with data, which a page gets by its `onmessage`.
    pub fn new(data: impl Into<Cow<'static, str>>) -> Self {
        Self {
            data: Some(data.into()),
            ..Self::default()
        }
    }

    /// An event whose data are a value as JSON.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if the value does not serialize.
    pub fn json(value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Ok(Self::new(to_json(value)?))
    }

    /// A comment: clients ignore it, and everything between here and there sees that the stream
    /// lives. A stream sends some by itself.
    pub fn comment(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            comment: Some(text.into()),
            ..Self::default()
        }
    }

    /// Names the event: a page gets it by `addEventListener` of this name, not by `onmessage`.
    #[must_use]
    pub fn event(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.event = Some(name.into());
        self
    }

    /// Sets the id that a client which comes back sends as `Last-Event-ID`.
    #[must_use]
    pub fn id(mut self, id: impl Into<Cow<'static, str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the time after which a client that lost the stream comes back.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }

    /// The event as it goes over the wire.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if the name or the id has a line break, or the id a NUL: they would end
    /// the field, and what stands behind would be taken for another.
    pub fn encode(&self) -> Result<Bytes> {
        let mut text = String::new();
        if let Some(comment) = &self.comment {
            lines(&mut text, ":", comment);
        }
        if let Some(name) = &self.event {
            lines(&mut text, "event:", one_line("name", name)?);
        }
        if let Some(id) = &self.id {
            lines(&mut text, "id:", one_line("id", id)?);
        }
        if let Some(retry) = self.retry {
            let _infallible = writeln!(text, "retry: {}", retry.as_millis());
        }
        if let Some(data) = &self.data {
            lines(&mut text, "data:", data);
        }
        text.push('\n');
        Ok(text.into())
    }
}

impl From<String> for ServerSentEvent {
    fn from(data: String) -> Self {
        Self::new(data)
    }
}

impl From<&str> for ServerSentEvent {
    fn from(data: &str) -> Self {
        Self::new(data.to_owned())
    }
}

/// Writes a field of each line, with the space that clients take off.
fn lines(text: &mut String, field: &str, value: &str) {
    let value = value.replace("\r\n", "\n");
    for line in value.split(['\n', '\r']) {
        let _infallible = writeln!(text, "{field} {line}");
    }
}

fn one_line<'v>(what: &str, value: &'v str) -> Result<&'v str> {
    if value.contains(['\n', '\r', '\0']) {
        let message = format!("an event's {what} is one line of text");
        return Err(Error::new(ErrorKind::Encode, message));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a client makes of one event, by the letter of the standard: its name, id and data.
    fn parse(wire: &str) -> (String, String, Option<String>) {
        let (mut event, mut id, mut data) = (String::new(), String::new(), None::<String>);
        for line in wire.split_inclusive(['\n', '\r']) {
            let line = line.trim_end_matches(['\n', '\r']);
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut event),
                "id" => value.clone_into(&mut id),
                "data" => {
                    let data = data.get_or_insert_default();
                    data.push_str(value);
                    data.push('\n');
                }
                _ => {}
            }
        }
        let data = data.map(|data| data[..data.len() - 1].to_owned());
        (event, id, data)
    }

    fn wire(event: &ServerSentEvent) -> String {
        String::from_utf8(event.encode().expect("an event").to_vec()).expect("text")
    }

    #[test]
    fn each_line_of_data_has_its_field() {
        let cases = [
            ("", "data: \n\n"),
            ("one", "data: one\n\n"),
            (" two\n lines\n", "data:  two\ndata:  lines\ndata: \n\n"),
            ("a\r\nb\rc", "data: a\ndata: b\ndata: c\n\n"),
            (
                "x\n\nevent: forged",
                "data: x\ndata: \ndata: event: forged\n\n",
            ),
        ];
        for (data, expected) in cases {
            assert_eq!(wire(&data.into()), expected, "{data:?}");
        }
        let comment = ServerSentEvent::comment("be\npatient");
        assert_eq!(wire(&comment), ": be\n: patient\n\n");
    }

    #[test]
    fn what_would_forge_a_field_is_refused() {
        for bad in ["a\nb", "a\rdata: x", "\0"] {
            let named = ServerSentEvent::new("x").event(bad.to_owned());
            assert!(named.encode().is_err(), "{bad:?}");
            let numbered = ServerSentEvent::new("x").id(bad.to_owned());
            assert!(numbered.encode().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_client_gets_what_was_sent(data in any::<String>(), name in "\\PC*", id in "\\PC*") {
            let event = ServerSentEvent::new(data.clone()).event(name.clone()).id(id.clone());
            let text = wire(&event);
            prop_assert!(text.ends_with("\n\n") && !text.trim_end_matches('\n').contains("\n\n"));
            let lines = data.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert_eq!(parse(&text), (name, id, Some(lines)));
        }
    }
}
