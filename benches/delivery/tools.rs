//! The programs measured: finds each and its version, and refuses to begin where one is missing.

use std::process::Command;

/// One program: its name, and the line with its version.
pub(crate) struct Tool {
    /// As it is called.
    pub(crate) name: &'static str,
    /// The line it prints about itself.
    pub(crate) version: String,
}

const WANTED: [(&str, &[&str]); 7] = [
    ("rsync", &["--version"]),
    ("ostree", &["--version"]),
    ("casync", &["--version"]),
    ("zsync", &["-V"]),
    ("nginx", &["-v"]),
    ("curl", &["--version"]),
    ("tar", &["--version"]),
];

/// Every tool, or the names of all that are missing.
pub(crate) fn find() -> Result<Vec<Tool>, String> {
    let asked = WANTED.map(|(name, arguments)| (name, version(name, arguments)));
    let missing: Vec<_> = asked.iter().filter(|(_, version)| version.is_none()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Err(format!(
            "these tools are missing here: {missing}\nhelp: benches/setup-delivery brings them (as root on Debian)"
        ));
    }
    Ok(asked.into_iter().filter_map(|(name, version)| Some(Tool { name, version: version? })).collect())
}

/// A program by its name, also where an ordinary user's search does not look.
pub(crate) fn path(name: &str) -> String {
    let sbin = format!("/usr/sbin/{name}");
    if std::path::Path::new(&sbin).exists() { sbin } else { name.to_owned() }
}

/// The line in which a program tells its version; none where it does not start.
pub(crate) fn version(program: &str, arguments: &[&str]) -> Option<String> {
    let said = Command::new(path(program)).args(arguments).output().ok()?;
    let text = if said.stdout.is_empty() { said.stderr } else { said.stdout };
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find(|line| line.chars().any(|letter| letter.is_ascii_digit()))?;
    Some(line.trim().replace('\'', ""))
}
