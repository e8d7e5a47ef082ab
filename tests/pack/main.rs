//! Archives as other programs see them, and other programs' archives as we see them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod publish;
mod readers;
mod same_bytes;
mod tree;
