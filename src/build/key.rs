//! The key of a package: a digest over all that its binary package is made from. Packages of one key may be shared.
//!
//! Takes the graph and what the tree says of options and build definitions; gives one key a node. In it are the makefiles
//! that were read, every file of the package's directory and of those it takes patches and files from, options, build
//! definitions, the variables of its version, the settings of mk.conf, the tools, the prefix, and the keys of what it needs.
//! Paths are relative to the tree and the prefix, so that machines with the same prefix share. Not in it: options of
//! other packages, which count where they are needed, and settings that say where a build happens and how fast.

use crate::base::child::Cancel;
use crate::base::digest::{Digest, Digester};
use crate::build::digests::{Digests, absolute, name};
use crate::build::graph::{Graph, Node, in_parallel};
use crate::build::scan::{ScanError, ask};
use crate::build::site::Site;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Bumped when the meaning of a key changes: packages of the old meaning are built anew.
const FORMAT: &[u8] = b"relocate package key 1";
/// Variables whose values count, beside the build definitions. The first four are places.
const VARIABLES: [&str; 9] = [
    "PKGDIR",
    "FILESDIR",
    "PATCHDIR",
    "DISTINFO_FILE",
    "PKG_OPTIONS",
    "MACHINE_ARCH",
    "USE_DESTDIR",
    "PKGNAME",
    "DEPENDS",
];
/// How many of them are places.
const PLACES: usize = 4;
/// Settings that change no package, or whose effect is looked at for each: names, and beginnings of names before a `*`.
const PASSED_OVER: [&str; 14] = [
    "PKG_OPTIONS.*",
    "PKG_DEFAULT_OPTIONS",
    "MAKE_JOBS",
    "MAKE_JOBS.*",
    "DISTDIR",
    "PACKAGES",
    "WRKOBJDIR",
    "ACCEPTABLE_LICENSES",
    "SKIP_LICENSE_CHECK",
    "MASTER_SITE_*",
    "FETCH_*",
    "FAILOVER_FETCH",
    "ALLOW_VULNERABLE_PACKAGES",
    "SMART_MESSAGES",
];

/// Why there are no keys.
#[derive(Debug)]
pub enum KeyError {
    /// The tree could not be asked.
    Scan(ScanError),
    /// A file could not be read.
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan(error) => error.fmt(f),
            Self::Io { path, source } => write!(f, "cannot read {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for KeyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Scan(error) => Some(error),
            Self::Io { source, .. } => Some(source),
        }
    }
}

fn unread(path: &Path) -> impl Fn(io::Error) -> KeyError + '_ {
    move |source| KeyError::Io { path: path.to_owned(), source }
}

/// What one package is made from, as far as it is known without its needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grounds {
    /// Its effective options, sorted by the tree.
    pub options: Vec<String>,
    own: Digest,
}

/// Asks the tree about each node's options and build definitions, and reads its files; `tools` are lines such as
/// `cc gcc 12.2.0`: compiler, linker and libc with their versions.
pub fn grounds(
    site: &Site,
    digests: &Digests,
    graph: &Graph,
    tools: &[String],
    jobs: usize,
    cancel: &Cancel,
) -> Result<Vec<Grounds>, KeyError> {
    in_parallel(&graph.nodes, jobs, |node| ground(site, digests, node, tools, cancel)).into_iter().collect()
}

/// The key of each node, in their order.
pub fn keys(graph: &Graph, grounds: &[Grounds]) -> Vec<Digest> {
    let mut keys: Vec<Digest> = Vec::with_capacity(grounds.len());
    for (ground, edges) in grounds.iter().zip(&graph.edges) {
        let mut digester = Digester::default();
        field(&mut digester, "own", &ground.own.bytes());
        for edge in edges {
            // Nodes come after all they need.
            field(&mut digester, "needs", &keys[*edge].bytes());
        }
        keys.push(digester.finish());
    }
    keys
}

fn ground(site: &Site, digests: &Digests, node: &Node, tools: &[String], cancel: &Cancel) -> Result<Grounds, KeyError> {
    let arguments = ["show-vars".to_owned(), "show-build-defs".to_owned(), format!("VARNAMES={}", VARIABLES.join(" "))];
    let answer = ask(site, digests, &node.pkgpath, &node.multi, &arguments, cancel, |_| Ok(node.scan_depends.clone()));
    let answer = answer.map_err(KeyError::Scan)?;
    let values: Vec<&str> = answer.lines().take(VARIABLES.len()).collect();

    let mut digester = Digester::default();
    field(&mut digester, "format", FORMAT);
    field(&mut digester, "name", node.pkgname.as_bytes());
    field(&mut digester, "path", node.pkgpath.as_bytes());
    field(&mut digester, "prefix", site.prefix.as_os_str().as_bytes());
    for line in tools {
        field(&mut digester, "tool", line.as_bytes());
    }
    for (variable, value) in &node.multi {
        field(&mut digester, "version", format!("{variable}={value}").as_bytes());
    }
    field(&mut digester, "answer", elsewhere(site, &answer).as_bytes());
    makefiles(site, digests, node, &mut digester)?;
    let mut places: Vec<PathBuf> =
        values.iter().take(PLACES).map(|value| absolute(site, &node.pkgpath, Path::new(value.trim()))).collect();
    places.push(site.tree.join(&node.pkgpath));
    places.sort();
    places.dedup();
    for place in outermost(&places) {
        directory(site, digests, place, &mut digester)?;
    }
    let options =
        VARIABLES.iter().zip(&values).find(|(name, _)| **name == "PKG_OPTIONS").map_or("", |(_, value)| value);
    Ok(Grounds { options: options.split_ascii_whitespace().map(str::to_owned).collect(), own: digester.finish() })
}

