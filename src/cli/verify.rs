//! `relocate verify`: compares a tree or an archive with its own manifest, byte for byte.

use super::args::VerifyArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::{json, report};
use crate::base::finding::{Finding, Severity};
use crate::live::{LiveError, Root};
use crate::pack::{Limits, verify_archive, verify_dir};
use crate::pipeline::JobError;
use crate::update;
use report::{GREEN, paint, say, talk};
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &VerifyArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    let tree = &args.tree;
    if Root::is_at(tree) {
        return releases(args);
    }
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

/// The current release of a directory of releases, or all of them.
fn releases(args: &VerifyArgs) -> Exit {
    let json = if args.common.json { Json::Stdout } else { Json::None };
    let serials = Root::open(&args.tree).and_then(|root| {
        let serials = if args.all { root.installed()? } else { vec![root.current()?.ok_or(LiveError::NoCurrent)?] };
        Ok((root, serials))
    });
    let (root, serials) = match serials {
        Ok(found) => found,
        Err(error) => return Failure::new(Exit::No, error.to_string()).help(error.help()).tell("verify", json),
    };
    let mut compared = Vec::new();
    for serial in serials {
        let place = root.release(serial);
        match compare(&place) {
            Ok(mut findings) => {
                findings.extend(update::moved(&place));
                compared.push((place, findings));
            }
            Err(failure) => return failure.tell("verify", json),
        }
    }
    let is_good = |findings: &Vec<Finding>| !findings.iter().any(|finding| finding.severity == Severity::Error);
    let exit = if compared.iter().all(|(_, findings)| is_good(findings)) { Exit::Done } else { Exit::No };
    if args.common.json {
        say(&json::verify_releases(&args.tree, &compared, exit));
        return exit;
    }
    for (place, findings) in &compared {
        talk(&report::findings(findings));
        let place = report::place(place);
        if is_good(findings) && !args.common.quiet {
            say(&format!("{}\n", paint(GREEN, &format!("{place}: every byte is as its manifest says"))));
        } else if !is_good(findings) {
            talk(&format!("{place} is not what its manifest says\n"));
        }
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
