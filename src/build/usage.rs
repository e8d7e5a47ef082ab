//! Which options this tree's bootstrap knows, read off its usage text; pure, and no table of eras.
//!
//! Takes the text that `bootstrap --help` prints and what is wanted; gives the arguments for this tree, and for each wish
//! it has no option for what takes its place. Refuses an argument that the tree does not know, because an old bootstrap
//! answers one with its usage text and nothing else.

use crate::base::near::nearest;
use std::collections::BTreeMap;
use std::fmt;

/// The options that a bootstrap knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// The names without `--`, and whether a value follows.
    options: BTreeMap<String, bool>,
}

/// What a bootstrap is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Where to install, an absolute path.
    pub prefix: &'a str,
    /// Where it works, an absolute path of nothing yet.
    pub workdir: &'a str,
    /// Whether the prefix belongs to whoever runs it.
    pub unprivileged: bool,
    /// `yes`, `no` or a list of packages; none leaves the tree's default.
    pub prefer_pkgsrc: Option<&'a str>,
    /// How many jobs `make` may run; none leaves the tree's default.
    pub jobs: Option<u32>,
    /// Further options, such as `--abi=64`, each in one piece.
    pub arguments: &'a [String],
}

/// The arguments for one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// What stands behind the program's name.
    pub list: Vec<String>,
    /// The wishes that this bootstrap has no option for.
    pub lost: Vec<Lost>,
}

/// A wish that this bootstrap has no option for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The option, without `--`.
    pub option: &'static str,
    /// The variable and value in mk.conf that take its place.
    pub instead: (&'static str, String),
    /// What that does not cover.
    pub but: &'static str,
}

/// Why there are no arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageError {
    /// The text names too few options to be the usage of a pkgsrc bootstrap.
    NotUsage {
        /// An option every era has.
        missing: &'static str,
        /// The first lines of what was printed instead.
        said: String,
    },
    /// The tree's bootstrap has no such option.
    Unknown {
        /// As it was given.
        argument: String,
        /// The nearest one it has.
        nearest: Option<String>,
    },
    /// It is an option that has its own field.
    Ours(String),
    /// The option needs a value, or takes none.
    Value {
        /// As it was given.
        argument: String,
        /// Whether one is needed.
        needed: bool,
    },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUsage { missing, said } => {
                write!(f, "the tree's bootstrap names no option --{missing} in its usage text; it printed: {said}")
            }
            Self::Unknown { argument, .. } => write!(f, "this tree's bootstrap has no option '{argument}'"),
            Self::Ours(argument) => write!(f, "bootstrap argument '{argument}' has a field of its own"),
            Self::Value { argument, needed: true } => write!(f, "bootstrap argument '{argument}' needs a value"),
            Self::Value { argument, needed: false } => write!(f, "bootstrap argument '{argument}' takes no value"),
        }
    }
}

impl std::error::Error for UsageError {}

impl UsageError {
    /// What to do about it, where we know.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotUsage { .. } => None,
            Self::Unknown { nearest: Some(nearest), .. } => Some(format!("the nearest it has is --{nearest}")),
            Self::Unknown { .. } => Some("leave it out, or take a tree of a later year".to_owned()),
            Self::Ours(_) => Some("set that field of the recipe instead".to_owned()),
            Self::Value { argument, needed: true } => Some(format!("write '{argument}=VALUE'")),
            Self::Value { argument, .. } => Some(format!("write '{}'", argument.split('=').next().unwrap_or_default())),
        }
    }
}

/// The options that [`Wanted`] has fields for.
const OURS: [&str; 6] = ["prefix", "workdir", "unprivileged", "ignore-user-check", "prefer-pkgsrc", "make-jobs"];

impl Usage {
    /// Reads the usage text: each word `--name` in brackets, and whether `<value>` or `[choices]` follows it.
    pub fn read(text: &str) -> Result<Self, UsageError> {
        // The first line has the program's path, which may hold anything.
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with('['));
        let mut options = BTreeMap::new();
        for line in lines {
            let inside = line.trim_start_matches('[').trim_end_matches(']');
            let mut last: Option<String> = None;
            for word in inside.split_whitespace() {
                if let Some(name) = word.strip_prefix("--") {
                    let name = name.split(['=', '[', '<']).next().unwrap_or_default().trim_end_matches([']', ',']);
                    let sane = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                    last = sane.then(|| name.to_owned());
                    if let Some(name) = &last {
                        options.entry(name.clone()).or_insert(word.len() > name.len() + 2 && word.contains(['=', '<']));
                    }
                } else if word == "|" {
                    last = None;
                } else if let Some(valued) = last.take().and_then(|name| options.get_mut(&name)) {
                    *valued = true;
                }
            }
        }
        let usage = Self { options };
        match ["prefix", "workdir"].into_iter().find(|option| !usage.knows(option)) {
            None => Ok(usage),
            Some(missing) => Err(UsageError::NotUsage { missing, said: first_lines(text) }),
        }
    }

    /// Whether it has the option; the name is without `--`.
    pub fn knows(&self, option: &str) -> bool {
        self.options.contains_key(option)
    }

    /// The names of all options, sorted, without `--`.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.options.keys().map(String::as_str)
    }

    /// The arguments for this bootstrap. All wrong ones are told at once.
    pub fn arguments(&self, wanted: &Wanted<'_>) -> Result<Arguments, Vec<UsageError>> {
        let wrong: Vec<_> = wanted.arguments.iter().filter_map(|argument| self.wrong(argument)).collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut list = vec![format!("--prefix={}", wanted.prefix), format!("--workdir={}", wanted.workdir)];
        let mut lost = Vec::new();
        if wanted.unprivileged {
            let older = if self.knows("unprivileged") { "unprivileged" } else { "ignore-user-check" };
            list.push(format!("--{older}"));
        }
        if let Some(value) = wanted.prefer_pkgsrc {
            if self.knows("prefer-pkgsrc") {
                list.push(format!("--prefer-pkgsrc={value}"));
            } else {
                lost.push(Lost {
                    option: "prefer-pkgsrc",
                    instead: ("PREFER_PKGSRC", value.to_owned()),
                    but: "what bootstrap itself installs is built against the host",
                });
            }
        }
        if let Some(jobs) = wanted.jobs {
            if self.knows("make-jobs") {
                list.push(format!("--make-jobs={jobs}"));
            } else {
                lost.push(Lost {
                    option: "make-jobs",
                    instead: ("MAKE_JOBS", jobs.to_string()),
                    but: "bootstrap itself compiles one file at a time",
                });
            }
        }
        list.extend(wanted.arguments.iter().cloned());
        Ok(Arguments { list, lost })
    }

    fn wrong(&self, argument: &str) -> Option<UsageError> {
        let name = argument.strip_prefix("--").unwrap_or(argument).split('=').next().unwrap_or_default();
        let given = argument.to_owned();
        if argument.starts_with("--") && OURS.contains(&name) {
            return Some(UsageError::Ours(given));
        }
        match self.options.get(name).filter(|_| argument.starts_with("--")) {
            None => {
                let nearest = nearest(name, self.options()).map(str::to_owned);
                Some(UsageError::Unknown { argument: given, nearest })
            }
            Some(valued) if *valued == argument.contains('=') => None,
            Some(valued) => Some(UsageError::Value { argument: given, needed: *valued }),
        }
    }
}

