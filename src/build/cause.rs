//! The first cause in the log of a failed phase, and the lines worth showing after it.
//!
//! Pure. Takes a log's bytes, gives the first line that says what went wrong, not the many that follow from it; none
//! where no line is known to say so. Texts of pkgsrc, bmake, compilers and linkers, found in logs of several years.

use std::borrow::Cow;

/// How many lines of a log a person is shown.
pub const TAIL: usize = 20;
/// The longest line shown, in bytes; a linker's command line can be a hundred thousand.
const LONGEST: usize = 1000;

/// A kind of cause, in the order of their weight: the fetch that failed counts, not the missing checksum behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A source archive could not be had.
    Fetch,
    /// A source archive is not the one the tree means, or the tree knows no sum of it.
    Checksum,
    /// A patch does not apply.
    Patch,
    /// The package refuses to be built.
    Refused,
    /// A dependency is not installed.
    Dependency,
    /// The makefile itself does not parse.
    Makefile,
    /// A compiler refused a source.
    Compile,
    /// A linker found no definition.
    Link,
    /// The files installed are not those of the PLIST.
    Plist,
    /// A library of the host got in.
    Leak,
    /// A line that says `error` where no better one was found.
    Other,
    /// The last thing said before make gave up, where nothing says why.
    Last,
}

/// What went wrong first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What kind of failure.
    pub kind: Kind,
    /// The line, without trailing white space; for lists the line after the heading is joined to it.
    pub line: String,
}

/// Finds the first cause: of the weightiest kind that is there, the first line; else the line before make first gave up.
pub fn first(log: &[u8]) -> Option<Cause> {
    let lines: Vec<&[u8]> = lines(log).collect();
    let mut best: Option<(Kind, usize)> = None;
    for (at, line) in lines.iter().enumerate() {
        let Some(kind) = kind(line) else { continue };
        if best.is_none_or(|(known, _)| kind < known) {
            best = Some((kind, at));
        }
    }
    let Some((kind, at)) = best else { return last(&lines) };
    let mut line = shown(lines[at]).into_owned();
    // A heading names nothing; what it is the heading of does.
    if matches!(kind, Kind::Refused | Kind::Plist | Kind::Leak)
        && line.ends_with(':')
        && let Some(next) = lines.get(at + 1)
    {
        line = format!("{line} {}", shown(next.trim_ascii_start()).trim_start_matches("ERROR: ").trim());
    }
    Some(Cause { kind, line })
}

/// A command that fails without a word: make has shown it right before it gives up.
fn last(lines: &[&[u8]]) -> Option<Cause> {
    let end = lines.iter().position(|line| has(line, "*** Error code") || has(line, "*** Signal"))?;
    let line = lines[..end].iter().rev().find(|line| !line.is_empty() && !is_giving_up(line))?;
    Some(Cause { kind: Kind::Last, line: shown(line).into_owned() })
}

/// The last lines that say something: without blank ones, and without make's own talk about giving up.
pub fn tail(log: &[u8]) -> Vec<String> {
    let mut last: Vec<String> = log
        .split(|byte| *byte == b'\n')
        .rev()
        .map(<[u8]>::trim_ascii_end)
        .filter(|line| !line.is_empty() && !is_giving_up(line))
        .take(TAIL)
        .map(|line| shown(line).into_owned())
        .collect();
    last.reverse();
    last
}

fn lines(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    log.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end)
}

/// Text for a person: control characters and what is not UTF-8 escaped, cut where it is very long.
fn shown(line: &[u8]) -> Cow<'_, str> {
    let cut = line.get(..LONGEST).unwrap_or(line);
    let tabs: Vec<u8> = cut.iter().map(|byte| if *byte == b'\t' { b' ' } else { *byte }).collect();
    Cow::Owned(crate::base::path::printable(&tabs).into_owned())
}

