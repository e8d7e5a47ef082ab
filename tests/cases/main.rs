//! The cases every release must hold: each builds its fixture from C sources, relocates it, moves the result, hides the
//! old prefix, and runs what can run.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod closure;
mod entries;
mod links;
mod loader;
mod musl;
mod old_prefix;
mod oracle;
mod prefix;
mod privileges;
#[path = "../program/mod.rs"]
mod program;
mod random_trees;
mod symlinks;
mod tags;
