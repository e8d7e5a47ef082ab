//! Which licences of a package are not accepted, as far as makefiles say it in plain text. What a condition decides, what is
//! computed, or what another file may change is not judged: make will say, as soon as there is one.

use super::Tree;
use super::makefile::{assignment_with_sign, includes, logical_lines};
use super::options::is_of_a_package;
use std::collections::BTreeSet;
use std::fs;
use walkdir::WalkDir;

/// The most makefiles that are read for one package.
const MOST_FILES: usize = 32;
/// The variables that accept licences; the second is an older spelling.
pub const ACCEPTING: [&str; 3] = ["ACCEPTABLE_LICENSES", "ACCEPTABLE_LICENCES", DEFAULT];
const DEFAULT: &str = "DEFAULT_ACCEPTABLE_LICENSES";

impl Tree {
    /// The licences of a package that would have to be accepted, sorted; `accepted` are those that are besides the tree's own.
    /// None where there are none and where the text does not tell.
    pub fn licences_to_accept(&self, pkgpath: &str, accepted: &BTreeSet<String>) -> BTreeSet<String> {
        let Some(condition) = self.licence_written(pkgpath) else { return BTreeSet::new() };
        let to_accept = |accepted: &BTreeSet<String>| lacking(&condition, accepted).unwrap_or_default();
        let Some(listed) = self.accepted_in("license.mk") else { return BTreeSet::new() };
        let known: BTreeSet<String> = accepted.union(&listed).cloned().collect();
        if to_accept(&known).is_empty() {
            return BTreeSet::new();
        }
        // Seldom: whether another part of the tree accepts it is looked for in all of mk.
        let files = WalkDir::new(self.path.join("mk")).into_iter().filter_map(Result::ok);
        let names = files.filter_map(|file| file.path().strip_prefix(self.path.join("mk")).ok().map(ToOwned::to_owned));
        let all = names.filter_map(|name| self.accepted_in(name.to_str()?)).flatten();
        to_accept(&known.into_iter().chain(all).collect())
    }

    /// What a package says of its licence, where one plain line does.
    fn licence_written(&self, pkgpath: &str) -> Option<String> {
        let mut found = None;
        let mut ahead = vec![format!("{pkgpath}/Makefile")];
        let mut seen = BTreeSet::new();
        while let Some(file) = ahead.pop() {
            if !seen.insert(file.clone()) {
                continue;
            }
            if seen.len() > MOST_FILES {
                return None;
            }
            // A file that is not there is one that a condition leaves out.
            let Ok(bytes) = fs::read(self.path.join(&file)) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            let mut depth = 0usize;
            for line in logical_lines(&text) {
                let directive = line.trim_start().strip_prefix('.').map(str::trim_start);
                match directive {
                    Some(word) if word.starts_with("if") || word.starts_with("for") => depth += 1,
                    Some(word) if word.starts_with("end") => depth = depth.saturating_sub(1),
                    Some(word) if word.starts_with("undef") && word.contains("LICENSE") => return None,
                    _ => {}
                }
                let Some((_, value, sign)) = assignment_with_sign(&line).filter(|(name, ..)| *name == "LICENSE") else {
                    continue;
                };
                let is_plain = depth == 0 && sign.is_empty() && !value.contains('$');
                if !is_plain || found.replace(value.to_owned()).is_some() {
                    return None;
                }
            }
            let named = includes(&text, &file);
            if !is_of_a_package(&file) {
                continue;
            }
            if named.len() != text.lines().filter(|line| is_include(line)).count() {
                return None;
            }
            ahead.extend(named);
        }
        found
    }

