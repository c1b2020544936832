//! A place for a running handler's future, borrowed from the thread while the handler runs.
//!
//! An idle connection holds none, so it does not pay for its largest handler; a message allocates
//! none, for the place of the last handler of this kind is used again.

use std::any::Any;
use std::cell::RefCell;
use std::pin::Pin;

/// How many spare places of one kind a thread keeps.
const SPARE: usize = 32;

/// A pinned place that holds a future, or nothing.
pub(crate) type Slot<F> = Pin<Box<Option<F>>>;

thread_local! {
    /// The spare places, a vector for each type of future. There are as many types as the program has
    /// consumers, so the list is searched, not hashed.
    static PLACES: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// Puts a future into a place.
pub(crate) fn place<F: 'static>(future: F) -> Slot<F> {
    match with_spare::<F, _>(Vec::pop) {
        Some(mut slot) => {
            slot.set(Some(future));
            slot
        }
        None => Box::pin(Some(future)),
    }
}

/// Drops what is in a place, and keeps the place for the next.
pub(crate) fn clear<F: 'static>(mut slot: Slot<F>) {
    slot.set(None);
    with_spare(|spare| {
        if spare.len() < SPARE {
            spare.push(slot);
        }
    });
}

fn with_spare<F: 'static, T: Default>(with: impl FnOnce(&mut Vec<Slot<F>>) -> T) -> T {
    // While the thread ends there is nothing to borrow from.
    let with_places = PLACES.try_with(|places| {
        let mut places = places.borrow_mut();
        let mut known = places.iter_mut();
        if let Some(spare) = known.find_map(|spare| spare.downcast_mut()) {
            return with(spare);
        }
        let mut spare = Vec::new();
        let result = with(&mut spare);
        places.push(Box::new(spare));
        result
    });
    with_places.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn same_kind() -> i32 {
        std::future::ready(2).await
    }

    #[test]
    fn a_place_is_used_again_by_its_kind_only() {
        let first = place(async { 1 });
        let address = std::ptr::from_ref(&*first).addr();
        clear(first);
        let other = place(async { "another kind" });
        assert_ne!(std::ptr::from_ref(&*other).addr(), address);
        clear(other);
        let one = place(same_kind());
        let address = std::ptr::from_ref(&*one).addr();
        clear(one);
        let two = place(same_kind());
        assert_eq!(std::ptr::from_ref(&*two).addr(), address);
    }
}
