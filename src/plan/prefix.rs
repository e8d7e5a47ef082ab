//! Which prefix to take as the old one, or to ask.

use crate::base::path::{Prefix, printable};
use crate::scan::Candidate;
use serde::Serialize;
use std::fmt::Write as _;

/// What speaks for a prefix other than the tree's files.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// `--old-prefix`, in order.
    pub given: Vec<Prefix>,
    /// LOCALBASE of the tree's `etc/mk.conf`.
    pub localbase: Option<Prefix>,
    /// Candidates that lead to ROOT itself on this machine, whichever way they are spelled.
    pub same_as_root: Vec<Prefix>,
}

/// The old prefixes and why they are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PrefixChoice {
    /// The old prefixes, the main one first; empty where nothing in the tree names one.
    pub prefixes: Vec<Prefix>,
    /// Why: a short phrase for the report.
    pub because: String,
}

/// Several prefixes are as plausible as each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguous {
    /// The plausible ones, most voices first.
    pub candidates: Vec<Candidate>,
}

impl std::fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("several prefixes are plausible:")?;
        for candidate in &self.candidates {
            let Candidate { prefix, run_paths, shebangs, symlinks } = candidate;
            write!(f, "\n  {prefix}  ({run_paths} run-time paths, {shebangs} shebangs, {symlinks} symlinks)")?;
        }
        Ok(())
    }
}

impl std::error::Error for Ambiguous {}

/// A candidate with a tenth of the leader's voices or more is plausible beside it.
const PLAUSIBLE: usize = 10;

/// Chooses the old prefixes.
///
/// What the user gives decides. Then LOCALBASE, which bootstrap wrote. Then the tree's voices; a prefix that only
/// shebangs name does not compete where run-time paths or symlinks name another, because a script of the tree may well
/// mean the host's `/usr/bin/perl`.
pub fn choose(hints: &Hints, candidates: &[Candidate]) -> Result<PrefixChoice, Ambiguous> {
    if !hints.given.is_empty() {
        return Ok(PrefixChoice { prefixes: hints.given.clone(), because: "given with --old-prefix".to_owned() });
    }
    if let Some(localbase) = &hints.localbase {
        let prefixes = with_other_spellings(localbase.clone(), hints, candidates);
        return Ok(PrefixChoice { prefixes, because: "LOCALBASE in etc/mk.conf".to_owned() });
    }
    let strong = |candidate: &&Candidate| candidate.run_paths + candidate.symlinks > 0;
    let mut plausible: Vec<_> = candidates.iter().filter(strong).cloned().collect();
    if plausible.is_empty() {
        plausible = candidates.iter().filter(|candidate| !is_host(&candidate.prefix)).cloned().collect();
    }
    let Some(leader) = plausible.first().cloned() else {
        return Ok(PrefixChoice { prefixes: Vec::new(), because: "nothing in the tree names one".to_owned() });
    };
    let same = |candidate: &Candidate| {
        candidate.prefix == leader.prefix
            || (hints.same_as_root.contains(&candidate.prefix) && hints.same_as_root.contains(&leader.prefix))
    };
    // What lies below the leader and has fewer voices is a directory of the tree that has a namesake at its top.
    let within = |candidate: &Candidate| {
        leader.prefix.strip(candidate.prefix.as_bytes()).is_some() && candidate.voices() < leader.voices()
    };
    plausible.retain(|candidate| {
        same(candidate) || (!within(candidate) && candidate.voices() * PLAUSIBLE >= leader.voices())
    });
    if plausible.iter().all(same) {
        let because = because(&leader);
        return Ok(PrefixChoice { prefixes: with_other_spellings(leader.prefix, hints, candidates), because });
    }
    Err(Ambiguous { candidates: plausible })
}

/// The chosen prefix, and the candidates that lead to ROOT by another spelling if it does too.
fn with_other_spellings(chosen: Prefix, hints: &Hints, candidates: &[Candidate]) -> Vec<Prefix> {
    let mut prefixes = vec![chosen];
    if hints.same_as_root.contains(&prefixes[0]) {
        let others = candidates.iter().map(|candidate| &candidate.prefix);
        prefixes.extend(
            others
                .filter(|other| hints.same_as_root.contains(other) && **other != prefixes[0])
                .cloned()
                .collect::<Vec<_>>(),
        );
    }
    prefixes
}

