//! User code that panics, blocks or calls back, in every place where user code runs: other sockets go
//! on, the failure is logged and counted, and nothing leaks.

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod blocking;
mod constructors;
mod drops;
mod receivers;
mod wakers;
