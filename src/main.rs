//! Exit code only.

use std::process::ExitCode;

fn main() -> ExitCode {
    relocate::cli::run(std::env::args_os().collect())
}
