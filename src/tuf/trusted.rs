//! What a repository holds, after every check: the one type that whoever installs from a repository takes.

use super::error::Why;
use super::kept::Kept;
use super::moment::Moment;
use super::role::{Edition, RoleName};
use super::root::SignedRoot;
use super::target::Target;
use std::fmt;

/// What a repository holds. Made by [`follow`](super::follow) and [`recall`](super::recall) only.
#[derive(Debug)]
pub struct Trusted {
    targets: Vec<Target>,
    root: SignedRoot,
    editions: [Edition; 4],
    news: News,
    warnings: Vec<Warning>,
    kept: Kept,
}

/// What is new since the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nothing at all.
    Nothing,
    /// The same targets, signed anew or under new keys.
    Fresher,
    /// Other targets, or the first ones.
    Targets,
}

/// What is wrong and was let pass, because the user allows it or because nothing depends on it.
#[derive(Debug)]
pub enum Warning {
    /// What would have been an error.
    Waived(Why),
    /// The clock went back since the repository was last found good.
    ClockBack {
        /// The time now.
        now: Moment,
        /// The time then.
        then: Moment,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waived(why) => write!(f, "{why}"),
            Self::ClockBack { now, then } => {
                write!(f, "the clock says {now}, and said {then} when this repository was last asked: look at date -u")
            }
        }
    }
}

impl Trusted {
    pub(super) fn new(
        targets: Vec<Target>,
        root: SignedRoot,
        editions: [Edition; 4],
        warnings: Vec<Warning>,
        before: &Kept,
        kept: Kept,
    ) -> Self {
        let is_same = |part: fn(&Kept) -> Option<&Vec<u8>>| part(before) == part(&kept);
        let news = if !is_same(|kept| kept.targets.as_ref()) {
            News::Targets
        } else if is_same(|kept| Some(&kept.root))
            && is_same(|kept| kept.snapshot.as_ref())
            && is_same(|kept| kept.timestamp.as_ref())
        {
            News::Nothing
        } else {
            News::Fresher
        };
        Self { targets, root, editions, news, warnings, kept }
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.insert(0, warning);
    }

    /// The targets, sorted by name.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// The target of a name.
    pub fn target(&self, name: &str) -> Option<&Target> {
        let at = self.targets.binary_search_by(|target| target.name().cmp(name)).ok()?;
        self.targets.get(at)
    }

    /// The root, which says whose keys sign what.
    pub fn root(&self) -> &SignedRoot {
        &self.root
    }

    /// The version of a role's metadata, and until when it is good.
    pub fn edition(&self, role: RoleName) -> Edition {
        self.editions[role as usize]
    }

    /// What is new.
    pub fn news(&self) -> News {
        self.news
    }

    /// What was let pass, in the order it was found.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// What to remember.
    pub fn kept(&self) -> &Kept {
        &self.kept
    }
}
