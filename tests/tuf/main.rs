//! The repository of signed metadata, as a publisher signs it and a client follows it: keys in files that openssl opens, what
//! holds when all is well, and every attack on metadata that the design names.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
mod clocks;
mod flips;
mod followed;
mod forged;
mod keys;
mod publisher;
mod rotated;
mod served;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../build_fetch/server.rs"]
mod server;
mod shelf;
mod signed;
mod targets;
