//! `relocate plan`: the packages of a recipe as text for an engine that somebody has already.

use super::args::{PlanArgs, PlanFormat};
use super::build::{Read, failure, read};
use super::building::Building;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::report;
use super::sources::Reach;
use crate::base::child::Cancel;
use crate::base::write::record;
use crate::build::job::{self, JobError, Wish};
use crate::build::plan::{Format, Plan, Words};
use report::{count, say, talk};
use serde_json::json;
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &PlanArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    write(args).unwrap_or_else(|failure| failure.tell("plan", if args.common.json { Json::Stdout } else { Json::None }))
}

fn write(args: &PlanArgs) -> Result<Exit, Failure> {
    if args.common.json && args.output.is_none() {
        return Err(Usage::new("--json is printed where the plan would be: name a file with -o".to_owned()).into());
    }
    let words = words(args)?;
    let read = read(&args.recipe, &args.places, args.locked)?;
    let plan = plan(args, &read, words)?;
    let text = plan.text(format(args.format)).map_err(|error| Usage::new(error.to_string()))?;
    match &args.output {
        None => {
            say(&text);
        }
        Some(file) => {
            record(file, text.as_bytes()).map_err(|error| Failure::new(Exit::Environment, error.to_string()))?;
            tell(args, &plan, file);
        }
    }
    Ok(Exit::Done)
}

/// Asks the tree, in a prefix of its own machine; the packages are built elsewhere.
fn plan(args: &PlanArgs, read: &Read, words: Words) -> Result<Plan, Failure> {
    let building = Building::new(args.common.quiet || args.common.json);
    let reach = Reach::of(read, &args.places)?;
    let cancel = Cancel::default();
    let tree = reach.tree(read, &building, &cancel)?;
    let wish = Wish {
        locked: read.lock.as_ref().filter(|_| args.locked),
        ..reach.wish(read, tree.as_ref(), args.common.jobs, (&building, &cancel))?
    };
    let asked = job::prepare(&wish).and_then(|prepared| {
        if !args.common.quiet {
            talk(&report::findings(&prepared.findings));
        }
        let site = prepared.site();
        let asked = prepared.ask(&site)?;
        prepared.hold_to_lock(&asked)?;
        let given = prepared.given(&site, &asked)?;
        Ok::<_, JobError>((asked, given))
    });
    building.end();
    let (asked, given) = asked.map_err(|error| failure(&error))?;
    Ok(Plan::new(&read.recipe.name, &asked.graph, &asked.keys, &given, words))
}

/// What the calls say, with paths as they were typed: the engine starts them in the same directory, on machines of its own.
fn words(args: &PlanArgs) -> Result<Words, Usage> {
    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| Usage::new(format!("{} is not UTF-8, as a plan must be", report::place(path))))
    };
    let recipe = text(&args.recipe)?;
    let mut rest = vec!["--cache".to_owned(), args.cache.clone()];
    for (option, path) in [("--work", &args.places.work), ("--distfiles", &args.places.distfiles)] {
        if let Some(path) = path {
            rest.extend([option.to_owned(), text(path)?]);
        }
    }
    rest.extend(args.locked.then(|| "--locked".to_owned()));
    let with = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).chain(rest.iter().cloned()).collect();
    Ok(Words { one: with(&["--recipe", &recipe]), last: with(&["build", &recipe]) })
}

fn format(format: PlanFormat) -> Format {
    match format {
        PlanFormat::Gitlab => Format::Gitlab,
        PlanFormat::Argo => Format::Argo,
        PlanFormat::Make => Format::Make,
    }
}

fn tell(args: &PlanArgs, plan: &Plan, file: &Path) {
    if args.common.json {
        let tasks = plan.tasks.iter().map(|task| {
            let needs: Vec<&str> = task.needs.iter().map(|need| plan.tasks[*need].name.as_str()).collect();
            json!({ "name": task.name, "package": task.pkgname, "pkgpath": task.pkgpath, "key": task.key.to_string(), "needs": needs })
        });
        let tasks: Vec<_> = tasks.collect();
        let file = super::json::bytes(file.as_os_str().as_encoded_bytes());
        say(&super::json::line(&json!({ "command": "plan", "file": file, "tasks": tasks })));
    } else if !args.common.quiet {
        say(&format!("{}: {}\n", report::place(file), count(plan.tasks.len(), "package")));
    }
}
