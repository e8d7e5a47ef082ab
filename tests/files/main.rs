//! What a file, a tree, a disk or a command line can be like: each test builds its fixture, runs the program, and looks at
//! exit code, outputs and files. Everything holds for an ordinary user too; what only root can build has another variant
//! there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod archive;
mod bad_input;
mod call;
mod elf_kinds;
mod elf_only;
mod hostile;
mod in_place;
mod left_alone;
mod modes;
mod oddities;
mod output;
mod place;
#[path = "../program/mod.rs"]
mod program;
mod reproducible;
mod sidecars;
mod state;
mod step;
mod stripped;
mod surroundings;
