//! Clients that join crowds of groups and name crowds of channels: what it costs the others.

#[path = "../support/mod.rs"]
mod support;

mod groups;
