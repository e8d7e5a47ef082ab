//! `[bootstrap]`, `[toolchain]` and `[mk]`: how everything is built.

use super::form;
use super::propose;
use super::read::{Item, Problems, Section, Wrong, join};
use crate::base::path::Prefix;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The compiler flags where a recipe has none: every x86-64 processor runs the result, whatever this one can do.
pub const CFLAGS: &str = "-O2 -march=x86-64";
/// The shell where a recipe names none; old trees do not work with dash.
pub const SHELL: &str = "/bin/bash";
/// The most jobs there can be.
const MOST_JOBS: u64 = 1024;

/// `[bootstrap]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    /// The directory everything is built for; where the recipe has none, the one proposed for its name.
    pub prefix: Prefix,
    /// Files belong to the user who builds, and no step needs root.
    pub unprivileged: bool,
    /// What is built rather than taken from the host: `yes`, `no`, or names parted by blanks.
    pub prefer_pkgsrc: String,
    /// The shell that runs the bootstrap and the packages' scripts; absolute.
    pub shell: PathBuf,
    /// How many compilers run at once; 0: as many as there are processors.
    pub jobs: u16,
    /// More arguments of the tree's bootstrap script, each one word.
    pub arguments: Vec<String>,
    /// More variables of the environment of bootstrap and packages.
    pub environment: BTreeMap<String, String>,
}

/// Whether linkers are told to record only the libraries that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mneeded {
    /// Where the compiler has `-mneeded`.
    #[default]
    Auto,
    /// Always.
    Yes,
    /// Never.
    No,
}

impl Mneeded {
    /// The word that a recipe has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}

/// `[toolchain]`. Flags are what the compiler is to see, before make's escapes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The C compiler; `None`: `cc`, else `gcc`, of the host.
    pub cc: Option<String>,
    /// The C++ compiler; `None`: the one that belongs to `cc`.
    pub cxx: Option<String>,
    /// C flags.
    pub cflags: String,
    /// C++ flags; where the recipe has none, those of C.
    pub cxxflags: String,
    /// Linker flags.
    pub ldflags: String,
    /// `-mneeded`.
    pub mneeded: Mneeded,
}

/// `[mk]`: variables of mk.conf. Values are what the makefiles are to see, before make's escapes: `$` and `#` mean themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mk {
    /// Given with `=`.
    pub set: BTreeMap<String, String>,
    /// Given with `+=`, after all of `set`.
    pub append: BTreeMap<String, String>,
}

/// Options of the bootstrap script that the recipe has keys for.
const OWN_ARGUMENTS: [(&str, &str); 7] = [
    ("--prefix", "prefix"),
    ("--unprivileged", "unprivileged"),
    ("--ignore-user-check", "unprivileged"),
    ("--prefer-pkgsrc", "prefer-pkgsrc"),
    ("--make-jobs", "jobs"),
    ("--workdir", ""),
    ("--binary-kit", ""),
];
/// Variables of mk.conf that the recipe has keys for, or that the build decides.
const OWN_VARIABLES: [(&str, &str); 18] = [
    ("LOCALBASE", "[bootstrap] prefix"),
    ("UNPRIVILEGED", "[bootstrap] unprivileged"),
    ("PREFER_PKGSRC", "[bootstrap] prefer-pkgsrc"),
    ("MAKE_JOBS", "[bootstrap] jobs"),
    ("CC", "[toolchain] cc"),
    ("CXX", "[toolchain] cxx"),
    ("CFLAGS", "[toolchain] cflags"),
    ("CXXFLAGS", "[toolchain] cxxflags"),
    ("LDFLAGS", "[toolchain] ldflags"),
    ("MASTER_SITE_OVERRIDE", "[fetch] mirrors"),
    ("MASTER_SITE_BACKUP", "[fetch] mirrors"),
    ("DISTDIR", "[fetch] distfiles"),
    ("PACKAGES", ""),
    ("WRKOBJDIR", ""),
    ("OBJHOSTNAME", ""),
    ("DEPENDS_TARGET", ""),
    ("BATCH", ""),
    ("PKG_DBDIR", ""),
];

pub(super) fn bootstrap(section: &mut Section<'_>, problems: &mut Problems<'_>, name: &str) -> Bootstrap {
    let prefix = section.text("prefix", problems, form::prefix);
    Bootstrap {
        prefix: prefix.unwrap_or_else(|| propose::prefix(name)),
        unprivileged: section.flag("unprivileged", problems).unwrap_or(true),
        prefer_pkgsrc: section
            .item("prefer-pkgsrc")
            .and_then(|item| preferred(&item, problems))
            .unwrap_or("yes".into()),
        shell: section.text("shell", problems, form::program).unwrap_or_else(|| PathBuf::from(SHELL)),
        jobs: section.number("jobs", 0..=MOST_JOBS, problems).unwrap_or(0),
        arguments: section.texts("arguments", problems, argument),
        environment: section.section("environment", problems, environment),
    }
}

