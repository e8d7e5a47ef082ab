//! The program that archives carry: what a target needs of relocate, and no more. Exit code only.

use std::process::ExitCode;

fn main() -> ExitCode {
    relocate::cli::run_carried(std::env::args_os().collect())
}
