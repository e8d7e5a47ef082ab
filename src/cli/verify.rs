//! `relocate verify`: compares a tree or an archive with its own manifest, byte for byte.

use super::args::VerifyArgs;
use super::exit::Exit;
use super::pack;
use super::{json, report};
use crate::pack::{Limits, verify_archive, verify_dir};
use crate::pipeline::JobError;
use report::{GREEN, paint, say, talk};

/// Runs the command.
pub(super) fn run(args: &VerifyArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    let tree = &args.tree;
    if let Err(error) = std::fs::metadata(tree) {
        report::error(&format!("cannot read {}: {error}", report::place(tree)), None);
        return Exit::Usage;
    }
    let compared = if tree.is_dir() { verify_dir(tree) } else { verify_archive(tree, &Limits::default()) };
    let findings = match compared {
        Ok(findings) => findings,
        Err(error) => return pack::fail(&JobError::from(error)),
    };
    let exit = if findings.is_empty() { Exit::Done } else { Exit::No };
    if args.common.json {
        say(&json::verify(tree, &findings, exit));
        return exit;
    }
    talk(&report::findings(&findings));
    if exit == Exit::Done && !args.common.quiet {
        say(&format!("{}\n", paint(GREEN, &format!("{}: every byte is as its manifest says", report::place(tree)))));
    }
    exit
}
