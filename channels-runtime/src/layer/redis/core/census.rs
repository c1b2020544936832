//! Members that are meant without being named.
//!
//! A queue's event names each channel that it is for, 50 bytes a member. A process of ours knows which
//! of its channels are in a group, so it is told the group alone, and who the sender thinks they are.

use super::super::keys::non_local_name;

/// The channels of one process in a group, as a number: two that are the same are the same channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census(pub(crate) u64);

impl Census {
    /// Of channels by their names; nothing if one of them is none of ours.
    pub(super) fn of_names<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut census = Self::default();
        for name in names {
            census.count(number(&name[non_local_name(name).len()..])?);
        }
        Some(census)
    }

    /// Of channels by their numbers.
    pub(super) fn of_numbers(numbers: impl Iterator<Item = u64>) -> Self {
        let mut census = Self::default();
        numbers.for_each(|number| census.count(number));
        census
    }

    /// In whatever order. The numbers follow each other, so their sums would be alike: they are mixed
    /// as by `SplitMix64`.
    fn count(&mut self, number: u64) {
        let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = self.0.wrapping_add(mixed ^ (mixed >> 31));
    }
}

/// What a channel's name ends with.
fn number(digits: &str) -> Option<u64> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_ours = digits.len() == 16 && digits.bytes().all(is_digit);
    is_ours.then(|| u64::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(numbers: &[u64]) -> Vec<String> {
        let names = numbers.iter();
        names.map(|it| format!("specific.x!{it:016x}")).collect()
    }

    fn of(names: &[String]) -> Option<Census> {
        Census::of_names(names.iter().map(String::as_str))
    }

    #[test]
    fn a_name_that_is_none_of_ours_is_not_counted() {
        for name in [
            "specific.x!",
            "specific.x!00000000000000AB",
            "specific.x!+000000000000001",
            "specific.x!00000000000000001",
            "specific.x!g000000000000000",
            "specific.x",
        ] {
            assert_eq!(of(&[name.to_owned()]), None, "{name}");
        }
        assert_eq!(of(&[]), Some(Census::default()));
    }

    proptest! {
        #[test]
        fn names_and_numbers_are_the_same(numbers: Vec<u64>) {
            let by_numbers = Census::of_numbers(numbers.iter().rev().copied());
            prop_assert_eq!(of(&names(&numbers)), Some(by_numbers));
        }

        /// Neighbours are what there is.
        #[test]
        fn others_are_others(
            ours in prop::collection::btree_set(0..200_u64, 0..50),
            theirs in prop::collection::btree_set(0..200_u64, 0..50),
        ) {
            let census = |set: &std::collections::BTreeSet<u64>| {
                Census::of_numbers(set.iter().copied())
            };
            prop_assert_eq!(census(&ours) == census(&theirs), ours == theirs);
        }
    }
}