    /// What a file of `mk` accepts; none where it accepts nothing, or not in plain words.
    fn accepted_in(&self, name: &str) -> Option<BTreeSet<String>> {
        let bytes = fs::read(self.path.join("mk").join(name)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let mut words = BTreeSet::new();
        for line in logical_lines(&text) {
            if let Some((_, value, _)) = assignment_with_sign(&line).filter(|(name, ..)| ACCEPTING.contains(name)) {
                words.extend(value.split_whitespace().map(str::to_owned));
            }
        }
        (!words.is_empty()).then_some(words)
    }
}

fn is_include(line: &str) -> bool {
    let directive = line.trim_start().strip_prefix('.').map(str::trim_start).unwrap_or_default();
    ["include", "sinclude", "-include", "dinclude"].iter().any(|word| directive.starts_with(word))
}

/// What has to be accepted for a condition of words with AND or OR between them; none where it is of another form. Of several
/// with OR, the first is as good as any.
fn lacking(condition: &str, accepted: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let words: Vec<&str> = condition.split_whitespace().collect();
    let (names, between): (Vec<_>, Vec<_>) = words.iter().enumerate().partition(|(at, _)| at % 2 == 0);
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte));
    let names: Vec<&str> = names.into_iter().map(|(_, name)| *name).collect();
    if names.is_empty() || names.len() != between.len() + 1 || !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let wrong = names.iter().filter(|name| !accepted.contains(**name)).map(|name| (*name).to_owned());
    match between.first() {
        _ if between.iter().all(|(_, word)| **word == "AND") => Some(wrong.collect()),
        Some(_) if between.iter().all(|(_, word)| **word == "OR") => {
            let wrong: Vec<String> = wrong.collect();
            Some(if wrong.len() < names.len() { BTreeSet::new() } else { wrong.into_iter().take(1).collect() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn one_of_several_is_enough_and_what_is_not_plain_is_not_judged() {
        let accepted = set(&["mit", "isc"]);
        let rows: [(&str, Option<&[&str]>); 9] = [
            ("mit", Some(&[])),
            ("strict", Some(&["strict"])),
            ("mit OR strict", Some(&[])),
            ("strict OR other", Some(&["strict"])),
            ("mit AND strict AND other", Some(&["other", "strict"])),
            ("mit AND strict OR isc", None),
            ("(mit AND strict) OR isc", None),
            ("mit strict", None),
            ("", None),
        ];
        for (condition, wanted) in rows {
            assert_eq!(lacking(condition, &accepted), wanted.map(set), "{condition}");
        }
    }

    #[test]
    fn only_one_plain_line_that_nothing_may_change_is_believed() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            fs::write(dir.path().join(name), text).unwrap();
        };
        write("bootstrap/bootstrap", "");
        write("mk/license.mk", "DEFAULT_ACCEPTABLE_LICENSES= mit \\\n\tisc # more\n");
        write("mk/odd.mk", "LICENSE= odd\n");
        write("mk/bsd.pkg.mk", ".include \"${X}/y.mk\"\n");
        write("x/b/Makefile.common", "CATEGORIES= x\n");
        write("x/b/options.mk", ".if 1\nLICENSE= other\n.endif\n");
        let tree = Tree { path: dir.path().to_owned(), digest: crate::base::digest::Digest::of(b"") };
        let rows: [(&str, &[&str]); 11] = [
            ("LICENSE= strict\n.include \"../../mk/bsd.pkg.mk\"\n", &["strict"]),
            ("LICENSE= strict\n.include \"../../x/b/Makefile.common\"\n", &["strict"]),
            ("LICENSE= mit\n", &[]),
            ("#LICENSE= strict\n", &[]),
            ("LICENSE?= strict\n", &[]),
            ("LICENSE= ${L}\n", &[]),
            (".if 1\nLICENSE= strict\n.endif\n", &[]),
            ("LICENSE= strict\n.include \"../../x/b/options.mk\"\n", &[]),
            ("LICENSE= strict\n.include \"../../mk/odd.mk\"\n", &[]),
            ("LICENSE= strict\n.include \"${D}/Makefile.common\"\n", &[]),
            ("LICENSE= strict\n.undef LICENSE\n", &[]),
        ];
        for (makefile, wanted) in rows {
            write("x/a/Makefile", makefile);
            assert_eq!(tree.licences_to_accept("x/a", &set(&[])), set(wanted), "{makefile}");
        }
        write("x/a/Makefile", rows[0].0);
        assert_eq!(tree.licences_to_accept("x/a", &set(&["strict"])), set(&[]));
        write("mk/defaults/mk.conf", "ACCEPTABLE_LICENSES+= strict\n");
        assert_eq!(tree.licences_to_accept("x/a", &set(&[])), set(&[]));
    }
}
