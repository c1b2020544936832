//! A queue that mostly holds nothing, and then one.

use std::collections::{VecDeque, vec_deque};

/// A queue whose first element needs no memory of its own; what others needed is let go with the
/// last of them.
#[derive(Debug)]
pub(super) struct Queue<T> {
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Queue<T> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            rest: VecDeque::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    pub(super) fn front(&self) -> Option<&T> {
        self.first.as_ref()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(1) {
            None => self.first.as_mut(),
            Some(at) => self.rest.get_mut(at),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }

    pub(super) fn push(&mut self, value: T) {
        if self.first.is_none() {
            self.first = Some(value);
        } else {
            self.rest.push_back(value);
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        if self.rest.is_empty() {
            return self.first.take();
        }
        let next = self.rest.pop_front();
        if self.rest.is_empty() {
            self.rest = VecDeque::new();
        }
        std::mem::replace(&mut self.first, next)
    }

    /// Takes the first element out of the middle for which something is so.
    pub(super) fn remove_first(&mut self, is_it: impl Fn(&T) -> bool) -> Option<T> {
        if self.first.as_ref().is_some_and(&is_it) {
            return self.pop();
        }
        let at = self.rest.iter().position(is_it)?;
        self.rest.remove(at)
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

impl<T> IntoIterator for Queue<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, vec_deque::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.rest)
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
