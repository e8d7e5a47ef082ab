//! Brings in what the tree lacks and this machine has: libraries (`--bundle`) and symlink targets (`--copy-link`).

use super::{Job, JobError};
use crate::base::finding::{Finding, Severity};
use crate::base::glob::Globs;
use crate::base::host;
use crate::base::path::{Prefix, RelPath, printable};
use crate::loader::object::Arch;
use crate::plan::Plan;
use crate::scan::{Class, Entry, FileFacts, Inventory, Kind, inspect};
use crate::verify::missing::{Missing, Remedy};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What `--bundle runtime` means: GCC's runtime libraries.
pub const RUNTIME: [&str; 12] = [
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libatomic.so.1",
    "libgomp.so.1",
    "libgfortran.so.*",
    "libquadmath.so.0",
    "libitm.so.1",
    "libobjc.so.*",
    "libssp.so.0",
    "libgo.so.*",
    "libgphobos.so.*",
    "libgdruntime.so.*",
];

/// Fills in where this machine has each missing library, and what that suggests.
pub(super) fn locate(missing: &mut [Missing], plan: &Plan) {
    for missing in missing {
        let outside = missing.needed_by.iter().filter_map(|path| plan.outside.get(path)).flatten();
        let outside: Vec<PathBuf> = outside.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
        let Some(arch) = missing.arch else { continue };
        if let Some((path, facts)) = find(&missing.name, arch, &outside) {
            missing.remedy = if needs_private(&facts) { Remedy::AllowLib } else { Remedy::Bundle };
            missing.on_this_host = Some(path);
        }
    }
}

/// Finds a library of this architecture as this machine's loader would, with these directories before its own.
fn find(soname: &[u8], arch: Arch, first: &[PathBuf]) -> Option<(PathBuf, FileFacts)> {
    if soname.contains(&b'/') {
        return None;
    }
    let directories = first.iter().cloned().chain(host::library_directories());
    directories.map(|directory| directory.join(OsStr::from_bytes(soname))).find_map(|path| {
        let facts = inspect(&path).ok()?;
        (dynamic(&facts)?.object.arch == arch).then_some((path, facts))
    })
}

fn dynamic(facts: &FileFacts) -> Option<&crate::elf::Facts> {
    match &facts.class {
        Class::Elf(crate::elf::Read::Dynamic(facts)) => Some(facts),
        _ => None,
    }
}

/// A library that needs GLIBC_PRIVATE belongs to one build of glibc and breaks beside another.
fn needs_private(facts: &FileFacts) -> bool {
    let needs = dynamic(facts).map(|facts| &facts.object.version_needs);
    needs.into_iter().flatten().any(|need| need.version == b"GLIBC_PRIVATE")
}

/// Copies what `--bundle` names and what that needs into `lib`; tells whether anything was.
pub(super) fn bring_in(
    job: &Job,
    inventory: &mut Inventory,
    plan: &Plan,
    missing: &[Missing],
    copied: &mut BTreeMap<RelPath, PathBuf>,
) -> Result<bool, JobError> {
    let bundled: BTreeSet<&RelPath> = copied.keys().collect();
    let by_bundled = |missing: &Missing| missing.needed_by.iter().any(|path| bundled.contains(path));
    let mut wanted: Vec<(Vec<u8>, Arch)> = missing
        .iter()
        .filter(|missing| {
            job.bundle.matches_name(&missing.name) || (by_bundled(missing) && missing.remedy == Remedy::Bundle)
        })
        .filter_map(|missing| Some((missing.name.clone(), missing.arch?)))
        .collect();
    for (soname, needed_by) in &plan.closure.from_host {
        let arch = needed_by.first().map(|at| plan.members[*at].object.arch);
        wanted.extend(arch.filter(|_| job.bundle.matches_name(soname)).map(|arch| (soname.clone(), arch)));
    }
    let mut any = false;
    for (soname, arch) in wanted {
        let path = RelPath::root().join(b"lib").join(&soname);
        if inventory.entries.contains_key(&path) {
            continue;
        }
        let outside: Vec<_> =
            plan.outside.values().flatten().map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
        let Some((source, facts)) = find(&soname, arch, &outside) else { continue };
        if needs_private(&facts) {
            return Err(JobError::BundlePrivate { soname: printable(&soname).into_owned(), source });
        }
        directory_for(inventory, &path, &source)?;
        insert(inventory, path.clone(), Kind::File(facts), &source)?;
        copied.insert(path, fs::canonicalize(&source).unwrap_or(source));
        any = true;
    }
    Ok(any)
}

