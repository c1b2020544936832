//! How a session becomes text and is read again: Django's `signing.dumps` and `signing.loads`.
//!
//! `payload:time:signature`, where the payload is JSON in base64, after a `.` compressed JSON.

use std::borrow::Cow;
use std::io::{Read as _, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use subtle::ConstantTimeEq as _;

use super::data::MAX_JSON;
use super::keys::salted_hmac;
use super::{SecretKeys, SessionData, base62};
use crate::scope::latin1;

/// Writes no padding, as Django; reads it if it is there, as Django.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Why the text of a session does not yield its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// None of the secret keys signed it.
    Signature,
    /// It is signed correctly, but its payload has another format; the reason.
    Payload(&'static str),
}

impl SecretKeys {
    /// Signs what [`SessionData::to_json`] gave. The salt says what the signature is for.
    pub(crate) fn sign(&self, salt: &str, json: &str, now: SystemTime) -> String {
        let signed = format!("{}:{}", pack(json), base62::encode(unix_seconds(now)));
        let signature = signature(salt, self.current(), &signed);
        [&signed, ":", &signature].concat()
    }

    /// Reads the session in a signed text.
    ///
    /// The time of the signature is not compared with anything: see [`is_older`].
    ///
    /// # Errors
    ///
    /// [`Unreadable`]. Django continues with an empty session and overwrites the old one; here the
    /// caller must leave the text unchanged.
    pub(crate) fn read(&self, salt: &str, text: &str) -> Result<SessionData, Unreadable> {
        let signed = self.verified(salt, text).ok_or(Unreadable::Signature)?;
        let malformed = Unreadable::Payload("its signed text has no valid timestamp");
        let (payload, time) = signed.rsplit_once(':').ok_or(malformed)?;
        base62::decode(time).ok_or(malformed)?;
        unpack(payload).map_err(Unreadable::Payload)
    }

    /// What is signed in a text, if one of the keys has signed it.
    fn verified<'a>(&self, salt: &str, text: &'a str) -> Option<&'a str> {
        let (signed, given) = text.rsplit_once(':')?;
        // As text: the same bytes have several forms in base64, and only one of them counts.
        let is_by = |key| {
            let wanted = signature(salt, key, signed);
            bool::from(wanted.as_bytes().ct_eq(given.as_bytes()))
        };
        let mut keys = std::iter::once(self.current()).chain(self.fallbacks());
        keys.any(is_by).then_some(signed)
    }
}

/// Whether a text was signed longer ago than that. One from the future was not; one that says no time
/// was, always.
///
/// For the cookie that holds the session itself; whether the time is true, [`SecretKeys::read`] tells.
pub(crate) fn is_older(text: &str, age: Duration, now: SystemTime) -> bool {
    let signed_at = text
        .rsplit_once(':')
        .and_then(|(signed, _)| signed.rsplit_once(':'))
        .and_then(|(_, time)| base62::decode(time));
    let Some(signed_at) = signed_at else {
        return true;
    };
    let good_until = (
        signed_at.saturating_add_unsigned(age.as_secs()),
        age.subsec_nanos(),
    );
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    (unix_seconds(now), since_epoch.subsec_nanos()) > good_until
}

fn signature(salt: &str, key: &str, signed: &str) -> String {
    BASE64.encode(salted_hmac(&[salt, "signer"], key, signed))
}

/// Compressed where that is shorter, by Django's measure.
fn pack(json: &str) -> String {
    match compressed(json).filter(|short| short.len() + 1 < json.len()) {
        Some(short) => [".", &BASE64.encode(short)].concat(),
        None => BASE64.encode(json),
    }
}

fn compressed(json: &str) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(json.as_bytes()).ok()?;
    encoder.finish().ok()
}

fn unpack(payload: &str) -> Result<SessionData, &'static str> {
    const NOT_BASE64: &str = "its payload is not base64";
    let json = match payload.strip_prefix('.') {
        Some(payload) => decompressed(&BASE64.decode(payload).map_err(|_| NOT_BASE64)?)?,
        None => BASE64.decode(payload).map_err(|_| NOT_BASE64)?,
    };
    // Django reads the bytes as Latin-1. It writes ASCII, so that this only matters for others.
    let json: Cow<'_, str> = latin1(&json);
    SessionData::from_json(&json).ok_or(
        "its payload is not a JSON object of at most 4 MiB: the site must use Django's \
         JSONSerializer as SESSION_SERIALIZER",
    )
}

