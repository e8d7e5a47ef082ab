//! `relocate build-one`: one package of a recipe, for an engine that hands them out. Nothing to do where the cache has it.

use super::args::BuildOneArgs;
use super::build::{failure, read};
use super::building::Building;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::report;
use super::sources::Reach;
use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::build::job::{self, One, Wish};
use report::{GREEN, paint, say, talk};
use serde_json::json;

/// Runs the command.
pub(super) fn run(args: &BuildOneArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    match build(args) {
        Ok(one) => tell(args, one.as_ref()),
        Err(failure) => failure.tell("build-one", if args.common.json { Json::Stdout } else { Json::None }),
    }
}

/// None where the cache has it.
fn build(args: &BuildOneArgs) -> Result<Option<One>, Failure> {
    let key = Digest::from_hex(&args.key).ok_or_else(|| {
        let found = format!("'{}' is no key: it has 64 hex digits", args.key.escape_debug());
        Usage(found, Some("take one from 'relocate plan' or from the lock".to_owned()))
    })?;
    let read = read(&args.recipe, &args.places, args.locked)?;
    let reach = Reach::of(&read, &args.places)?;
    let cache = reach
        .cache(Some(&args.cache))?
        .ok_or_else(|| Failure::from(Usage::new("--cache names a server, and nothing may be connected to")))?;
    // A key says all that a package is made from: nothing has to be looked at where there is one.
    if cache.has(key).map_err(|error| Failure::new(Exit::Environment, error.to_string()))? {
        return Ok(None);
    }
    let building = Building::new(args.common.quiet || args.common.json);
    let cancel = Cancel::default();
    let tree = reach.tree(&read, &building, &cancel)?;
    let wish = Wish {
        cache: Some(&*cache),
        locked: read.lock.as_ref().filter(|_| args.locked),
        wait: !args.no_wait,
        ..reach.wish(&read, tree.as_ref(), args.common.jobs, (&building, &cancel))?
    };
    let done = job::prepare(&wish).and_then(|prepared| {
        if !args.common.quiet {
            talk(&report::findings(&prepared.findings));
        }
        prepared.build_one(key, args.package.as_deref())
    });
    building.end();
    done.map(Some).map_err(|error| failure(&error))
}

fn tell(args: &BuildOneArgs, one: Option<&One>) -> Exit {
    let state = match one {
        None => "there",
        Some(one) if one.is_given => "bootstrap",
        Some(_) => "built",
    };
    let package = one.map(|one| one.pkgname.clone()).or_else(|| args.package.clone());
    if args.common.json {
        let document = json!({ "command": "build-one", "key": args.key, "package": package, "state": state });
        say(&super::json::line(&document));
    } else if !args.common.quiet {
        let package = package.unwrap_or_else(|| args.key.clone());
        let what = match state {
            "there" => "the cache has it",
            "bootstrap" => "comes with the bootstrap; nothing to build",
            _ => "in the cache now",
        };
        say(&format!("{} {package}: {what}\n", paint(GREEN, "ready:")));
    }
    Exit::Done
}