/// Directories of the host that scripts name rightly.
fn is_host(prefix: &Prefix) -> bool {
    [&b"/usr"[..], b"/usr/local", b"/bin"].contains(&prefix.as_bytes())
}

fn because(leader: &Candidate) -> String {
    let mut said = Vec::new();
    let counts = [(leader.run_paths, "run-time path"), (leader.shebangs, "shebang"), (leader.symlinks, "symlink")];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let mut phrase = format!("{count} {what}");
        if count > 1 {
            let _ = write!(phrase, "s");
        }
        said.push(phrase);
    }
    format!("named by {}", said.join(", "))
}

/// For messages: a list of prefixes.
impl PrefixChoice {
    /// The prefixes as one line.
    pub fn line(&self) -> String {
        let shown: Vec<_> = self.prefixes.iter().map(|prefix| printable(prefix.as_bytes())).collect();
        if shown.is_empty() {
            format!("none ({})", self.because)
        } else {
            format!("{} ({})", shown.join(", "), self.because)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(path: &str, run_paths: usize, shebangs: usize) -> Candidate {
        Candidate { prefix: Prefix::new(path.as_bytes()).unwrap(), run_paths, shebangs, symlinks: 0 }
    }

    fn paths(choice: &PrefixChoice) -> Vec<&[u8]> {
        choice.prefixes.iter().map(Prefix::as_bytes).collect()
    }

    #[test]
    fn two_plausible_prefixes_are_listed_with_counts() {
        let error = choose(&Hints::default(), &[candidate("/a", 5, 1), candidate("/b", 3, 0)]).unwrap_err();
        assert!(error.to_string().contains("/b  (3 run-time paths, 0 shebangs, 0 symlinks)"));
    }

    #[test]
    fn the_hosts_perl_is_no_rival() {
        let choice = choose(&Hints::default(), &[candidate("/usr", 0, 40), candidate("/p/root", 3, 0)]).unwrap();
        assert_eq!(paths(&choice), [b"/p/root"]);
        let none = choose(&Hints::default(), &[candidate("/usr", 0, 40)]).unwrap();
        assert!(none.prefixes.is_empty());
    }

    #[test]
    fn a_few_stray_paths_do_not_make_a_rival() {
        let choice = choose(&Hints::default(), &[candidate("/p/root", 50, 0), candidate("/build", 2, 0)]).unwrap();
        assert_eq!(paths(&choice), [b"/p/root"]);
    }

    #[test]
    fn a_directory_of_the_tree_with_a_namesake_at_its_top_is_no_rival() {
        let choice = choose(&Hints::default(), &[candidate("/p/root", 3, 0), candidate("/p/root/opt", 1, 0)]).unwrap();
        assert_eq!(paths(&choice), [b"/p/root"]);
        assert!(choose(&Hints::default(), &[candidate("/p/root", 1, 0), candidate("/p/root/opt", 1, 0)]).is_err());
        assert!(choose(&Hints::default(), &[candidate("/p/root/opt", 3, 0), candidate("/p/root", 1, 0)]).is_err());
    }

    #[test]
    fn both_spellings_of_a_symlinked_prefix_are_taken() {
        let same = [b"/home/x", b"/data/x"].map(|path| Prefix::new(path).unwrap()).to_vec();
        let hints = Hints { same_as_root: same, ..Hints::default() };
        let choice = choose(&hints, &[candidate("/home/x", 5, 0), candidate("/data/x", 3, 0)]).unwrap();
        assert_eq!(paths(&choice), [b"/home/x", b"/data/x"]);
    }

    #[test]
    fn localbase_and_the_user_decide() {
        let localbase = Prefix::new(b"/home/ourapp/root");
        let hints = Hints { localbase, ..Hints::default() };
        let candidates = [candidate("/a", 5, 1), candidate("/b", 3, 0)];
        assert_eq!(paths(&choose(&hints, &candidates).unwrap()), [b"/home/ourapp/root"]);
        let given = vec![Prefix::new(b"/b").unwrap()];
        assert_eq!(paths(&choose(&Hints { given, ..hints }, &candidates).unwrap()), [b"/b"]);
    }
}
