//! A child pipeline of GitLab: a job a package, which starts when the jobs it needs are done.

use super::{Plan, list, quoted, shell};
use std::fmt::Write as _;

/// How many jobs a job may need, as GitLab is installed.
const NEEDS: usize = 50;

/// The pipeline. Images, runners and caches are the business of whoever includes it, with `default:`.
pub(super) fn text(plan: &Plan) -> String {
    let mut text = format!(
        "# {}, a job for each package: made by 'relocate plan', to be run as a child pipeline\n\
         # (trigger: {{include: [{{artifact: THIS FILE, job: WHO MADE IT}}], strategy: depend}}).\n\
         # The cache must be one place for all runners, and each must have the same compiler.\n\
         stages: [\"packages\", \"archive\"]\n",
        plan.recipe
    );
    for task in &plan.tasks {
        let needs = gathered(&mut text, &task.name, plan.names(&task.needs));
        let key = task.key.to_string();
        let call = shell(std::iter::once("relocate").chain(plan.call(task, &key)));
        job(&mut text, &task.name, "packages", Some(&needs), &call);
    }
    // Without `needs` a job waits for the stage before it, however many jobs that has.
    let call = shell(std::iter::once("relocate").chain(plan.words.last.iter().map(String::as_str)));
    job(&mut text, "archive", "archive", None, &call);
    text
}

fn job(text: &mut String, name: &str, stage: &str, needs: Option<&[String]>, call: &str) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n{}:\n  stage: {}\n", quoted(name), quoted(stage));
    if let Some(needs) = needs {
        let _ = writeln!(text, "  needs: {}", list(needs));
    }
    let _ = write!(text, "  script:\n    - {}\n", quoted(call));
}

/// What a job needs, at most as many as it may: more are gathered by jobs that do nothing else.
fn gathered(text: &mut String, name: &str, needs: Vec<&str>) -> Vec<String> {
    let mut needs: Vec<String> = needs.into_iter().map(str::to_owned).collect();
    let mut number = 0;
    while needs.len() > NEEDS {
        needs = needs
            .chunks(NEEDS)
            .map(|some| {
                number += 1;
                let gatherer = format!("{name}-needs-{number}");
                job(text, &gatherer, "packages", Some(some), "true");
                gatherer
            })
            .collect();
    }
    needs
}
