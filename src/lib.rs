//! `relocate`: turns an installed software prefix into an archive that runs from any path.
//!
//! The folders are the pipeline, and the types are its gates:
//!
//! ```text
//! Recipe -> Staged -> Inventory -> Plan -> Packed -> Verified -> Archive
//!           (a tree)  (what is     (what to (unnamed  (closure   (has its
//!                      there)       change)  file)     holds)     name)
//! ```
//!
//! Look, decide, act, prove are four steps and never mixed. Who may import whom is a table in
//! `tests/architecture.rs`: read it first.

pub mod base;
pub mod build;
pub mod cli;
pub mod client;
pub mod contents;
pub mod delta;
pub mod deploy;
pub mod elf;
pub mod fill;
pub mod install;
pub mod ledger;
pub mod live;
pub mod loader;
pub mod manifest;
pub mod objects;
pub mod own;
pub mod pack;
pub mod parcel;
pub mod pipeline;
pub mod plan;
pub mod preflight;
pub mod publish;
pub mod recipe;
pub mod release;
pub mod remains;
pub mod scan;
pub mod text;
pub mod tuf;
pub mod update;
pub mod verify;
pub mod web;
pub mod wrapper;
