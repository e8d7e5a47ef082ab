//! What is left in files and trees: looked at with real compilers, archivers and interpreters, judged, and compared with
//! grep.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bombs;
mod command;
mod elf;
mod fixtures;
mod forms;
mod guess;
mod judged;
mod search;
