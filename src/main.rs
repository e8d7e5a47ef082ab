//! Exit code only, and what archives carry for the target:
//!
//! `cargo build --release --target T --bin relocate-carried`, then
//! `RELOCATE_CARRIED=FILE cargo rustc --release --target T --bin relocate -- --cfg carried`.

use std::process::ExitCode;

/// The C library of the static build gives memory back with each file, and all threads stop for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(carried)]
const CARRIED: Option<&[u8]> = Some(include_bytes!(env!("RELOCATE_CARRIED")));
#[cfg(not(carried))]
const CARRIED: Option<&[u8]> = None;

fn main() -> ExitCode {
    relocate::cli::run(std::env::args_os().collect(), CARRIED)
}
