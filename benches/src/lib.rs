//! The benchmark's parts: peers, a load generator, and the tables and pictures of what they gave.
//!
//! `benches/README.md` says how to run it and what the figures mean.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures for people: nothing here comes near the types' limits"
)]

pub mod handlers;
pub mod load;
pub mod measure;
pub mod peers;
#[cfg(feature = "redis")]
pub mod redis;
pub mod report;
pub mod scenario;
pub mod serve;
pub mod site;
pub mod sys;
pub mod ws;
