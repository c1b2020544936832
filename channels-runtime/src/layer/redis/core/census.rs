//! Members that are meant without being named.
//!
//! A queue's event names each channel that it is for, 50 bytes a member. A process of ours knows which
//! of its channels are in a group, so it is told the group alone, and who the sender thinks they are.

use super::super::keys::non_local_name;

/// The channels of one process in a group, as a number: two that are the same are the same channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census(pub(crate) u64);

impl Census {
    /// Of channels by their numbers.
    pub(super) fn of_numbers(numbers: impl Iterator<Item = u64>) -> Self {
        let mut census = Self::default();
        numbers.for_each(|number| census.count(number));
        census
    }

    /// With one more.
    pub(super) fn with(mut self, number: u64) -> Self {
        self.count(number);
        self
    }

    /// Without one of them.
    pub(super) fn without(self, number: u64) -> Self {
        Self(self.0.wrapping_sub(mixed(number)))
    }

    /// In whatever order.
    fn count(&mut self, number: u64) {
        self.0 = self.0.wrapping_add(mixed(number));
    }
}

/// The numbers follow each other, so their sums would be alike: they are mixed as by `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The number of a channel of ours.
pub(super) fn number(channel: &str) -> Option<u64> {
    let digits = &channel[non_local_name(channel).len()..];
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_ours = digits.len() == 16 && digits.bytes().all(is_digit);
    is_ours.then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_that_is_none_of_ours_has_no_number() {
        for name in [
            "specific.x!",
            "specific.x!00000000000000AB",
            "specific.x!+000000000000001",
            "specific.x!00000000000000001",
            "specific.x!g000000000000000",
            "specific.x",
        ] {
            assert_eq!(number(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn a_name_has_its_number(it: u64) {
            prop_assert_eq!(number(&format!("specific.x!{it:016x}")), Some(it));
        }

        /// Neighbours are what there is.
        #[test]
        fn others_are_others(
            ours in prop::collection::btree_set(0..200_u64, 0..50),
            theirs in prop::collection::btree_set(0..200_u64, 0..50),
        ) {
            let census = |set: &BTreeSet<u64>| Census::of_numbers(set.iter().copied());
            prop_assert_eq!(census(&ours) == census(&theirs), ours == theirs);
        }

        #[test]
        fn without_one_it_is_that_of_the_others(
            mut numbers in prop::collection::btree_set(0..200_u64, 1..50),
        ) {
            let all = Census::of_numbers(numbers.iter().rev().copied());
            let last = numbers.pop_last().expect("one");
            prop_assert_eq!(all.without(last), Census::of_numbers(numbers.into_iter()));
        }
    }
}