/// Only signed payloads are decompressed, but a mistake of the site must not exhaust the memory: a
/// kilobyte can become a megabyte.
fn decompressed(bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut json = Vec::new();
    let bound = u64::try_from(MAX_JSON)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut decoder = ZlibDecoder::new(bytes).take(bound);
    decoder
        .read_to_end(&mut json)
        .map_err(|_| "its payload does not decompress with zlib")?;
    if json.len() > MAX_JSON {
        return Err("its payload decompresses to more than 4 MiB");
    }
    Ok(json)
}

/// Whole seconds since 1970; 0 before.
fn unix_seconds(time: SystemTime) -> i64 {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::session::{SessionStore as _, is_plausible};

    const SALT: &str = "django.contrib.sessions.SessionStore";

    fn vectors(name: &str, count: usize) -> Vec<Value> {
        let vectors = include_str!("../../../tests/interop/django_sessions.json");
        let vectors: Value = serde_json::from_str(vectors).expect("JSON");
        let vectors = vectors[name].as_array().expect("a list").clone();
        assert_eq!(vectors.len(), count);
        vectors
    }

    fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
        vector[name].as_str().expect("a text")
    }

    fn keys(vector: &Value) -> SecretKeys {
        let fallbacks = vector["fallbacks"].as_array().into_iter().flatten();
        fallbacks.fold(SecretKeys::new(text(vector, "secret")), |keys, old| {
            keys.fallback(old.as_str().expect("a text"))
        })
    }

    fn at(seconds: f64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs_f64(seconds)
    }

    /// Reads what Django wrote, and writes what Django reads.
    fn compare(vector: &Value, salt: &str, expected: &str) {
        let keys = keys(vector);
        let data = keys.read(salt, expected).expect("a session");
        assert_eq!(data.to_json(), text(vector, "decoded_json"), "{vector}");

        let json = text(vector, "serialized");
        let signed = keys.sign(salt, json, at(1_700_000_000.0));
        let compressed = vector["compressed"].as_bool().expect("a flag");
        assert_eq!(signed.starts_with('.'), compressed, "{vector}");
        if compressed {
            // The bytes differ between builds of zlib; Django takes any that are a valid stream.
            let data = keys.read(salt, &signed).expect("a session");
            assert_eq!(data.to_json(), text(vector, "decoded_json"));
        } else {
            assert_eq!(signed, expected);
        }
    }

    #[test]
    fn sessions_are_written_as_django_writes_them() {
        for vector in vectors("encode", 22) {
            let salt = vector["salt"].as_str().unwrap_or(SALT);
            compare(&vector, salt, text(&vector, "session_data"));
        }
        let salt = store(&Value::from(1)).salt();
        for vector in vectors("signed_cookies_encode", 21) {
            compare(&vector, salt, text(&vector, "cookie"));
        }
    }

    #[test]
    fn sessions_are_read_as_django_reads_them() {
        for vector in vectors("decode", 44) {
            let (keys, signed) = (keys(&vector), text(&vector, "session_data"));
            let is_wrong = keys.verified(SALT, signed).is_none();
            assert_eq!(vector["logged_corrupted"], is_wrong, "{vector}");
            let data = keys.read(SALT, signed);
            assert_eq!(data == Err(Unreadable::Signature), is_wrong, "{vector}");
            assert_eq!(
                json_of(data.ok().as_ref()),
                expected_json(&vector, "decoded_json")
            );
        }
    }

    #[test]
    fn cookies_are_read_as_django_reads_them() {
        for vector in vectors("signed_cookies_load", 48) {
            let (store, cookie) = (store(&vector["max_age"]), text(&vector, "cookie"));
            let now = at(vector["now"].as_f64().expect("seconds"));
            let loaded = is_plausible(cookie).then(|| store.load_at(cookie, now));
            let data = loaded
                .clone()
                .flatten()
                .and_then(|signed| keys(&vector).read(store.salt(), &signed).ok());
            let expected = expected_json(&vector, "loaded_json");
            assert_eq!(json_of(data.as_ref()), expected, "{vector}");
            // Django sets the cookie anew if there was one that gave it nothing.
            if text(&vector, "loaded_json").starts_with('{') {
                let failed = loaded.is_some() && data.is_none();
                assert_eq!(vector["modified_by_load"], failed, "{vector}");
            }
        }
    }

    fn store(max_age: &Value) -> crate::SignedCookieStore {
        let cookie = crate::SessionCookie {
            age: Duration::from_secs(max_age.as_u64().expect("seconds")),
            ..Default::default()
        };
        crate::SignedCookieStore::new(&cookie)
    }

    fn json_of(data: Option<&SessionData>) -> String {
        data.cloned().unwrap_or_default().to_json()
    }

    /// Django returns a payload that is not an object, and fails on it later. Here it is unreadable.
    fn expected_json<'a>(vector: &'a Value, name: &str) -> &'a str {
        match text(vector, name) {
            "[]" | "null" => "{}",
            json => json,
        }
    }

    #[test]
    fn it_is_compressed_where_that_saves_two_bytes() {
        let short = |json: &str| compressed(json).expect("bytes").len();
        let saved = |json: &String| json.len().saturating_sub(short(json));
        let texts = (0..30).map(|length| format!(r#"{{"a":"{}"}}"#, "x".repeat(length)));
        let texts: Vec<_> = texts.collect();
        assert!(texts.iter().any(|json| saved(json) == 1));
        assert!(texts.iter().any(|json| saved(json) == 2));
        for json in texts {
            assert_eq!(pack(&json).starts_with('.'), saved(&json) >= 2, "{json}");
        }
    }

    #[test]
    fn base64_is_read_as_leniently_as_python_does() {
        for payload in ["eyJhIjoxfQ", "eyJhIjoxfQ==", "eyJhIjoxfR"] {
            let data = unpack(payload).expect("a session");
            assert_eq!(data.to_json(), r#"{"a":1}"#);
        }
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let keys = SecretKeys::new("key");
        let sign = |length: usize| {
            let json = format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
            assert_eq!(json.len(), length);
            keys.sign(SALT, &json, at(0.0))
        };
        let largest = sign(MAX_JSON);
        assert!(largest.starts_with('.') && largest.len() < 8192);
        assert!(keys.read(SALT, &largest).is_ok());
        let unreadable = keys.read(SALT, &sign(MAX_JSON + 1));
        assert!(matches!(unreadable, Err(Unreadable::Payload(_))));
        let packed = BASE64
            .decode(&pack(&" ".repeat(4 * MAX_JSON))[1..])
            .expect("base64");
        assert!(decompressed(&packed).is_err());
    }

    #[test]
    fn what_is_broken_off_is_no_session() {
        let keys = SecretKeys::new("key");
        let packed = compressed(r#"{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#).expect("bytes");
        for length in 0..packed.len() {
            assert!(unpack(&format!(".{}", BASE64.encode(&packed[..length]))).is_err());
        }
        let signed = keys.sign(SALT, r#"{"a":1}"#, at(1.0));
        for length in 0..signed.len() {
            let (start, end) = (&signed[..length], &signed[length + 1..]);
            assert_eq!(keys.read(SALT, start), Err(Unreadable::Signature));
            assert_eq!(keys.read(SALT, end), Err(Unreadable::Signature));
        }
    }

    /// What other serializers and other versions of a site write: none of it is an empty session.
    #[test]
    fn a_signed_payload_of_another_format_is_told_from_an_unknown_signature() {
        let keys = SecretKeys::new("key");
        let pickle = b"\x80\x05\x95\x0f\0\0\0\0\0\0\0}\x94\x8c\x01a\x94K\x01s.";
        let sign = |payload: &str, time: &str| {
            let signed = format!("{payload}:{time}");
            format!("{signed}:{}", signature(SALT, "key", &signed))
        };
        for (payload, time) in [
            (BASE64.encode(pickle), "1rNUpS"),
            (BASE64.encode("[1,2]"), "1rNUpS"),
            (BASE64.encode("null"), "1rNUpS"),
            (BASE64.encode("\"text\""), "1rNUpS"),
            (BASE64.encode("{\"a\":"), "1rNUpS"),
            (BASE64.encode(""), "1rNUpS"),
            (format!(".{}", BASE64.encode("{}")), "1rNUpS"),
            ("!!".to_owned(), "1rNUpS"),
            (BASE64.encode("{}"), "no time"),
        ] {
            let read = keys.read(SALT, &sign(&payload, time));
            assert!(matches!(read, Err(Unreadable::Payload(_))), "{payload}");
            let unknown = SecretKeys::new("other").read(SALT, &sign(&payload, time));
            assert_eq!(unknown, Err(Unreadable::Signature), "{payload}");
        }
    }

    #[test]
    fn age_is_counted_to_the_fraction() {
        let text = format!("x:{}:y", base62::encode(100));
        let older = |now: f64| is_older(&text, Duration::from_millis(1500), at(now));
        assert!(!older(101.5));
        assert!(older(101.500_001));
        assert!(older(102.0));
        assert!(!older(0.0));
        assert!(is_older("x:y", Duration::MAX, at(0.0)));
        assert!(!is_older(&text, Duration::MAX, at(1e12)));
    }
}
