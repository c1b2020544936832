//! What all connections of an application share, by its type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::{Error, ErrorKind, Result};

/// The values that all connections of an application share: a pool of database connections, say.
///
/// ASGI's lifespan state. They are given to
/// [`ProtocolTypeRouter::state`](crate::ProtocolTypeRouter::state) or made by
/// [`on_startup`](crate::ProtocolTypeRouter::on_startup); handlers find them by type with
/// [`Scope::state`](crate::Scope::state), tower services among the request's extensions, as a
/// `State`. Clones are the same state.
#[derive(Clone, Default)]
pub struct State(Arc<Inner>);

#[derive(Clone, Default)]
struct Inner {
    given: Values,
    /// What the startup has made.
    made: OnceLock<Values>,
}

/// Values by their types.
#[derive(Clone, Default)]
pub(crate) struct Values(HashMap<TypeId, (&'static str, Arc<dyn Any + Send + Sync>)>);

impl State {
    /// The value of a type, if there is one.
    pub fn get<T: Any>(&self) -> Option<&T> {
        let made = self.0.made.get();
        made.and_then(Values::get).or_else(|| self.0.given.get())
    }

    /// The value of a type.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is none.
    pub(crate) fn require<T: Any>(&self) -> Result<&T> {
        self.get().ok_or_else(|| {
            let wanted = type_name::<T>();
            let message = format!(
                "there is no shared state of type `{wanted}`; there is: [{}]; was `startup` called?",
                self.names().join(", ")
            );
            Error::new(ErrorKind::Config, message)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.given.0.is_empty() && self.0.made.get().is_none_or(|made| made.0.is_empty())
    }

    /// Adds a value while the application is built; clones made before do not have it.
    pub(crate) fn give<T: Any + Send + Sync>(&mut self, value: T) {
        Arc::make_mut(&mut self.0).given.insert(value);
    }

    /// Adds what the startup has made, once.
    pub(crate) fn started(&self, values: Values) {
        let _only_once = self.0.made.set(values);
    }

    fn names(&self) -> Vec<&'static str> {
        let all = [Some(&self.0.given), self.0.made.get()];
        let mut names: Vec<_> = all
            .into_iter()
            .flatten()
            .flat_map(|values| values.0.values().map(|(name, _)| *name))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Values {
    pub(crate) fn insert<T: Any + Send + Sync>(&mut self, value: T) {
        let entry = (type_name::<T>(), Arc::new(value) as _);
        self.0.insert(TypeId::of::<T>(), entry);
    }

    fn get<T: Any>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.1.downcast_ref()
    }
}

impl fmt::Debug for State {
    /// Shows the types, not the values: these may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_types() {
        let mut state = State::default();
        assert!(state.is_empty());
        state.give(7_u32);
        state.give("text");
        assert_eq!(state.get::<u32>(), Some(&7));
        let mut made = Values::default();
        made.insert(8_u32);
        let clone = state.clone();
        state.started(made);
        assert_eq!(clone.get::<u32>(), Some(&8), "what the startup made wins");
        assert_eq!(clone.get::<&str>(), Some(&"text"));
        let missing = clone.require::<u8>().expect_err("no such type");
        assert_eq!(missing.kind(), ErrorKind::Config);
        assert_eq!(
            missing.to_string(),
            "there is no shared state of type `u8`; there is: [&str, u32]; was `startup` called?"
        );
    }
}
