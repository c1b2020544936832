//! A message as it lies in Redis: serialized, and encrypted if there are keys.
//!
//! That is all of what the pub/sub layer publishes; the core layer puts more around it (`member`).

use super::codec::Format;
use super::encryption::{Fernet, Lifetime};
use crate::event::{Fields, Value};
use crate::{Error, ErrorKind, Result};

/// How messages become bytes, on all servers of one Redis alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Body {
    pub(crate) format: Format,
    pub(crate) encryption: Option<Fernet>,
}

impl Body {
    /// Makes a message. `now` is in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Encode`] if the format cannot hold the fields.
    pub(super) fn write(&self, fields: Fields, now: u64) -> Result<Vec<u8>> {
        let plain = self.format.write(&Value::Map(fields))?;
        match &self.encryption {
            Some(fernet) => fernet.encrypt(&plain, now).map(String::into_bytes),
            None => Ok(plain),
        }
    }

    /// Reads a message; an encrypted one may be only so old.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Decode`] if it is no message, or was made with other keys.
    pub(super) fn read(&self, body: &[u8], lifetime: Option<Lifetime>) -> Result<Fields> {
        let value = match &self.encryption {
            Some(fernet) => {
                let opened = fernet.decrypt(body, lifetime).map_err(|refused| {
                    Error::caused(ErrorKind::Decode, "a message was not decrypted", refused)
                });
                self.format.read(&opened?)?
            }
            None => self.format.read(body)?,
        };
        match value {
            Value::Map(fields) => Ok(fields),
            _ => Err(Error::new(
                ErrorKind::Decode,
                "a message is a map of fields",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value as Json;

    use super::super::codec::DEPTH;
    use super::super::keys::Keys;
    use super::super::vectors::{self, bytes, hex, message, text};
    use super::*;
    use crate::Event;

    /// A whole event in a message, as the pub/sub layer has it.
    impl Body {
        fn publish(&self, event: &Event, now: u64) -> Result<Vec<u8>> {
            self.write(event.to_fields()?, now)
        }

        fn published(&self, payload: &[u8]) -> Result<Event> {
            Event::received(self.read(payload, None)?, None)
        }
    }

    #[derive(Deserialize)]
    struct Vector {
        id: String,
        prefix: String,
        serializer: Option<String>,
        symmetric_encryption_keys: Option<Json>,
        via: Option<String>,
        target: Option<String>,
        message: Option<Value>,
        published_on: Option<String>,
        payload_hex: Option<String>,
        new_channel: Option<String>,
        new_channel_commands: Option<Json>,
        group_add_commands: Option<Json>,
        group_discard_commands: Option<Json>,
    }

    #[test]
    fn payloads_are_those_of_the_pubsub_layer() {
        let (mut plain, mut encrypted, mut topics) = (0, 0, 0);
        for vector in vectors::PUBSUB.all::<Vector>("vectors", 15) {
            let Some(target) = &vector.target else {
                vector.check_topics();
                topics += 1;
                continue;
            };
            let topic = match vector.via.as_deref() {
                Some("group_send") => Keys::new(&vector.prefix).topic(target),
                _ => target.clone(),
            };
            assert_eq!(Some(topic), vector.published_on);

            let secrets = vector
                .symmetric_encryption_keys
                .as_ref()
                .and_then(Json::as_array);
            let body = Body {
                format: Format::named(vector.serializer.as_deref().expect("a format")),
                encryption: Fernet::new(secrets.into_iter().flatten().map(bytes)),
            };
            let expected =
                message(vector.message.as_ref().expect("a message")).expect("an event's");
            let payload = hex(vector.payload_hex.as_ref().expect("a payload"));
            let event = body.published(&payload).expect("an event");
            assert_eq!(Value::Map(event.to_fields().expect("fields")), expected);
            let ours = body.publish(&event, 1_700_000_000).expect("fits");
            if body.encryption.is_some() {
                assert_eq!(ours.len(), payload.len(), "{}", vector.id);
                let again = body.published(&ours).expect("ours");
                assert_eq!(Value::Map(again.to_fields().expect("fields")), expected);
                encrypted += 1;
            } else {
                assert_eq!(ours, payload, "{}", vector.id);
                plain += 1;
            }
        }
        assert_eq!((plain, encrypted, topics), (6, 4, 5));
    }

    impl Vector {
        /// The file's group is always `room`.
        fn check_topics(&self) {
            let keys = Keys::new(&self.prefix);
            let channel = self.new_channel.as_ref().expect("a channel");
            assert_eq!(
                keys.pubsub_channel(&channel[channel.len() - 32..]),
                *channel
            );
            for (commands, name) in [
                (&self.new_channel_commands, channel.clone()),
                (&self.group_add_commands, keys.topic("room")),
                (&self.group_discard_commands, keys.topic("room")),
            ] {
                let commands = commands.as_ref().expect("commands");
                assert_eq!(text(&commands[0][1]), name, "{}", self.id);
            }
        }
    }

    #[test]
    fn what_is_no_message_says_why() {
        let plain = Body::default();
        let encrypted = Body {
            encryption: Fernet::new(["secret"]),
            ..Body::default()
        };
        for (body, payload, kind, what) in [
            (&plain, &b"\x91\x01"[..], ErrorKind::Decode, "map of fields"),
            (&plain, b"\x80", ErrorKind::EventType, "has a `type`"),
            (
                &plain,
                b"\x81\xa4type\x01",
                ErrorKind::EventType,
                "is a string",
            ),
            (&plain, b"\x81\xa4type\xa2_x", ErrorKind::EventType, "`_x`"),
            (
                &plain,
                b"\x81",
                ErrorKind::Decode,
                "ends too early, at byte 1",
            ),
            (&encrypted, b"\x80", ErrorKind::Decode, "not decrypted"),
        ] {
            let error = body.published(payload).expect_err("no message");
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn bytes_of_a_django_site_reach_a_handler_and_come_back() {
        #[derive(Deserialize)]
        struct Picture {
            bytes: bytes::Bytes,
        }
        let payload = b"\x82\xa4type\xacchat.message\xa5bytes\xc4\x03\x00\xff\x80";
        let event = Body::default().published(payload).expect("an event");
        let crate::Payload(Picture { bytes }) =
            crate::FromEvent::from_event(event.clone()).expect("decodes");
        assert_eq!(bytes[..], [0, 255, 128]);
        let again = Body::default().publish(&event, 0).expect("fits");
        assert_eq!(again, payload);
        let json = Body {
            format: Format::Json,
            encryption: None,
        };
        let error = json.publish(&event, 0).expect_err("JSON has no bytes");
        assert_eq!(error.kind(), ErrorKind::Encode);
    }

    /// On a quarter of what tokio's threads have, in an unoptimized build.
    #[test]
    fn the_deepest_message_fits_on_a_stack() {
        let deepest = |format: Format, open: &[u8], end: &[u8], close: &[u8]| {
            // The map around it counts as well.
            let around = match format {
                Format::MsgPack => (&b"\x82\xa4type\xa1a\xa1v"[..], &b""[..]),
                Format::Json => (&br#"{"type": "a", "v": "#[..], &b"}"[..]),
            };
            let body = Body {
                format,
                encryption: None,
            };
            let payload = [
                around.0,
                &open.repeat(DEPTH - 1),
                end,
                &close.repeat(DEPTH - 1),
                around.1,
            ]
            .concat();
            let event = body.published(&payload).expect("an event");
            let json = event.to_json().expect("JSON");
            let crate::Payload(decoded): crate::Payload<Json> =
                crate::FromEvent::from_event(event.clone()).expect("decodes");
            assert_eq!(decoded["v"], json["v"]);
            assert_eq!(body.publish(&event, 0).expect("fits"), payload);
        };
        let all = move || {
            deepest(Format::MsgPack, b"\x91", b"\xc0", b"");
            deepest(Format::MsgPack, b"\x81\xa1a", b"\xc0", b"");
            deepest(Format::Json, b"[", b"null", b"]");
            deepest(Format::Json, b"{\"a\": ", b"null", b"}");
        };
        let thread = std::thread::Builder::new().stack_size(512 << 10);
        thread
            .spawn(all)
            .expect("a thread")
            .join()
            .expect("no panic");
    }
}
