//! What units with atomics and wakers are built on: here `std`'s types, in `models/` loom's.
//!
//! `models/` compiles such a unit a second time, and tries every order of its threads' steps.

pub(crate) use std::sync::{Mutex, OnceLock};

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
}

pub(crate) use futures_util::task::AtomicWaker;
