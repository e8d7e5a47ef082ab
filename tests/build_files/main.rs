//! Build files and shell scripts of a moved tree, used by the real programs that read them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod alone;
mod cmake;
mod configuration;
mod disk;
mod moved;
mod package_list;
mod perl;
mod pkg_config;
#[path = "../program/mod.rs"]
mod program;
mod properties;
mod shell;