/// make's lines after a failure, which say nothing of it.
fn is_giving_up(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    has(text, "*** Error code") || text == b"Stop." || has(text, ": stopped in ") || has(text, "stopped making")
}

fn kind(line: &[u8]) -> Option<Kind> {
    let text = line.strip_prefix(b"ERROR: ").unwrap_or(line);
    let known = [
        (Kind::Fetch, "fetch: Unable to fetch expected file"),
        (Kind::Fetch, "Unable to fetch expected file"),
        (Kind::Checksum, "checksum: No checksum recorded for"),
        (Kind::Checksum, "distinfo file missing"),
        (Kind::Patch, "Patching failed due to"),
        (Kind::Refused, "This package has set PKG_FAIL_REASON"),
        (Kind::Refused, "This package has set PKG_SKIP_REASON"),
        (Kind::Link, "undefined reference to"),
        (Kind::Link, "cannot find -l"),
        (Kind::Plist, "The following files are in the PLIST but not in"),
        (Kind::Plist, "but not in the PLIST:"),
        (Kind::Leak, "Missing library: "),
        (Kind::Leak, ": missing library: "),
    ];
    known
        .iter()
        .find(|(_, words)| has(text, words))
        .map(|(kind, _)| *kind)
        .or_else(|| is_mismatch(text).then_some(Kind::Checksum))
        .or_else(|| is_dependency(text).then_some(Kind::Dependency))
        .or_else(|| is_makefile(text).then_some(Kind::Makefile))
        .or_else(|| is_leak(text).then_some(Kind::Leak))
        .or_else(|| is_compile(text).then_some(Kind::Compile))
        .or_else(|| is_other(line).then_some(Kind::Other))
}

/// `checksum: Checksum SHA1 mismatch for FILE`.
fn is_mismatch(line: &[u8]) -> bool {
    split(line, "Checksum ").is_some_and(|(_, rest)| has(rest, "mismatch for "))
}

/// `bmake: "FILE" line N: ...`, and `don't know how to make X`. Its warnings stop nothing, and real trees are full of them.
fn is_makefile(line: &[u8]) -> bool {
    let Some((_, rest)) = split(line, "make: ") else { return false };
    let in_file = || rest.strip_prefix(b"\"").and_then(|rest| split(rest, "\" line ")).map(|(_, rest)| rest);
    rest.starts_with(b"don't know how to make")
        || in_file().is_some_and(|rest| starts_with_digit(rest) && !has(rest, ": warning: "))
}

/// `Bootstrap dependency PATTERN: NOT found`, and what follows from our target for dependencies.
fn is_dependency(line: &[u8]) -> bool {
    (has(line, "dependency ") && line.ends_with(b": NOT found"))
        || has(line, "should be installed, but one cannot be found")
}

fn is_leak(line: &[u8]) -> bool {
    has(line, "should not link against")
        || has(line, "links against the host")
        || has(line, "leaks a library of the host")
}

