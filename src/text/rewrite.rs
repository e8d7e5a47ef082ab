//! One text file -> what it becomes: the classes one after the other.
//!
//! At most one class of content rewrites a file, the first in [`CONTENT`] that recognises it; then its shebang is looked at
//! by itself, because any script has one. Refuses what is no text.

use super::class::{self, Answer, Change, Class, Demand, Subject};
use super::ledger::Ledger;
use std::borrow::Cow;

/// The classes of content, in the order they are asked.
const CONTENT: &[&dyn Class] = &[
    &class::venv::Venv,
    &class::activate::Activate,
    &class::sysconfig::Sysconfig,
    &class::python_makefile::PythonMakefile,
    &class::python_config::PythonConfig,
    &class::python_path::PythonPath,
    &class::editable::Editable,
    &class::distutils_cfg::DistutilsCfg,
    &class::pkg_config::PkgConfig,
    &class::libtool::Libtool,
    &class::cmake::Cmake,
    &class::fontconfig::Fontconfig,
    &class::rbconfig::Rbconfig,
    &class::perl::Perl,
    &class::shell::Shell,
    &class::package_list::PackageList,
];

/// The classes of first lines.
const FIRST_LINE: &[&dyn Class] = &[&class::shebang::Shebang];

/// The longest text that is rewritten, in bytes; what is longer is data.
pub const LONGEST: u64 = 16 << 20;

/// What became of a file, and by which class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// No class knows it, or nothing in it needs to change.
    Same,
    /// Rewritten.
    New(Rewritten),
    /// A class knows it and refuses.
    Refused(&'static str, String),
    /// A class says the result is better without it.
    Dropped(&'static str, String),
}

/// A file rewritten by one or more classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// What was changed, in the order it was done; at least one.
    pub changes: Vec<ClassChange>,
    /// What the result asks of the host.
    pub demands: Vec<Demand>,
    /// The class that refuses the rest of it, and why.
    pub refused: Option<(&'static str, String)>,
}

/// One change and the class that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassChange {
    /// The class.
    pub class: &'static str,
    /// The change.
    pub change: Change,
}

/// Whether bytes are text: no NUL. What looks like text and has one is left alone.
pub fn is_text(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_none()
}

/// Rewrites one file; the classes named in `without` are not asked.
pub fn rewrite(file: &Subject<'_>, without: &[&str]) -> Outcome {
    if !is_text(file.bytes) {
        return Outcome::Same;
    }
    let mut bytes = Cow::Borrowed(file.bytes);
    let mut changes = Vec::new();
    let mut demands = Vec::new();
    let mut refused = None;
    for classes in [CONTENT, FIRST_LINE] {
        let Some((class, answer)) = first_answer(classes, without, &file.with(&bytes)) else { continue };
        match answer {
            Answer::NotMine | Answer::Same => {}
            // A script whose text cannot be rewritten is started by its first line all the same.
            Answer::Refused(why) => refused = refused.or(Some((class, why))),
            Answer::Dropped(why) => return Outcome::Dropped(class, why),
            Answer::New(new) => {
                changes.extend(new.changes.into_iter().map(|change| ClassChange { class, change }));
                demands.extend(new.demands);
                bytes = Cow::Owned(new.bytes);
            }
        }
    }
    match refused {
        Some((class, why)) if changes.is_empty() => Outcome::Refused(class, why),
        None if changes.is_empty() => Outcome::Same,
        refused => Outcome::New(Rewritten { bytes: bytes.into_owned(), changes, demands, refused }),
    }
}

/// The names of all classes, for whoever wants none of them asked.
pub fn classes() -> Vec<&'static str> {
    CONTENT.iter().chain(FIRST_LINE).map(|class| class.name()).collect()
}

fn first_answer(
    classes: &[&'static dyn Class],
    without: &[&str],
    file: &Subject<'_>,
) -> Option<(&'static str, Answer)> {
    let asked = classes.iter().filter(|class| !without.contains(&class.name()));
    let mut answers = asked.map(|class| (class.name(), class.rewrite(file)));
    answers.find(|(_, answer)| *answer != Answer::NotMine)
}

/// The kinds of ledgers.
pub const LEDGERS: &[&dyn Ledger] = &[&class::record::Record, &class::package_list::PackageList];