fn directory_for(inventory: &mut Inventory, path: &RelPath, source: &Path) -> Result<(), JobError> {
    let Some(parent) = path.parent().filter(|parent| !parent.is_root() && !inventory.entries.contains_key(parent))
    else {
        return Ok(());
    };
    let like = source.parent().unwrap_or(source).to_owned();
    insert(inventory, parent.clone(), Kind::Dir, &like)?;
    directory_for(inventory, &parent, &like)
}

fn insert(inventory: &mut Inventory, path: RelPath, kind: Kind, source: &Path) -> Result<(), JobError> {
    let unreadable = |error| JobError::Read { path: source.to_owned(), error };
    let source = fs::canonicalize(source).map_err(unreadable)?;
    let metadata = fs::metadata(&source).map_err(|error| JobError::Read { path: source.clone(), error })?;
    // The host's privileges are not ours to hand out.
    let mode = (metadata.mode() & 0o777) | 0o444 | if metadata.is_dir() { 0o111 } else { 0 };
    let (uid, gid, mtime) = (metadata.uid(), metadata.gid(), metadata.mtime());
    inventory.entries.insert(path.clone(), Entry { kind, mode, uid, gid, mtime });
    inventory.elsewhere.insert(path, source);
    Ok(())
}

/// Puts the targets of the symlinks that `--copy-link` names in their places.
pub(super) fn copy_links(
    inventory: &mut Inventory,
    prefixes: &[Prefix],
    copy_link: &Globs,
) -> Result<BTreeMap<RelPath, PathBuf>, JobError> {
    let mut copied = BTreeMap::new();
    let leaving = inventory.entries.iter().filter_map(|(path, entry)| match &entry.kind {
        Kind::Symlink(target) if copy_link.matches(path) && target.first() == Some(&b'/') => {
            let outside = prefixes.iter().all(|prefix| prefix.strip(target).is_none());
            outside.then(|| (path.clone(), PathBuf::from(OsStr::from_bytes(target))))
        }
        _ => None,
    });
    for (path, target) in leaving.collect::<Vec<_>>() {
        copy_in(inventory, &path, &target)?;
        copied.insert(path, target);
    }
    Ok(copied)
}

/// Copies one file, or one directory with all below it.
fn copy_in(inventory: &mut Inventory, path: &RelPath, source: &Path) -> Result<(), JobError> {
    let unreadable = |error| JobError::Read { path: source.to_owned(), error };
    if !source.is_dir() {
        let facts = inspect(source).map_err(unreadable)?;
        return insert(inventory, path.clone(), Kind::File(facts), source);
    }
    insert(inventory, path.clone(), Kind::Dir, source)?;
    let below = crate::scan::scan(source, &Globs::default(), &crate::base::event::Silent)?;
    let root = below.root;
    for (relative, mut entry) in below.entries {
        if let Kind::HardLink(first) = &mut entry.kind {
            *first = path.join_path(first);
        }
        let inside = path.join_path(&relative);
        inventory.elsewhere.insert(inside.clone(), relative.under(&root));
        inventory.entries.insert(inside, entry);
    }
    Ok(())
}

/// Says what was copied in.
pub(super) fn report(copied: &BTreeMap<RelPath, PathBuf>) -> Vec<Finding> {
    let finding = |(path, source): (&RelPath, &PathBuf)| {
        Finding::at(path, Severity::Note, "copied-in", format!("copied from {}", source.display()))
    };
    copied.iter().map(finding).collect()
}
