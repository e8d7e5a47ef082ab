//! From a running script to a file of its tree, in words of sh(1).
//!
//! `readlink -f` and not `realpath`, which RHEL 6 lacks. A directory whose name ends in a newline is not found, because
//! `$(...)` drops it; every other name is.

use super::super::Subject;
use crate::base::path::RelPath;

/// The directory of the running script, symlinks resolved.
const HERE: &str = r#"$(dirname -- "$(readlink -f -- "$0")")"#;

/// How a path is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Without `..`: an interpreter that finds its library from its own path prints it, and compares it.
    Clean,
    /// As short as can be, for a line of limited length.
    Short,
}

/// Where a script lies, as far as all its names agree.
pub(super) struct Place {
    /// The directory, where there is but one.
    directory: Option<RelPath>,
    /// How many directories lie above it, the top included.
    depth: usize,
}

impl Place {
    /// Fails where the script has hard links from which the ways differ: it cannot tell by which name it runs.
    pub(super) fn of(file: &Subject<'_>) -> Result<Self, String> {
        let directory = file.directory();
        let depth = directory.depth();
        let mut same = true;
        for name in file.around.names(file.path) {
            let other = name.parent().unwrap_or_default();
            if other.depth() != depth {
                return Err(format!("it is also called {name}, from where the way to its interpreter is another one"));
            }
            same &= other == directory;
        }
        Ok(Self { directory: same.then_some(directory), depth })
    }

    /// The path of `target`, to stand between double quotes.
    pub(super) fn to(&self, target: &RelPath, look: Look) -> Vec<u8> {
        let shared = self.directory.as_ref().map_or(0, |from| {
            let parents = target.parts().take(target.depth().saturating_sub(1));
            from.parts().zip(parents).take_while(|(a, b)| a == b).count()
        });
        let up = vec!["/.."; self.depth - shared].concat();
        let mut path = match look {
            Look::Clean if !up.is_empty() => format!(r#"$(readlink -f -- "{HERE}{up}")"#),
            _ => format!("{HERE}{up}"),
        }
        .into_bytes();
        for part in target.parts().skip(shared) {
            path.push(b'/');
            path.extend_from_slice(part);
        }
        path
    }
}