/// What the tree said, with other words for the places that differ from machine to machine.
fn elsewhere(site: &Site, text: &str) -> String {
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    text.replace(&shown(&site.work), "{work}").replace(&shown(&site.tree), "{tree}")
}

fn makefiles(site: &Site, digests: &Digests, node: &Node, digester: &mut Digester) -> Result<(), KeyError> {
    let settings = site.prefix.join("etc");
    for path in &node.scan_depends {
        let Some(called) = name(site, path) else { continue };
        field(digester, "makefile", &called);
        let digest = if path.starts_with(&settings) {
            let text = fs::read(path).map_err(unread(path))?;
            Some(Digest::of(&counted(&text)))
        } else {
            digests.of(path).map_err(unread(path))?
        };
        field(digester, "has", &digest.map_or_else(Vec::new, |digest| digest.bytes().to_vec()));
    }
    Ok(())
}

/// The lines of a mk.conf that count for every package.
fn counted(text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut logical: Vec<u8> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        if let Some(begun) = line.strip_suffix(b"\\") {
            logical.extend_from_slice(begun);
            continue;
        }
        logical.extend_from_slice(line);
        let whole = std::mem::take(&mut logical);
        let clean = whole.trim_ascii();
        let is_talk = clean.is_empty() || clean.starts_with(b"#") || clean.starts_with(b".sinclude");
        if !is_talk && !is_passed_over(clean) {
            kept.extend_from_slice(clean);
            kept.push(b'\n');
        }
    }
    kept
}

fn is_passed_over(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| b"=+?:! \t".contains(byte)).unwrap_or(line.len());
    let variable = &line[..end];
    PASSED_OVER.iter().any(|name| match name.strip_suffix('*') {
        Some(beginning) => variable.starts_with(beginning.as_bytes()),
        None => variable == name.as_bytes(),
    })
}

/// Of sorted paths, those that lie in no other.
fn outermost(paths: &[PathBuf]) -> impl Iterator<Item = &PathBuf> {
    paths.iter().filter(|path| !paths.iter().any(|other| other != *path && path.starts_with(other)))
}

/// Every file of a directory, or the one file; nothing where there is none.
fn directory(site: &Site, digests: &Digests, place: &Path, digester: &mut Digester) -> Result<(), KeyError> {
    let walk = walkdir::WalkDir::new(place).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| !is_made(entry)) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => continue,
            Err(error) => return Err(unread(place)(error.into())),
        };
        let (path, kind) = (entry.path(), entry.file_type());
        let Some(called) = name(site, path).filter(|_| !kind.is_dir()) else { continue };
        field(digester, "file", &called);
        if kind.is_symlink() {
            field(digester, "leads to", fs::read_link(path).map_err(unread(path))?.as_os_str().as_bytes());
        } else {
            let mode = entry.metadata().map_err(|error| unread(path)(error.into()))?.permissions().mode();
            field(digester, "may run", &[u8::from(mode & 0o111 != 0)]);
            let digest = digests.of(path).map_err(unread(path))?;
            field(digester, "has", &digest.map_or_else(Vec::new, |digest| digest.bytes().to_vec()));
        }
    }
    Ok(())
}

/// Whether a build, or the version control of the tree, made it.
fn is_made(entry: &walkdir::DirEntry) -> bool {
    let name = entry.file_name().as_bytes();
    entry.depth() > 0 && (name == b"work" || name.starts_with(b"work.") || name == b"CVS" || name == b".git")
}

/// A field that no other sequence of fields can look like.
fn field(digester: &mut Digester, label: &str, bytes: &[u8]) {
    for part in [label.as_bytes(), bytes] {
        digester.update(&(part.len() as u64).to_le_bytes());
        digester.update(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_other_packages_do_not_count() {
        let text = b"# talk\nPKG_OPTIONS.greet=\tloud\nMAKE_JOBS= 3\nCFLAGS+= -O2 \\\n  -g\nMASTER_SITE_OVERRIDE=x\nPKG_OPTIONS.web+=\\\n a\nPREFER_PKGSRC= yes\n";
        assert_eq!(counted(text), b"CFLAGS+= -O2   -g\nPREFER_PKGSRC= yes\n");
        assert_eq!(counted(b"DISTDIRECTORY=x"), b"DISTDIRECTORY=x\n");
    }

    #[test]
    fn a_place_inside_another_is_read_once() {
        let paths: Vec<PathBuf> = ["/t/a/b", "/t/a/b/files", "/t/a/bc"].iter().map(PathBuf::from).collect();
        assert_eq!(outermost(&paths).collect::<Vec<_>>(), [Path::new("/t/a/b"), Path::new("/t/a/bc")]);
    }

    #[test]
    fn fields_do_not_run_together() {
        let digest = |fields: &[&[u8]]| {
            let mut digester = Digester::default();
            for bytes in fields {
                field(&mut digester, "x", bytes);
            }
            digester.finish()
        };
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
