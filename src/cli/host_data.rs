//! What a tree takes from its host besides libraries, for people and as JSON.

use super::json::bytes as json_bytes;
use super::report::count;
use crate::base::finding::{Finding, Severity};
use crate::base::path::{RelPath, printable};
use crate::remains::host_data::{Offer, Sort, Taken};
use serde_json::{Value, json};

/// How many files, paths or targets a line names.
const NAMED: usize = 3;

/// One line for each sort.
pub(super) fn lines(taken: &[Taken]) -> String {
    taken.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// All sorts in one line, with who uses them.
pub(super) fn short(taken: &[Taken]) -> String {
    let each: Vec<_> = taken.iter().map(|taken| format!("{} ({})", taken.sort.word(), users(&taken.users))).collect();
    format!("{}; 'relocate check' says where it is looked for", each.join(", "))
}

fn line(taken: &Taken) -> String {
    let brings = taken.brings_its_own();
    let own = taken.own_paths.iter().filter(|(_, there)| !brings || **there).map(|(path, there)| {
        let there = if *there { "in the tree" } else { "not in the tree" };
        format!("{} ({there})", printable(path))
    });
    let host = taken.host_paths.keys().map(|path| printable(path).into_owned());
    let paths: Vec<_> = own.chain(host).collect();
    let paths = if paths.is_empty() { String::new() } else { format!(" at {}", few(&paths)) };
    let packages = match taken.packages.as_slice() {
        [] => String::new(),
        _ if brings && taken.host_paths.is_empty() => String::new(),
        [(target, package)] => format!("; on {target} {package} brings it"),
        many => format!("; on {} a package brings it", count(many.len(), "target")),
    };
    format!("{}: {}{paths}{packages}{}", taken.sort.word(), users(&taken.users), variables(taken.sort))
}

fn users(users: &[RelPath]) -> String {
    match users {
        [one] => one.to_string(),
        [first, ..] => format!("{first} and {} more", users.len() - 1),
        [] => "no file".to_owned(),
    }
}

fn variables(sort: Sort) -> String {
    let each: Vec<_> = sort.variables().iter().map(|(name, _)| *name).collect();
    if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) }
}

fn few(words: &[String]) -> String {
    let more = words.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", words[..words.len().min(NAMED)].join(", "))
}

/// What somebody has to do something about.
pub(super) fn findings(taken: &[Taken]) -> Vec<Finding> {
    taken.iter().filter(|taken| taken.needs_help()).map(finding).collect()
}

fn finding(taken: &Taken) -> Finding {
    let what = taken.sort.word();
    let found = if taken.elsewhere.is_empty() {
        let paths: Vec<_> = taken.own_paths.keys().map(|path| printable(path).into_owned()).collect();
        format!("{} looks for {what} at {}, where the tree has none", users(&taken.users), few(&paths))
    } else {
        let names: Vec<_> = taken.elsewhere.iter().map(|(name, _)| (*name).to_owned()).collect();
        let paths: Vec<_> = taken.host_paths.keys().map(|path| printable(path).into_owned()).collect();
        let files: Vec<RelPath> = taken.host_paths.values().flatten().cloned().collect();
        format!("{} looks for {what} at {}, which is not where {} has it", users(&files), few(&paths), few(&names))
    };
    Finding::of_tree(Severity::Warning, &format!("host-{what}"), found).help(remedy(taken))
}

fn remedy(taken: &Taken) -> String {
    let variables: Vec<_> = taken.sort.variables().iter().map(|(name, who)| format!("{name} for {who}")).collect();
    let set = format!("set {}", variables.join(", "));
    let there = taken.elsewhere.iter().find_map(|(name, offer)| Some((name, offer.paths.first()?)));
    match there {
        Some((name, path)) => format!("{set}: {path} on {name} (--json lists all)"),
        None => format!("{set}, or bring the data along in the tree"),
    }
}

/// Everything, as JSON.
pub(super) fn json(taken: &[Taken]) -> Vec<Value> {
    taken.iter().map(one).collect()
}

fn one(taken: &Taken) -> Value {
    let host: Vec<_> =
        taken.host_paths.iter().map(|(path, files)| json!({"path": json_bytes(path), "files": files})).collect();
    let own: Vec<_> =
        taken.own_paths.iter().map(|(path, there)| json!({"path": json_bytes(path), "in_tree": there})).collect();
    let variables: Vec<_> =
        taken.sort.variables().iter().map(|(name, who)| json!({"name": name, "heeded_by": who})).collect();
    let elsewhere: Vec<_> = taken.elsewhere.iter().map(|(target, offer)| offered(target, offer)).collect();
    let packages: Vec<_> =
        taken.packages.iter().map(|(target, package)| json!({"target": target, "package": package})).collect();
    json!({
        "sort": taken.sort,
        "files": taken.users,
        "host_paths": host,
        "own_paths": own,
        "variables": variables,
        "elsewhere": elsewhere,
        "packages": packages,
        "needs_help": taken.needs_help(),
    })
}

fn offered(target: &str, offer: &Offer) -> Value {
    json!({"target": target, "paths": offer.paths, "package": offer.package, "seen": offer.seen})
}
