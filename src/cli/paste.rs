//! The command that was typed, with options added, ready to be pasted into a shell.

use crate::base::words::quoted;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Writes the command line again; `typed` has `pack` put in by us where the user left it out, which does no harm.
pub(super) fn command(typed: &[OsString], options: &[(&str, String)]) -> String {
    let mut words: Vec<String> = typed.iter().map(|word| quoted(word.as_bytes())).collect();
    for (option, value) in options {
        words.push((*option).to_owned());
        words.push(quoted(value.as_bytes()));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_typed() {
        let typed = ["relocate", "./a b", "it's"].map(OsString::from);
        let line = command(&typed, &[("--bundle", "libx.so.*".to_owned())]);
        assert_eq!(line, "relocate './a b' 'it'\\''s' --bundle 'libx.so.*'");
    }
}
