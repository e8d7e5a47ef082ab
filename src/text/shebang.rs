//! The first line of a script: `#!`, an interpreter, and at most one argument (execve(2)).

/// A shebang line taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shebang<'a> {
    /// The interpreter's path, as written.
    pub interpreter: &'a [u8],
    /// All that follows it, without surrounding blanks; the kernel hands it over as one argument.
    pub argument: &'a [u8],
}

/// Reads the shebang of a file from its first bytes; `None` where there is none. The line may end at the end of `head`.
pub fn shebang(head: &[u8]) -> Option<Shebang<'_>> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (interpreter, argument) = line.split_at(end);
    (!interpreter.is_empty()).then_some(Shebang { interpreter, argument: argument.trim_ascii() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_around_interpreter_and_argument_do_not_count() {
        let parsed = shebang(b"#!  /p/bin/awk \t -f  \nrest").unwrap();
        assert_eq!(parsed, Shebang { interpreter: b"/p/bin/awk", argument: b"-f" });
        assert_eq!(shebang(b"#!\n"), None);
        assert_eq!(shebang(b"# !/bin/sh"), None);
        assert_eq!(shebang(b"#!/bin/sh").unwrap().interpreter, b"/bin/sh");
    }
}
