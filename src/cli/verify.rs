//! `relocate verify`: compares a tree or an archive with its own manifest, byte for byte.

use super::args::VerifyArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::{json, report};
use crate::base::finding::Finding;
use crate::pack::{Limits, verify_archive, verify_dir};
use crate::pipeline::JobError;
use report::{GREEN, paint, say, talk};
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &VerifyArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    let tree = &args.tree;
    let compared = compare(tree);
    let findings = match compared {
        Ok(findings) => findings,
        Err(failure) => return failure.tell("verify", if args.common.json { Json::Stdout } else { Json::None }),
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

fn compare(tree: &Path) -> Result<Vec<Finding>, Failure> {
    if let Err(error) = std::fs::metadata(tree) {
        return Err(Usage::new(format!("cannot read {}: {error}", report::place(tree))).into());
    }
    let compared = if tree.is_dir() { verify_dir(tree) } else { verify_archive(tree, &Limits::default()) };
    Ok(compared.map_err(JobError::from)?)
}
