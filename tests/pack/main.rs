//! Archives as other programs see them, and other programs' archives as we see them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod any_tree;
mod blocks;
mod hostile;
mod publish;
mod readers;
mod same_bytes;
mod tree;
mod unpack;
mod verify;
