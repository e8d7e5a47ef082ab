//! What the rules in `loader::closure` say of a program, and what its own loader says.

use crate::prefix::{Prefix, run, run_with};
use relocate::base::event::Silent;
use relocate::base::glob::Globs;
use relocate::loader::closure::{Lookup, Miss, World};
use relocate::loader::libc::Libc;
use relocate::plan;
use relocate::scan::scan;
use relocate::verify::system::is_system_library;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What does not come from the tree.
pub(crate) const HOST: &str = "the host";
/// What is not found.
pub(crate) const MISSING: &str = "nowhere";

/// Needed names, and where each is found: a path of the tree, [`HOST`], [`MISSING`], or `stops at` a path. One object may
/// miss what another finds.
pub(crate) type Found = BTreeSet<(String, String)>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the rules say of a program; of an object that is found by several names, the first.
pub(crate) fn by_the_rules(root: &Path, program: &str) -> Found {
    let inventory = scan(root, &Globs::default(), &Silent).unwrap();
    let tree = plan::tree(&inventory, Vec::new());
    let members = plan::members(&inventory, &tree);
    let libc = plan::libc(&members);
    let world = World { tree: &tree, members: &members, libc, is_system: &|soname, _| is_system_library(soname, libc) };
    let at = members.iter().position(|member| member.path.as_bytes() == program.as_bytes()).unwrap();
    let mut found = Found::new();
    let mut objects = Vec::new();
    world.process(at, &members[at].opened_in[0], &mut |_, needed, lookup| {
        let place = match lookup {
            Lookup::Found(object, _) if objects.contains(object) => return,
            Lookup::Found(object, directory) => {
                objects.push(*object);
                let name = needed.rsplit(|byte| *byte == b'/').next().unwrap();
                text(directory.join(name).as_bytes())
            }
            Lookup::Loaded => return,
            Lookup::Host => HOST.to_owned(),
            Lookup::Miss(Miss::NotElf(path)) if libc == Libc::Glibc => format!("stops at {path}"),
            Lookup::Miss(_) => MISSING.to_owned(),
        };
        found.insert((text(needed), place));
    });
    found
}

/// The path below `root` that a loader printed, its directory resolved; [`HOST`] for what lies elsewhere.
fn below(root: &Path, printed: &str) -> String {
    let printed = Path::new(printed);
    let directory = fs::canonicalize(printed.parent().unwrap()).unwrap();
    let path = directory.join(printed.file_name().unwrap());
    path.strip_prefix(root).map_or(HOST.to_owned(), |path| path.to_str().unwrap().to_owned())
}

/// What the program's own loader says when it only lists, as for ldd(1).
pub(crate) fn by_the_loader(root: &Path, program: &str) -> Found {
    let path = root.join(program);
    let ran = if fs::read(&path).unwrap().windows(7).any(|window| window == b"ld-musl") {
        run(Command::new("/lib/ld-musl-x86_64.so.1").arg("--list").arg(path).current_dir("/"))
    } else {
        run_with(&path, "LD_TRACE_LOADED_OBJECTS", "1")
    };
    let mut found = Found::new();
    for line in ran.stdout.lines() {
        let Some((name, place)) = line.trim().split_once(" => ") else { continue };
        let place = place.rsplit_once(" (").map_or(place, |(place, _)| place);
        let place = if place == "not found" { MISSING.to_owned() } else { below(root, place) };
        found.insert((name.to_owned(), place));
    }
    for line in ran.stderr.lines() {
        if let Some((name, _)) =
            line.strip_prefix("Error loading shared library ").and_then(|rest| rest.split_once(": "))
        {
            found.insert((name.to_owned(), MISSING.to_owned()));
        } else if let Some((_, rest)) = line.split_once("error while loading shared libraries: ") {
            let (path, _) = rest.split_once(": ").unwrap();
            let name = path.rsplit('/').next().unwrap().to_owned();
            found.insert((name, format!("stops at {}", below(root, path))));
        }
    }
    found
}

/// Both, made comparable: without the C library and, where the loader stops, without what comes after: the rules go on to
/// tell all that is missing.
pub(crate) fn both(root: &Path, program: &str) -> (Found, Found) {
    let (mut rules, mut loader) = (by_the_rules(root, program), by_the_loader(root, program));
    let stop = loader.iter().find(|(_, place)| place.starts_with("stops")).cloned();
    if let Some(stop) = stop {
        rules.retain(|found| *found == stop);
        loader.retain(|found| *found == stop);
    }
    for found in [&mut rules, &mut loader] {
        found.retain(|(name, _)| name != "libc.so.6" && name != "libc.so");
    }
    (rules, loader)
}

/// Compares the two, and both with what the test says.
pub(crate) fn agree(prefix: &Prefix, program: &str, wanted: &[(&str, &str)]) {
    let (rules, loader) = both(&prefix.root, program);
    let wanted: Found = wanted.iter().map(|(name, place)| ((*name).to_owned(), (*place).to_owned())).collect();
    assert_eq!(loader, wanted, "the loader, {program}");
    assert_eq!(rules, wanted, "the rules, {program}");
}
