//! The ladder against files that this machine's compilers and linkers make: each fixture is compiled by its test,
//! patched, looked at with other people's tools, and run where it can run.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod builder;
mod foreign;
mod hostile;
mod kinds;
mod layouts;
mod properties;
mod rungs;
mod sharing;
mod slots;
mod strip_refused;
mod stripped;
