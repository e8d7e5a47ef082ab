//! `relocate inspect`: what is in a tree or an archive, as a list for people, JSON, or a bill of materials.

use super::args::InspectArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::pack::{self, Usage};
use super::progress::Progress;
use super::{json, report};
use crate::base::glob::Globs;
use crate::base::write;
use crate::contents::sbom::{self, Subject};
use crate::contents::{Contents, Package, Why};
use crate::pipeline::check::{self, Purpose};
use report::{bytes, count, paint, say};
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;

/// How many of those who need a package are named in the list.
const NEEDERS: usize = 3;

/// Runs the command.
pub(super) fn run(args: &InspectArgs) -> Exit {
    report::colour(args.common.color);
    pack::set_jobs(args.common.jobs);
    let is_bill = args.sbom.as_deref() == Some(Path::new("-"));
    work(args, is_bill).unwrap_or_else(|failure| {
        failure.tell("inspect", if args.common.json && !is_bill { Json::Stdout } else { Json::None })
    })
}

fn work(args: &InspectArgs, is_bill: bool) -> Result<Exit, Failure> {
    let wanted = Globs::new(&args.package).map_err(|error| Usage::new(format!("--package: {error}")))?;
    let contents = look(&args.tree, args.common.quiet || args.common.json)?;
    if let Some(file) = &args.sbom {
        let bill = sbom::cyclonedx(&contents, subject(&args.tree))
            .map_err(|error| Failure::new(Exit::Bug, format!("cannot write the bill of materials: {error}")))?;
        if is_bill {
            report::say_bytes(&bill);
            return Ok(Exit::Done);
        }
        write::whole(file, &bill, 0o644).map_err(|error| Failure::new(Exit::Environment, error.to_string()))?;
    }
    let chosen: Vec<&Package> = contents.packages.iter().filter(|package| is_wanted(package, args, &wanted)).collect();
    if chosen.is_empty() && !args.package.is_empty() {
        let known = contents.packages.iter().map(Package::full_name).collect::<Vec<_>>().join(", ");
        let failure = Failure::new(Exit::No, format!("no package here is named {}", args.package.join(", ")));
        return Err(failure.help((!known.is_empty()).then(|| format!("there are {known}"))));
    }
    if args.common.json {
        say(&told_as_json(&args.tree, &contents, &chosen));
    } else if !args.common.quiet {
        say(&told(&contents, &chosen, !args.package.is_empty()));
        report::talk(&report::findings(&contents.findings));
    }
    Ok(Exit::Done)
}

/// What is in a directory or an archive; an archive is unpacked to a place of its own and removed again.
pub(super) fn look(tree: &Path, is_quiet: bool) -> Result<Contents, Failure> {
    if let Err(error) = std::fs::metadata(tree) {
        return Err(Usage::new(format!("cannot read {}: {error}", report::place(tree))).into());
    }
    let progress = Progress::new(is_quiet);
    let subject = check::open(tree, &Purpose::Look, &progress)?;
    Contents::read(subject.root()).map_err(|error| Failure::new(Exit::Environment, error.to_string()))
}

/// What a bill of this tree or archive is of: its name without what tells an archive's format.
pub(super) fn subject(tree: &Path) -> Subject<'_> {
    let name = tree.file_name().and_then(|name| name.to_str()).unwrap_or("tree");
    let name = [".tar.gz", ".tgz", ".tar.zst", ".tar"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    Subject { name, tool_version: env!("CARGO_PKG_VERSION") }
}

fn is_wanted(package: &Package, args: &InspectArgs, wanted: &Globs) -> bool {
    args.package.is_empty()
        || wanted.matches_name(package.name.as_bytes())
        || wanted.matches_name(package.full_name().as_bytes())
}

fn told_as_json(tree: &Path, contents: &Contents, chosen: &[&Package]) -> String {
    json::line(&json!({
        "command": "inspect",
        "tree": json::bytes(std::os::unix::ffi::OsStrExt::as_bytes(tree.as_os_str())),
        "files": contents.files,
        "bytes": contents.bytes,
        "unowned": contents.unowned,
        "packages": chosen,
        "findings": contents.findings,
    }))
}

fn told(contents: &Contents, chosen: &[&Package], is_detailed: bool) -> String {
    let mut text = String::new();
    if is_detailed {
        for package in chosen {
            detail(&mut text, package);
        }
        return text;
    }
    let rows: Vec<[String; 4]> = chosen.iter().map(|package| row(package)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (names, licences, sizes) = (width(0), width(1), width(2));
    for [name, licence, size, why] in &rows {
        let _ = writeln!(text, "{name:<names$}  {licence:<licences$}  {size:>sizes$}  {why}");
    }
    if rows.is_empty() {
        text.push_str("no package database and no Python distribution here\n");
    }
    let _ = writeln!(
        text,
        "{}, {} in {}; {} to no package",
        count(contents.packages.len(), "package"),
        bytes(contents.bytes),
        count(usize::try_from(contents.files).unwrap_or(usize::MAX), "file"),
        if contents.unowned == 1 { "1 belongs".to_owned() } else { format!("{} belong", contents.unowned) },
    );
    text
}

fn row(package: &Package) -> [String; 4] {
    let options = package.options.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let name = if options.is_empty() { package.full_name() } else { format!("{} [{options}]", package.full_name()) };
    [name, package.license.clone().unwrap_or_else(|| "licence not told".to_owned()), bytes(package.bytes), why(package)]
}

fn why(package: &Package) -> String {
    match &package.why {
        Why::Requested => "requested".to_owned(),
        Why::Bootstrap => "bootstrap".to_owned(),
        Why::Orphan => "for others, and none of them is left".to_owned(),
        Why::NeededBy(names) => {
            let shown = names.iter().take(NEEDERS).map(String::as_str).collect::<Vec<_>>().join(", ");
            let rest = names.len().saturating_sub(NEEDERS);
            if rest == 0 { format!("needed by {shown}") } else { format!("needed by {shown} and {rest} more") }
        }
    }
}

fn detail(text: &mut String, package: &Package) {
    let list = |names: &mut dyn Iterator<Item = &String>| names.map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut table = report::Table::default();
    let mut optional = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            table.row(label, value);
        }
    };
    optional("what", package.comment.clone());
    optional("pkgpath", package.pkgpath.clone());
    optional("home page", package.homepage.clone());
    optional("licence", package.license.clone());
    optional("options", Some(list(&mut package.options.iter())));
    optional("needs", Some(list(&mut package.depends.iter())));
    optional("from the host", Some(list(&mut package.host_libraries.iter())));
    optional("missing", (package.missing > 0).then(|| format!("{} of its files are not there", package.missing)));
    let files = usize::try_from(package.files).unwrap_or(usize::MAX);
    optional("size", Some(format!("{} in {}", bytes(package.bytes), count(files, "file"))));
    optional("why", Some(why(package)));
    optional("record", Some(package.place.display().into_owned()));
    let _ = writeln!(text, "{}\n{}", paint(report::BOLD, &package.full_name()), table.text());
}
