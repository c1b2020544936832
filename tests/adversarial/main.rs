//! Clients that attack a server, or are very slow, each with figures: the memory of the server, the
//! latency of another socket's echo, and the lines in the log have bounds.

mod client;
mod ends;
mod frames;
mod memory;
mod readers;
#[path = "../support/mod.rs"]
mod support;
mod uploads;
