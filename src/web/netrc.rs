//! Users and passwords by host, as `~/.netrc` has them.
//!
//! Understood: `machine`, `default`, `login`, `password`, `account`; macros are skipped up to the next empty line.

use super::{Credentials, SettingsError};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// What a netrc file says; never printed.
#[derive(Clone, Default)]
pub struct Netrc(Vec<Entry>);

#[derive(Clone, Default)]
struct Entry {
    /// None is for all the others.
    host: Option<String>,
    login: String,
    password: String,
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Netrc({} entries)", self.0.len())
    }
}

impl Netrc {
    /// Reads a file; one that is not there says nothing.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(SettingsError { doing: "read", what: path.display().to_string(), why: error.to_string() })
            }
        }
    }

    /// Understands a text; words it does not know are skipped.
    pub fn parse(text: &str) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut in_macro = false;
        let mut words = Vec::new();
        for line in text.lines() {
            in_macro &= !line.trim().is_empty();
            if in_macro || line.trim_start().starts_with('#') {
                continue;
            }
            in_macro = line.split_whitespace().any(|word| word == "macdef");
            words.extend(line.split_whitespace().take_while(|word| *word != "macdef"));
        }
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word {
                "machine" => {
                    let host = words.next().map(str::to_ascii_lowercase);
                    entries.push(Entry { host, ..Entry::default() });
                }
                "default" => entries.push(Entry::default()),
                "login" | "password" | "account" => {
                    let (Some(value), Some(entry)) = (words.next(), entries.last_mut()) else { continue };
                    match word {
                        "login" => value.clone_into(&mut entry.login),
                        "password" => value.clone_into(&mut entry.password),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Self(entries)
    }

    /// Who we are to a host; the first entry that fits counts.
    pub fn credentials(&self, host: &str) -> Option<Credentials> {
        let fits = |entry: &&Entry| entry.host.as_deref().is_none_or(|known| known.eq_ignore_ascii_case(host));
        let entry = self.0.iter().find(fits)?;
        Some(Credentials::basic(&entry.login, &entry.password))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_of_a_host_counts_and_macros_are_skipped() {
        let text = "# mine\nmachine a.example login me password p1\nmacdef x\nmachine b.example\n\n\
                    machine C.example\n login you\n account z\n password p2\ndefault login any password p3\n";
        let netrc = Netrc::parse(text);
        assert_eq!(netrc.credentials("A.example"), Some(Credentials::basic("me", "p1")));
        assert_eq!(netrc.credentials("c.example"), Some(Credentials::basic("you", "p2")));
        assert_eq!(netrc.credentials("b.example"), Some(Credentials::basic("any", "p3")));
        assert_eq!(Netrc::parse("machine h login").credentials("x"), None);
        assert!(!format!("{netrc:?}").contains("p1"));
    }
}
