//! `relocate elf`, and the program called as `patchelf` and `chrpath`, against the real ones.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod chrpath;
mod files;
mod fixtures;
mod kept;
mod patchelf;
#[path = "../program/mod.rs"]
mod program;
