//! `relocate build`, the command as it is typed, on the fixture tree: what it prints, how it ends, what lies on the disk then.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod archived;
mod broken;
mod cached;
mod json;
mod killed;
mod lab;
mod live;
mod locked;
mod output;
mod real;
mod refused;
mod same_bytes;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../build_fetch/server.rs"]
mod server;
mod turns;
mod whole;
