//! The payload of a close frame (RFC 6455 §5.5.1).

use crate::{CloseCode, CloseFrame};

/// Reads a close frame's payload; `None` if it has no code.
///
/// # Errors
///
/// The close frame that a peer gets for a malformed one.
pub(super) fn parse(payload: &[u8]) -> Result<Option<CloseFrame>, CloseFrame> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return match payload {
            [] => Ok(None),
            _ => Err(protocol_error("a close code has two bytes")),
        };
    };
    let reason = std::str::from_utf8(reason)
        .map_err(|_| CloseFrame::new(CloseCode::INVALID_PAYLOAD, "the reason is not UTF-8"))?;
    let code = u16::from_be_bytes(*code);
    if CloseCode::new(code).is_err() {
        return Err(protocol_error("no such close code"));
    }
    Ok(Some(CloseFrame {
        code: CloseCode::received(code),
        reason: reason.to_owned().into(),
    }))
}

/// Writes the payload; the codes that say "there was none" have none.
pub(super) fn payload(frame: &CloseFrame) -> Vec<u8> {
    if matches!(
        frame.code,
        CloseCode::NO_STATUS_RECEIVED | CloseCode::ABNORMAL
    ) {
        return Vec::new();
    }
    // Made anew, for its fields are public: so the reason fits.
    let frame = CloseFrame::new(frame.code, frame.reason.clone());
    let mut payload = u16::from(frame.code).to_be_bytes().to_vec();
    payload.extend_from_slice(frame.reason.as_bytes());
    payload
}

fn protocol_error(why: &'static str) -> CloseFrame {
    CloseFrame::new(CloseCode::PROTOCOL_ERROR, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for frame in [
            CloseFrame::new(CloseCode::NORMAL, ""),
            CloseFrame::new(CloseCode::SERVICE_RESTART, "été"),
        ] {
            assert_eq!(parse(&payload(&frame)), Ok(Some(frame)));
        }
        let none = CloseFrame::new(CloseCode::NO_STATUS_RECEIVED, "");
        assert_eq!(parse(&payload(&none)), Ok(None));
    }

    #[test]
    fn a_malformed_payload_gets_its_code() {
        let cases: [(&[u8], CloseCode); 5] = [
            (b"\x03", CloseCode::PROTOCOL_ERROR),
            (&999_u16.to_be_bytes(), CloseCode::PROTOCOL_ERROR),
            (&1005_u16.to_be_bytes(), CloseCode::PROTOCOL_ERROR),
            (&2999_u16.to_be_bytes(), CloseCode::PROTOCOL_ERROR),
            (b"\x03\xe8\xff", CloseCode::INVALID_PAYLOAD),
        ];
        for (bad, code) in cases {
            assert_eq!(parse(bad).expect_err("malformed").code, code, "{bad:?}");
        }
    }
}
