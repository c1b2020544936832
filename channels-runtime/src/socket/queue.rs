//! A queue that mostly holds nothing, and then one.

use std::collections::VecDeque;

/// A queue whose first element needs no memory of its own; what others needed is let go with the
/// last of them.
#[derive(Debug)]
pub(super) struct Queue<T> {
    first: Option<T>,
    /// Never empty.
    #[expect(
        clippy::box_collection,
        reason = "queues are moved and dropped for each frame, mostly while this is `None`"
    )]
    rest: Option<Box<VecDeque<T>>>,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            rest: None,
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.first.as_ref()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(1) {
            None => self.first.as_mut(),
            Some(at) => self.rest.as_mut()?.get_mut(at),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first
            .iter()
            .chain(self.rest.iter().flat_map(|rest| rest.iter()))
    }

    #[inline]
    pub(super) fn push(&mut self, value: T) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.rest.get_or_insert_default().push_back(value);
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<T> {
        let Some(rest) = &mut self.rest else {
            return self.first.take();
        };
        let next = rest.pop_front();
        if rest.is_empty() {
            self.rest = None;
        }
        std::mem::replace(&mut self.first, next)
    }

    /// Takes the first element out of the middle for which something is so.
    pub(super) fn remove_first(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        if self.first.as_ref().is_some_and(&is_it) {
            return self.pop();
        }
        let rest = self.rest.as_mut()?;
        let removed = rest.remove(rest.iter().position(is_it)?);
        if rest.is_empty() {
            self.rest = None;
        }
        removed
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    pub(super) fn clear(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue(steps in proptest::collection::vec((0_u8..4, 0_u8..5), 0..60)) {
            let (mut queue, mut model) = (Queue::new(), VecDeque::new());
            for (step, value) in steps {
                match step {
                    0 | 1 => {
                        queue.push(value);
                        model.push_back(value);
                    }
                    2 => prop_assert_eq!(queue.pop(), model.pop_front()),
                    _ => {
                        let at = model.iter().position(|&known| known == value);
                        let expected = at.and_then(|at| model.remove(at));
                        prop_assert_eq!(queue.remove_first(|&known| known == value), expected);
                    }
                }
                prop_assert!(queue.iter().eq(&model));
                prop_assert_eq!(queue.front(), model.front());
                for at in 0..=model.len() {
                    prop_assert_eq!(queue.get_mut(at), model.get_mut(at));
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.is_empty(), model.is_empty());
            }
        }
    }
}