fn first_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    if lines.is_empty() { "nothing".to_owned() } else { format!("'{}'", lines.join(" / ").escape_debug()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "Usage: /a--dir/bootstrap \n    [ --abi [32|64] ]\n    [ --full ]\n    [ --help ]\n    [ --pkgdbdir \
                       <pkgdbdir> ]\n    [ --prefix <prefix> ]\n    [ --unprivileged | --ignore-user-check ]\n    [ --workdir \
                       <workdir> ]\n\n";

    fn wanted(arguments: &[String]) -> Wanted<'_> {
        let prefer_pkgsrc = Some("yes");
        Wanted { prefix: "/p", workdir: "/w", unprivileged: true, prefer_pkgsrc, jobs: Some(4), arguments }
    }

    #[test]
    fn options_and_their_values_are_read_off_the_text() {
        let usage = Usage::read(OLD).unwrap();
        let known: Vec<_> = usage.options().collect();
        assert_eq!(
            known,
            ["abi", "full", "help", "ignore-user-check", "pkgdbdir", "prefix", "unprivileged", "workdir"]
        );
        let valued: Vec<_> = usage.options.iter().filter(|(_, valued)| **valued).map(|(name, _)| name).collect();
        assert_eq!(valued, ["abi", "pkgdbdir", "prefix", "workdir"]);
    }

    #[test]
    fn wishes_an_old_tree_has_no_option_for_go_to_mk_conf() {
        let arguments = Usage::read(OLD).unwrap().arguments(&wanted(&[])).unwrap();
        assert_eq!(arguments.list, ["--prefix=/p", "--workdir=/w", "--unprivileged"]);
        let lost: Vec<_> = arguments.lost.iter().map(|lost| (lost.option, lost.instead.1.as_str())).collect();
        assert_eq!(lost, [("prefer-pkgsrc", "yes"), ("make-jobs", "4")]);
    }

    #[test]
    fn a_later_tree_gets_the_options_themselves() {
        let text = format!("{OLD}    [ --make-jobs <num> ]\n    [ --prefer-pkgsrc <list|yes|no> ]\n");
        let arguments = Usage::read(&text).unwrap().arguments(&wanted(&["--abi=64".to_owned()])).unwrap();
        assert_eq!(arguments.list[3..], ["--prefer-pkgsrc=yes", "--make-jobs=4", "--abi=64"]);
        assert!(arguments.lost.is_empty());
    }

    #[test]
    fn arguments_the_tree_does_not_know_are_told_all_at_once() {
        let given: Vec<_> =
            ["--cwrappers=yes", "--ful", "--abi", "--full=yes", "--prefix=/x", "junk"].map(str::to_owned).to_vec();
        let wrong = Usage::read(OLD).unwrap().arguments(&wanted(&given)).unwrap_err();
        let unknown = |argument: &str, nearest: Option<&str>| UsageError::Unknown {
            argument: argument.to_owned(),
            nearest: nearest.map(str::to_owned),
        };
        assert_eq!(wrong[0], unknown("--cwrappers=yes", None));
        assert_eq!(wrong[1], unknown("--ful", Some("full")));
        assert_eq!(wrong[2], UsageError::Value { argument: "--abi".to_owned(), needed: true });
        assert_eq!(wrong[3], UsageError::Value { argument: "--full=yes".to_owned(), needed: false });
        assert_eq!(wrong[4], UsageError::Ours("--prefix=/x".to_owned()));
        assert_eq!(wrong[5], unknown("junk", None));
    }

    #[test]
    fn another_text_is_no_usage() {
        let error = Usage::read("sh: bootstrap: not found\n").unwrap_err();
        assert!(error.to_string().contains("--prefix") && error.to_string().contains("not found"), "{error}");
        assert!(Usage::read("").unwrap_err().to_string().ends_with("nothing"));
    }
}
