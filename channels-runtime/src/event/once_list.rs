//! A list that only grows, so that references into it stay valid.

use crate::sync::OnceLock;

/// A list to which several threads may append. It allocates nothing while it is empty.
pub(super) struct OnceList<T>(OnceLock<Box<Entry<T>>>);

struct Entry<T> {
    value: T,
    next: OnceList<T>,
}

impl<T> OnceList<T> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let entries = std::iter::successors(self.0.get(), |entry| entry.next.0.get());
        entries.map(|entry| &entry.value)
    }

    /// Appends a value, unless another thread appends an equal one first. Returns what `select` makes
    /// of the value that counts: `select` returns `None` for a value that differs.
    pub(super) fn append<'a, S>(&'a self, value: T, select: impl Fn(&'a T) -> Option<S>) -> S {
        let mut new = Some(value);
        let mut list = self;
        loop {
            let entry = list.0.get_or_init(|| {
                let value = new
                    .take()
                    .expect("a new value is selected, which ends the loop");
                Box::new(Entry {
                    value,
                    next: Self::default(),
                })
            });
            if let Some(selected) = select(&entry.value) {
                return selected;
            }
            list = &entry.next;
        }
    }
}

impl<T> Default for OnceList<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}