/// `FILE:LINE:COLUMN: error: ...` and `FILE:LINE: error: ...`.
fn is_compile(line: &[u8]) -> bool {
    ["error: ", "fatal error: "].iter().any(|words| {
        split(line, &format!(": {words}")).is_some_and(|(before, _)| {
            let mut parts = before.rsplit(|byte| *byte == b':');
            parts.next().is_some_and(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
        })
    })
}

fn is_other(line: &[u8]) -> bool {
    line.starts_with(b"ERROR: ") || has(line, "configure: error: ") || has(line, ": error: ")
}

fn starts_with_digit(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(u8::is_ascii_digit)
}

fn has(line: &[u8], words: &str) -> bool {
    memchr::memmem::find(line, words.as_bytes()).is_some()
}

fn split<'a>(line: &'a [u8], words: &str) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::find(line, words.as_bytes())?;
    Some((&line[..at], &line[at + words.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_line_that_tells_is_found() {
        let rows = [
            (Kind::Fetch, "fetch: Unable to fetch expected file greet-1.0.tar.gz"),
            (Kind::Checksum, "checksum: No checksum recorded for greet-1.0.tar.gz."),
            (Kind::Patch, "ERROR: Patching failed due to modified or broken patch file(s):"),
            (Kind::Makefile, "bmake: \"/tree/devel/x/Makefile\" line 3: Missing dependency operator"),
            (Kind::Dependency, "=> Bootstrap dependency digest>=20010302: NOT found"),
            (Kind::Checksum, "checksum: Checksum SHA1 mismatch for greet-1.0.tar.gz"),
            (Kind::Compile, "src/main.c:10:5: error: expected ';' before '}' token"),
            (Kind::Compile, "main.c:1: fatal error: no.h: No such file or directory"),
            (Kind::Link, "main.c:(.text+0x5): undefined reference to `greet'"),
            (Kind::Other, "configure: error: no acceptable C compiler found"),
        ];
        for (kind, line) in rows {
            let log = format!("===> Doing\nchecking for x... yes\n{line}\n*** Error code 1\n\nStop.\n");
            assert_eq!(first(log.as_bytes()), Some(Cause { kind, line: line.to_owned() }), "{line}");
        }
    }

    #[test]
    fn the_missing_checksum_behind_a_failed_fetch_does_not_count() {
        let log = b"checksum: No checksum recorded for a.\nfetch: Unable to fetch expected file a\n";
        assert_eq!(first(log).unwrap().kind, Kind::Fetch);
    }

    #[test]
    fn a_warning_of_make_is_no_cause() {
        let warning = "bmake: \"../../security/openssl/builtin.mk\" line 56: warning: Couldn't read shell's output\n";
        assert_eq!(first(warning.as_bytes()), None);
        let nobody = "bmake: don't know how to make /nonexistent. Stop\n";
        let log = format!("{warning}=> Tool dependency digest>=1: NOT found\n{nobody}");
        assert_eq!(first(log.as_bytes()).unwrap().line, "=> Tool dependency digest>=1: NOT found");
        assert_eq!(first(nobody.as_bytes()).unwrap().kind, Kind::Makefile);
    }

    #[test]
    fn a_heading_takes_its_first_line_along() {
        let log = b"ERROR: This package has set PKG_FAIL_REASON:\nERROR: needs a printer\n*** Error code 1\n";
        let line = "ERROR: This package has set PKG_FAIL_REASON: needs a printer";
        assert_eq!(first(log).unwrap().line, line);
    }

    #[test]
    fn talk_of_giving_up_is_left_out_of_the_tail() {
        let log = b"one\ntwo\n\n*** Error code 1\n\nStop.\nbmake[1]: stopped in /tree/a/b\n*** Error code 1\n";
        assert_eq!(tail(log), ["one", "two"]);
        assert_eq!(tail("x\n".repeat(50).as_bytes()).len(), TAIL);
    }

    #[test]
    fn a_command_that_fails_without_a_word_is_the_cause() {
        let log = b"cc -c main.c\n./siglist.sh <in >out\n*** Error code 1\n\nStop.\nbmake: stopped in /t\n";
        assert_eq!(first(log), Some(Cause { kind: Kind::Last, line: "./siglist.sh <in >out".to_owned() }));
    }

    #[test]
    fn a_quiet_log_has_no_cause() {
        assert_eq!(first(b"all is well\n"), None);
        assert_eq!(first(b""), None);
        assert!(tail(b"\n\n").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = first(&bytes);
            prop_assert!(tail(&bytes).len() <= TAIL);
        }

        #[test]
        fn pieces_of_known_lines_are_read_without_a_panic(parts in prop::collection::vec(prop::sample::select(vec![
            "bmake: ", "\"", "\" line ", ": error: ", "1", ":", "ERROR: ", "\n", "PLIST", " but not in the PLIST:", "é",
        ]), 0..30)) {
            let _ = first(parts.concat().as_bytes());
        }
    }
}
