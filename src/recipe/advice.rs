//! What works and could be better: a recipe that is valid, and where it will cost something on the target.

use super::{PROPOSED_LENGTH, Recipe, propose_prefix};
use crate::base::finding::{Finding, Severity};

/// Directories in which any user can create directories.
const OPEN: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

impl Recipe {
    /// What a person should know before building; not one of them stops the build.
    pub fn advice(&self) -> Vec<Finding> {
        let mut advice = Vec::new();
        let note = |kind: &str, found: String| Finding::of_tree(Severity::Note, kind, found);
        let warning = |kind: &str, found: String| Finding::of_tree(Severity::Warning, kind, found);
        let prefix = self.bootstrap.prefix.display();
        let propose = format!("take another prefix, such as {}", propose_prefix(&self.name));
        let length = prefix.len();
        if OPEN.iter().any(|open| prefix.strip_prefix(open).is_some_and(|rest| rest.starts_with('/'))) {
            let found = format!(
                "bootstrap.prefix: any user of a target can create {prefix}, where programs look before it is rewritten"
            );
            advice.push(warning("prefix-creatable", found).help(propose.clone()));
        }
        if length < PROPOSED_LENGTH {
            let found =
                format!("bootstrap.prefix: strings of programs have room for a final path of {length} bytes, no more");
            advice.push(note("prefix-short", found).help(propose.clone()));
        }
        let last = prefix.rsplit('/').next().unwrap_or_default();
        if last.chars().all(char::is_alphabetic) {
            let found = format!(
                "bootstrap.prefix: '{last}' may be the end of another string in a program, and then neither can be rewritten"
            );
            advice.push(note("prefix-last-part", found).help(propose));
        }
        for words in self.smoke.commands.iter().filter(|words| words.iter().any(|word| word.contains(&*prefix))) {
            let found = format!("smoke.commands: '{}' names {prefix}, which is hidden while it runs", words.join(" "));
            advice.push(warning("smoke-names-prefix", found).help("name files relative to the prefix"));
        }
        advice
    }
}
