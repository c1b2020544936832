//! Doubles come through both formats to the last digit.

use proptest::prelude::*;

use super::Format;
use crate::event::Value;

fn comes_through(double: f64) {
    for format in [Format::MsgPack, Format::Json] {
        let bytes = format.write(&Value::Float(double)).expect("a number");
        match format.read(&bytes).expect("a number") {
            Value::Float(read) => assert_eq!(read.to_bits(), double.to_bits(), "{format:?}"),
            other => panic!("{double}: {other:?}"),
        }
    }
}

/// A reader that is not exact changes the last digit of one in eight.
#[test]
fn timestamps() {
    for step in 0..20_000 {
        comes_through(1_700_000_000.0 + f64::from(step) * 0.137_931_7);
    }
}

proptest! {
    #[test]
    fn any_double(double in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
        comes_through(double);
        let event = serde_json::to_string(&double).expect("JSON");
        let read: f64 = serde_json::from_str(&event).expect("JSON");
        prop_assert_eq!(read.to_bits(), double.to_bits());
    }
}
