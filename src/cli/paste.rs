//! The command that was typed, with options added, ready to be pasted into a shell.

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

/// A word as a POSIX shell reads it back; bytes that are not UTF-8 as `$'\xNN'`, which bash and busybox know.
fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:=,+@%".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    match std::str::from_utf8(word) {
        Ok(text) => format!("'{}'", text.replace('\'', "'\\''")),
        Err(_) => format!("$'{}'", word.escape_ascii()),
    }
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