/// `yes`, `no`, true, false, a list of names, or names parted by blanks.
fn preferred(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<String> {
    if let Some(flag) = item.flag() {
        return Some(yes_or_no(flag).to_owned());
    }
    let mut names: Vec<String> = Vec::new();
    for item in item.list() {
        let text = item.text(problems, form::filled)?;
        names.extend(text.split_whitespace().map(str::to_owned));
    }
    if names.is_empty() {
        item.wrong(Wrong::new("it is empty", "write \"yes\", \"no\" or names of packages"), problems);
        return None;
    }
    Some(names.join(" "))
}

fn yes_or_no(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

/// An argument of the bootstrap script that the recipe has no key for.
fn argument(text: &str) -> Result<String, Wrong> {
    let name = text.split('=').next().unwrap_or_default();
    match OWN_ARGUMENTS.iter().find(|(option, _)| *option == name) {
        Some((option, "")) => Err(Wrong::new(format!("{option} is decided by the build"), "leave it out")),
        Some((option, key)) => {
            Err(Wrong::new(format!("{option} is passed already"), format!("say it with '{key}' in [bootstrap]")))
        }
        None => form::filled(text),
    }
}

fn environment(section: &mut Section<'_>, problems: &mut Problems<'_>) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (item, name) in section.free() {
        let refused = match name {
            "PKG_PATH" => Some(Wrong::new("PKG_PATH is always unset", "packages found there would not be those built")),
            "PATH" => Some(Wrong::new("PATH is decided by the build", "name programs by their whole paths")),
            "SH" => Some(Wrong::new("SH is passed already", "say it with 'shell' in [bootstrap]")),
            name => form::environment(name).err(),
        };
        match refused {
            Some(wrong) => item.misnamed(wrong, problems),
            None => environment.extend(value(&item, problems).map(|value| (name.to_owned(), value))),
        }
    }
    environment
}

pub(super) fn toolchain(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Toolchain {
    let cflags = section.text("cflags", problems, form::make_value).unwrap_or_else(|| CFLAGS.to_owned());
    Toolchain {
        cc: section.text("cc", problems, form::filled),
        cxx: section.text("cxx", problems, form::filled),
        cxxflags: section.text("cxxflags", problems, form::make_value).unwrap_or_else(|| cflags.clone()),
        cflags,
        ldflags: section.text("ldflags", problems, ldflags).unwrap_or_default(),
        mneeded: section.item("mneeded").and_then(|item| mneeded(&item, problems)).unwrap_or_default(),
    }
}

/// The wrappers of pkgsrc drop run-time paths they did not set, so that one in LDFLAGS only looks as if it helped.
fn ldflags(text: &str) -> Result<String, Wrong> {
    if text.contains("ORIGIN") {
        let help = "leave it out: pkgsrc's wrappers drop it, and run-time paths are made relative afterwards";
        return Err(Wrong::new("it has a run-time path with $ORIGIN", help));
    }
    form::make_value(text)
}

fn mneeded(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<Mneeded> {
    match (item.as_text(), item.flag()) {
        (Some("auto"), _) => Some(Mneeded::Auto),
        (Some("yes"), _) | (_, Some(true)) => Some(Mneeded::Yes),
        (Some("no"), _) | (_, Some(false)) => Some(Mneeded::No),
        _ => item.is_no("\"auto\", \"yes\" or \"no\"", problems),
    }
}

pub(super) fn mk(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Mk {
    Mk { set: section.section("set", problems, variables), append: section.section("append", problems, variables) }
}

fn variables(section: &mut Section<'_>, problems: &mut Problems<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (item, name) in section.free() {
        assign(&item, name, &mut variables, problems);
    }
    variables
}

/// Takes `PKG_OPTIONS.nginx = "..."`, which TOML reads as a table in a table, as the one name it is for make.
fn assign(item: &Item<'_>, name: &str, variables: &mut BTreeMap<String, String>, problems: &mut Problems<'_>) {
    if item.is_table() {
        for (item, rest) in item.section(problems).free() {
            assign(&item, &format!("{name}.{rest}"), variables, problems);
        }
        return;
    }
    match owned(name).or_else(|| form::variable(name).err()) {
        Some(wrong) => item.misnamed(wrong, problems),
        None => {
            if let Some(value) = value(item, problems)
                && variables.insert(name.to_owned(), value).is_some()
            {
                item.misnamed(Wrong::new(format!("{name} is there twice"), "keep one of them"), problems);
            }
        }
    }
}

/// What is wrong with giving a variable here that is given elsewhere.
fn owned(name: &str) -> Option<Wrong> {
    if let Some(package) = name.strip_prefix("PKG_OPTIONS.") {
        let help = format!("write {} = \"...\" below [options]", join("", package));
        return Some(Wrong::new(format!("{name} has a key of its own"), help));
    }
    let (name, key) = OWN_VARIABLES.iter().find(|(own, _)| *own == name)?;
    Some(if key.is_empty() {
        Wrong::new(format!("{name} is decided by the build"), "leave it out")
    } else {
        Wrong::new(format!("{name} has a key of its own"), format!("say it with {key}"))
    })
}

/// A value: text, a number, true and false as make has them, or a list joined by blanks.
pub(super) fn value(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<String> {
    if let Some(flag) = item.flag() {
        return Some(yes_or_no(flag).to_owned());
    }
    if let Some(number) = item.number() {
        return Some(number.to_string());
    }
    if !item.is_list() {
        return item.text(problems, form::make_value);
    }
    let words: Option<Vec<String>> = item.list().iter().map(|item| item.text(problems, form::make_value)).collect();
    words.map(|words| words.join(" "))
}
