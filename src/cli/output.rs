//! Where the result goes, read from `-o` and ROOT's name.

use super::args::PackArgs;
use super::pack::{Usage, top_dir};
use super::report;
use crate::base::host;
use crate::base::path::RelPath;
use crate::pack::{Format, Options};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Where the result goes.
pub(super) enum Output {
    /// An archive.
    Archive { path: PathBuf, options: Options },
    /// An archive, into standard output.
    Pipe(Options),
    /// A tree.
    Tree(PathBuf),
    /// ROOT itself.
    InPlace,
}

impl Output {
    /// Understands `-o`.
    pub(super) fn of(args: &PackArgs) -> Result<Self, Usage> {
        if args.in_place {
            return Ok(Self::InPlace);
        }
        let name = root_name(&args.root);
        let Some(typed) = &args.output else {
            let path = PathBuf::from(with_ending(&name, ".tar.gz"));
            return Self::archive(args, path, Format::TarGz, &name);
        };
        if typed == "-" {
            return Ok(Self::Pipe(options(args, Format::TarGz, &name)?));
        }
        let path = PathBuf::from(typed);
        outside(&path, &args.root)?;
        if typed.as_bytes().ends_with(b"/") {
            return Ok(Self::Tree(path));
        }
        match Format::from_name(path.file_name().unwrap_or_default()) {
            Some((format, stem)) => Self::archive(args, path.clone(), format, stem),
            None => Err(Usage(
                format!("-o {}: the name does not say what to write", report::place(&path)),
                Some(
                    "end it in .tar, .tar.gz, .tgz or .tar.zst for an archive, in / for a tree; - is a pipe".to_owned(),
                ),
            )),
        }
    }

    fn archive(args: &PackArgs, path: PathBuf, format: Format, stem: &OsStr) -> Result<Self, Usage> {
        outside(&path, &args.root)?;
        Ok(Self::Archive { options: options(args, format, stem)?, path })
    }
}

fn options(args: &PackArgs, format: Format, stem: &OsStr) -> Result<Options, Usage> {
    let top = args.archive.top_dir.clone().unwrap_or_else(|| stem.to_owned());
    let jobs = args.common.jobs.map_or_else(host::processors, usize::from);
    // The name of ROOT or OUT may be none a directory can have; what was typed must be.
    let top_dir =
        top_dir(&top).or_else(|error| args.archive.top_dir.as_ref().map_or(Ok(RelPath::root()), |_| Err(error)))?;
    let options = Options { format, level: args.archive.level, jobs, top_dir };
    options.check().map_err(|error| Usage::new(error.to_string()))?;
    Ok(options)
}

/// The last component of ROOT's real path, so that `relocate .` has a name too.
fn root_name(root: &Path) -> OsString {
    let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    real.file_name().map_or_else(|| OsString::from("root"), OsStr::to_owned)
}

fn with_ending(name: &OsStr, ending: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(ending);
    name
}

/// OUT inside ROOT would pack itself, and would change ROOT; a symlink outside that leads inside is followed too.
fn outside(path: &Path, root: &Path) -> Result<(), Usage> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(root) = fs::canonicalize(root) else { return Ok(()) };
    let inside = |place: &Path| fs::canonicalize(place).is_ok_and(|place| place.starts_with(&root));
    if inside(directory) || inside(path) {
        return Err(Usage(
            format!("{} lies inside {}, which is never changed", report::place(path), report::place(&root)),
            Some("name a place outside with -o".to_owned()),
        ));
    }
    Ok(())
}

/// `ourapp.tar.gz` -> `ourapp.unproven.tar.gz`, `tree/` -> `tree.unproven`.
pub(super) fn unproven(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let stem = Format::from_name(name).map_or(name, |(_, stem)| stem);
    let ending = &name.as_bytes()[stem.len()..];
    path.with_file_name(OsString::from_vec([stem.as_bytes(), b".unproven", ending].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unproven_archive_says_so_in_its_name() {
        assert_eq!(unproven(Path::new("/x/a-1.0.tar.gz")), Path::new("/x/a-1.0.unproven.tar.gz"));
        assert_eq!(unproven(Path::new("a.tgz")), Path::new("a.unproven.tgz"));
    }
}
