//! The command line of the program that archives carry: `install`, `fix` and `verify`, the same as in the whole one. It knows
//! nothing of building, packing and proving, so that it stays small beside a small tree.

use super::args::{FixArgs, InstallArgs, VerifyArgs};
use super::exit::Exit;
use super::failure::Failure;
use super::progress::Progress;
use super::{fix, install, report, verify};
use crate::base::path::Prefix;
use crate::pipeline::unrecorded::Unrecorded;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::Path;

/// Finishes and checks a tree that relocate packed; the archive carried this program.
#[derive(Debug, Parser)]
#[command(name = "relocate", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(
    after_help = "Exit codes: 0 done, 1 the answer is no, 2 usage, 3 an edit was refused, 4 environment, 70 a fault of ours."
)]
struct Carried {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    /// Write the path where a tree is now into the files that depend on it: after tar, or after a move
    Fix(FixArgs),
    /// Unpack an archive that relocate made, and write its path into the files that depend on it
    Install(InstallArgs),
    /// Compare a tree or archive with its own manifest, byte for byte
    Verify(VerifyArgs),
    /// A command of the whole program, or none at all.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// Runs one command line, with the program's name first.
pub(super) fn dispatch(arguments: &[OsString]) -> Exit {
    match Carried::try_parse_from(arguments) {
        Ok(Carried { command: Command::Fix(args) }) => fix::run(&args, no_record),
        Ok(Carried { command: Command::Install(args) }) => install::run(&args),
        Ok(Carried { command: Command::Verify(args) }) => verify::run(&args),
        Ok(Carried { command: Command::Other(words) }) => {
            let word = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
            report::error(
                &format!("'{word}' is no command of the program that archives carry"),
                Some("this one has fix, install and verify; the whole relocate has the rest"),
            );
            Exit::Usage
        }
        Err(error) => super::usage(&error),
    }
}

/// A tree without a record has to be searched for its old path, and that takes the whole program.
fn no_record(root: &Path, _: &[Prefix], _: &Progress) -> Result<Unrecorded, Failure> {
    let message = format!("{} has no record of what depends on its path", report::place(root));
    let help = "the whole relocate can make one: 'relocate fix DIR --old-prefix PATH'".to_owned();
    Err(Failure::new(Exit::Environment, message).help(Some(help)))
}
