//! Close codes by their names in RFC 6455 §7.4 and the IANA registry.

use std::fmt;

use crate::{Error, ErrorKind, Result};

/// Why a WebSocket was closed.
///
/// # Examples
///
/// ```
/// use channels_runtime::CloseCode;
///
/// assert_eq!(u16::from(CloseCode::POLICY_VIOLATION), 1008);
/// assert!(CloseCode::new(4001).is_ok());
/// assert!(CloseCode::new(1006).is_err()); // says "no close frame came": cannot be sent
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that the endpoint does not take, binary where it takes text, say.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1005, received only: the close frame held no code.
    pub const NO_STATUS_RECEIVED: Self = Self(1005);
    /// 1006, received only: the connection was lost without a close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: data that is not what it says it is: text that is no UTF-8, JSON that does not parse.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: a rule of the endpoint was broken.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: a message larger than the endpoint takes.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// 1010: the client wanted an extension that the server does not have.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the server failed.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the server restarts; connect again.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: the server is overloaded; connect again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);

    /// A code that may be sent: 1000–1003, 1007–1014 or 3000–4999 (RFC 6455 §7.4.2).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for any other number.
    pub fn new(code: u16) -> Result<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(code)),
            _ => Err(Error::new(
                ErrorKind::Config,
                format!("close code {code} cannot be sent: use 1000-1003, 1007-1014 or 3000-4999"),
            )),
        }
    }

    /// A code as the peer sent it, or that stands for its absence.
    pub(crate) fn received(code: u16) -> Self {
        Self(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl PartialEq<u16> for CloseCode {
    fn eq(&self, other: &u16) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_may_be_sent_are_made() {
        for good in [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999] {
            assert!(CloseCode::new(good).is_ok(), "{good}");
        }
        for bad in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, u16::MAX] {
            assert!(CloseCode::new(bad).is_err(), "{bad}");
        }
    }
}
