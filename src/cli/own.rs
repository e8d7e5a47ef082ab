//! `relocate self`: the program's own versions, and `--self-test`.

mod publish;

use super::args::{SelfArgs, SelfCommand};
use super::exit::Exit;
use super::report;
use crate::own::{self, OPTION};
use std::ffi::OsString;

/// Runs the command.
pub(super) fn run(args: &SelfArgs) -> Exit {
    match &args.command {
        SelfCommand::Publish(args) => publish::run(args),
    }
}

/// Whether the program is asked to try itself.
pub(super) fn is_self_test(arguments: &[OsString]) -> bool {
    matches!(arguments, [_, option] if option == OPTION)
}

/// Tries what the program needs of this machine, in the directory for temporary files.
pub(super) fn self_test() -> Exit {
    match own::self_test(&std::env::temp_dir()) {
        Ok(()) => {
            // Whoever asked reads it; without it nothing passed.
            if report::say(&own::passed(own::VERSION)) { Exit::Done } else { Exit::Environment }
        }
        Err(why) => {
            report::error(&format!("relocate {}: self-test failed: {why}", own::VERSION), None);
            Exit::No
        }
    }
}
