//! Scripts that `/bin/sh` can begin to read: it runs the interpreter on the same file, which takes the same lines for a
//! comment, a string or nothing.
//!
//! Each form keeps the file's own lines. Those of Python with a docstring, Node and Lua, and mostly that of shells, keep
//! the lines' numbers too; Perl's gives them back by `#line`; the others move them by one or two.

use super::kind::Kind;
use super::python;

/// A script to be handed over.
pub(super) struct Script<'a> {
    /// Its interpreter, as a word of sh.
    pub(super) interpreter: Vec<u8>,
    /// What the interpreter is given before the script, as words of sh.
    pub(super) arguments: Vec<Vec<u8>>,
    /// The same as it stood in the first line; empty where it names an old prefix.
    pub(super) switches: Vec<u8>,
    /// What follows its first line.
    pub(super) body: &'a [u8],
}

impl Script<'_> {
    /// The command of sh: `exec` as it is to be written, the interpreter, an option of our own, the script's.
    pub(super) fn command(&self, exec: &str, option: &str) -> Vec<u8> {
        let mut words = vec![exec.as_bytes(), &self.interpreter, option.as_bytes()];
        words.extend(self.arguments.iter().map(Vec::as_slice));
        words.push(br#""$0" "$@""#);
        words.retain(|word| !word.is_empty());
        words.join(&b' ')
    }

    /// The script with what hands it over; `None` where it has no legal form.
    pub(super) fn handed_over(&self, kind: Kind) -> Option<Vec<u8>> {
        let exec = self.command("exec", "");
        let new = match kind {
            Kind::Python => python::handed_over(self)?,
            Kind::Shell => self.shell(&exec),
            Kind::Perl => self.perl(),
            Kind::Ruby => self.ruby(),
            // The semicolon ends the string's statement: what follows may begin with a bracket.
            Kind::Node => [b"':' /*; ", exec.as_slice(), b" # */; ", self.body].concat(),
            Kind::Tcl => [b"# \\\n", exec.as_slice(), b"\n", self.body].concat(),
            Kind::Lua => [b"_=[[ ", exec.as_slice(), b" #]]_=nil ", self.body].concat(),
        };
        Some([b"#!/bin/sh\n", new.as_slice()].concat())
    }

    /// A shell reads the lines that sh has read: the number of the process, which `exec` keeps, says that it is the second
    /// time. The variable is gone before the script's own first line, so no child sees it.
    fn shell(&self, exec: &[u8]) -> Vec<u8> {
        let mut new = br#"case ${RELOCATED_SCRIPT-} in "$$ $0") unset RELOCATED_SCRIPT ;; *) "#.to_vec();
        new.extend_from_slice(br#"RELOCATED_SCRIPT="$$ $0"; export RELOCATED_SCRIPT; "#);
        new.extend_from_slice(exec);
        new.extend_from_slice(b" ;; esac");
        let line = self.body.split(|byte| *byte == b'\n').next().unwrap_or_default();
        match line.trim_ascii() {
            [] => {}
            [b'#', ..] => new.push(b' '),
            _ => new.push(b'\n'),
        }
        new.extend_from_slice(self.body);
        new
    }

    /// `perl -x` begins at the line that names perl. The eval line is legal Perl, because `do` and `require` begin at the
    /// top.
    fn perl(&self) -> Vec<u8> {
        let eval = [b"eval '", self.command("exec", "-x").as_slice(), b" #' if 0;\n#line 2\n"].concat();
        [self.line_naming(b"#!perl"), eval, self.body.to_vec()].concat()
    }

    /// `ruby -x` begins at the line that names ruby, which magic comments have to follow; `load` begins at the top.
    fn ruby(&self) -> Vec<u8> {
        let (comments, code) = self.body.split_at(leading_comments(self.body));
        let eval = [b"eval '", self.command("exec", "-x").as_slice(), b" #' if false\n"].concat();
        [self.line_naming(b"#!ruby"), ended(comments), eval, code.to_vec()].concat()
    }

    /// The line that Perl and Ruby look for, with the switches they take from it.
    fn line_naming(&self, name: &[u8]) -> Vec<u8> {
        let gap: &[u8] = if self.switches.is_empty() { b"" } else { b" " };
        [name, gap, &self.switches, b"\n"].concat()
    }
}

/// The lines, the last one with its newline too.
pub(super) fn ended(lines: &[u8]) -> Vec<u8> {
    let missing: &[u8] = if lines.last().is_none_or(|last| *last == b'\n') { b"" } else { b"\n" };
    [lines, missing].concat()
}

/// The length of the lines at the start that are blank or a comment, for sh and for the script's own language alike.
pub(super) fn leading_comments(body: &[u8]) -> usize {
    let is_comment = |line: &&[u8]| {
        let first = line.iter().find(|byte| !b" \t\n".contains(byte));
        matches!(first, None | Some(b'#'))
    };
    body.split_inclusive(|byte| *byte == b'\n').take_while(is_comment).map(<[u8]>::len).sum()
}
