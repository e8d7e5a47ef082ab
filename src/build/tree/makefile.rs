//! Makefiles read as text, not evaluated: lines, assignments, includes, and which variables are read. Pure.

use std::borrow::Cow;

/// The lines with continuations joined and comments left out.
pub(super) fn logical_lines(text: &str) -> Vec<Cow<'_, str>> {
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let (body, more) = match line.strip_suffix('\\') {
            Some(body) => (body, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| goes_on) {
            Some(last) => *last = Cow::Owned(format!("{last} {}", body.trim())),
            None => lines.push(Cow::Borrowed(body)),
        }
        goes_on = more;
    }
    for line in &mut lines {
        if let Some(end) = comment(line) {
            *line = Cow::Owned(line[..end].to_owned());
        }
    }
    lines
}

/// Where a comment begins: a `#` that no backslash or `[` stands before (`[#]` is a modifier of bmake's).
fn comment(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    bytes.iter().enumerate().find_map(|(at, byte)| {
        let before = at.checked_sub(1).map(|before| bytes[before]);
        (*byte == b'#' && !matches!(before, Some(b'\\' | b'['))).then_some(at)
    })
}

/// The name and value where a line is an assignment by `=`, `+=`, `?=` or `:=`. A shell's output (`!=`) is no plain value.
pub(super) fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value, _) = assignment_with_sign(line)?;
    Some((name, value))
}

/// The same, and the sign without its `=`.
pub(super) fn assignment_with_sign(line: &str) -> Option<(&str, &str, &str)> {
    // A tab begins a command; blanks before a name are allowed.
    if line.starts_with('\t') {
        return None;
    }
    let (left, value) = line.split_once('=')?;
    let (name, sign) = match left.strip_suffix(['+', '?', ':', '!']) {
        Some(name) => (name, &left[name.len()..]),
        None => (left, ""),
    };
    let name = name.trim();
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains([' ', '\t', '(', '"']);
    (plain && sign != "!").then_some((name, value.trim(), sign))
}

/// The files that a makefile includes by a plain relative name, as paths in the tree. `file` is its own.
pub(super) fn includes(text: &str, file: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix('.')?.trim_start();
        let rest = rest.strip_prefix(['s', '-']).unwrap_or(rest).strip_prefix("include")?.trim();
        let name = rest.strip_prefix('"')?.split('"').next()?;
        beside(name.strip_prefix("${.CURDIR}/").unwrap_or(name), file)
    });
    lines.collect()
}

fn beside(name: &str, file: &str) -> Option<String> {
    if name.contains('$') || name.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in name.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." { parts.pop().map(drop)? } else { parts.push(part) }
    }
    Some(parts.join("/"))
}

/// Calls `take` with every variable that a makefile's text reads, and whether only the name's beginning is known (as in
/// `${SITES.${file}}`, which gives `SITES.`). Names that a comment documents as settings count (`#FOO=`), and so does a name
/// that another variable's value is (`PKG_OPTIONS_VAR= PKG_OPTIONS.nginx`).
pub(super) fn variables_read<'a>(text: &'a str, take: &mut dyn FnMut(&'a str, bool)) {
    for (at, _) in text.match_indices('$') {
        let rest = &text[at + 1..];
        if let Some(rest) = rest.strip_prefix(['{', '(']) {
            reference(rest, take);
        }
    }
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(directive) = bare.strip_prefix('.') {
            let directive = directive.trim_start();
            if directive.starts_with("if") || directive.starts_with("elif") {
                condition(directive, take);
            }
            continue;
        }
        if let Some((name, value, sign)) = assignment_with_sign(bare.strip_prefix('#').unwrap_or(bare).trim_start()) {
            let documented = bare.starts_with('#') && is_name(name);
            if sign == "?" || documented {
                let end = name.find('$').unwrap_or(name.len());
                take(&name[..end], end < name.len());
            }
            if name.ends_with("_VAR") && is_name(value) {
                take(value, false);
            }
        }
    }
}

fn reference<'a>(rest: &'a str, take: &mut dyn FnMut(&'a str, bool)) {
    let end = rest.find(|c: char| !is_letter(c)).unwrap_or(rest.len());
    if end > 0 {
        take(&rest[..end], rest[end..].starts_with('$'));
    }
}

/// `defined(NAME)`, `empty(NAME:Mx)`, `.ifdef NAME`, `.ifndef NAME`.
fn condition<'a>(text: &'a str, take: &mut dyn FnMut(&'a str, bool)) {
    for call in ["defined(", "empty("] {
        text.match_indices(call).for_each(|(at, _)| reference(text[at + call.len()..].trim_start(), take));
    }
    for word in ["ifdef", "ifndef", "elifdef", "elifndef"] {
        if let Some(rest) = text.strip_prefix(word) {
            rest.split(|c: char| !is_letter(c) && c != '$').filter(|name| !name.is_empty()).for_each(|name| {
                reference(name, take);
            });
        }
    }
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+')
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, bool)> {
        let mut names = Vec::new();
        variables_read(text, &mut |name, open| names.push((name.to_owned(), open)));
        names.sort();
        names
    }

    #[test]
    fn continued_lines_are_one_and_comments_are_none() {
        let lines = logical_lines("A=\tx \\\n\t\ty # z\nB= ${C:[#]} \\# d\n");
        assert_eq!(lines, ["A=\tx  y ", "B= ${C:[#]} \\# d"]);
        assert_eq!(assignment(&lines[0]), Some(("A", "x  y")));
    }

    #[test]
    fn signs_of_assignments_are_told_apart() {
        assert_eq!(assignment_with_sign("A?= b"), Some(("A", "b", "?")));
        assert_eq!(assignment_with_sign("A.x+=b=c"), Some(("A.x", "b=c", "+")));
        assert_eq!(assignment("A!= date"), None);
        assert_eq!(assignment("\tA=b command"), None);
        assert_eq!(assignment(".if ${A} == \"b\""), None);
    }

    #[test]
    fn a_variable_counts_as_read_however_it_is_read() {
        let text =
            "X= ${A:Mx} $(B) ${C.${n}}\n.if defined(D) && !empty(E:M*)\n.ifdef F\nG?= 1\n#H= 2\nI_VAR= J.k\nL= 1\n";
        let names = read(text);
        let wanted = ["A", "B", "C.", "D", "E", "F", "G", "H", "J.k", "n"];
        assert_eq!(names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), wanted);
        assert!(names.iter().all(|(name, open)| *open == (name == "C.")));
    }

    #[test]
    fn includes_lead_to_paths_of_the_tree_and_never_out_of_it() {
        let text = ".include \"options.mk\"\n.  include \"../../www/a/Makefile.common\"\n.sinclude \"${.CURDIR}/x.mk\"\n\
                    .include <bsd.own.mk>\n.include \"../../../../etc/passwd\"\n.include \"${A}/b\"\n";
        assert_eq!(includes(text, "www/b/Makefile"), ["www/b/options.mk", "www/a/Makefile.common", "www/b/x.mk"]);
    }
}
