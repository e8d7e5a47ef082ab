//! Facts of this machine: where its own loader would find a library, what the environment says.
//!
//! Used to tell a person where the build host has what a tree lacks, and to copy it on request. The loader's cache is
//! not read: the directories it is made from are (`ld.so.conf(5)`), which needs no knowledge of its format.

use std::env;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Directories searched on x86-64 whatever `ld.so.conf` says, Debian's and Red Hat's.
const DEFAULT: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/local/lib64",
];

/// How deep `include` lines of `ld.so.conf` are followed.
const MAX_INCLUDES: usize = 8;

/// The directories this machine's loader takes libraries from, in order.
pub fn library_directories() -> Vec<PathBuf> {
    library_directories_below(Path::new("/"))
}

/// The same of a machine whose root is this directory; each path begins with it.
pub fn library_directories_below(root: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    read_conf(root, &below(root, "/etc/ld.so.conf"), MAX_INCLUDES, &mut directories);
    directories.extend(DEFAULT.iter().map(|directory| below(root, directory)));
    let mut unique = Vec::new();
    for directory in directories {
        if directory.is_dir() && !unique.contains(&directory) {
            unique.push(directory);
        }
    }
    unique
}

fn below(root: &Path, absolute: &str) -> PathBuf {
    root.join(absolute.trim_start_matches('/'))
}

fn read_conf(root: &Path, path: &Path, depth: usize, directories: &mut Vec<PathBuf>) {
    // A machine without the file, or with one we may not read, has its default directories all the same.
    let Ok(text) = fs::read_to_string(path) else { return };
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(pattern) = line.strip_prefix("include ").filter(|_| depth > 0) {
            for file in matching(root, pattern.trim()) {
                read_conf(root, &file, depth - 1, directories);
            }
        } else if line.starts_with('/') {
            directories.push(below(root, line));
        }
    }
}

/// The files an include pattern names, sorted; only the last component may hold a glob, as everywhere in practice.
fn matching(root: &Path, pattern: &str) -> Vec<PathBuf> {
    let path = if pattern.starts_with('/') { below(root, pattern) } else { below(root, "/etc").join(pattern) };
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let Ok(glob) = globset::Glob::new(name) else { return Vec::new() };
    let matcher = glob.compile_matcher();
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| matcher.is_match(name)))
        .collect();
    files.sort();
    files
}

/// The real path of a directory or file, where it exists.
pub fn real_path(path: &Path) -> Option<Vec<u8>> {
    Some(fs::canonicalize(path).ok()?.as_os_str().as_bytes().to_vec())
}

/// The absolute path of what was typed, by its text: symlinks stay as they are, so that a tree can be named by one. Only what
/// stands before a last `..` is looked up, because `..` means the real parent (path_resolution(7)). A relative path is
/// taken from the real path of the current directory.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let parts: Vec<_> = path.components().collect();
    let Some(last) = parts.iter().rposition(|part| *part == Component::ParentDir) else { return Ok(path) };
    let real = fs::canonicalize(parts[..=last].iter().collect::<PathBuf>())?;
    Ok(parts[last + 1..].iter().fold(real, |path, part| path.join(part)))
}

/// `SOURCE_DATE_EPOCH` in seconds; `Err` holds what stands there instead of a number (reproducible-builds.org).
pub fn source_date_epoch() -> Result<Option<i64>, String> {
    match env::var("SOURCE_DATE_EPOCH") {
        Err(_) => Ok(None),
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => text.trim().parse().map(Some).map_err(|_| text),
    }
}

/// A variable of the environment.
pub fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name)
}

/// Where programs keep what they can make again: `XDG_CACHE_HOME`, else `~/.cache` (XDG Base Directory Specification). None without
/// a home directory.
pub fn cache_directory() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))
}

/// How many threads to use where the user does not say.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether the environment leaves colour on (no-color.org, and a terminal that is not dumb).
pub fn wants_colour() -> bool {
    let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the process may give files to others.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The user that the process acts as.
pub fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Makes new files of this process and its children writable by their owner alone and readable by all, whatever umask whoever
/// started it has: modes end in archives.
pub fn usual_umask() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
}

/// The bytes of the running program; `None` where they cannot be read.
pub fn own_program() -> Option<Vec<u8>> {
    fs::read("/proc/self/exe").ok()
}
