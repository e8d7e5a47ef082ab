//! Which release is next, and by which way it comes.

use super::{Offer, Release};
use std::collections::BTreeSet;
use std::fmt;

/// What a machine has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Have<'a> {
    /// The release that is current.
    pub current: Option<u32>,
    /// The highest that ever was: nothing older comes by an update.
    pub highest: Option<u32>,
    /// The releases that are installed whole.
    pub installed: &'a [u32],
    /// Those that turned out bad.
    pub bad: Option<&'a BTreeSet<u32>>,
    /// How many bytes the path of the releases' directory has, with a slash behind it.
    pub path: u64,
}

/// What an update would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The newest that may come is current.
    Nothing,
    /// This one, by this way.
    Update {
        /// The release.
        release: &'a Release,
        /// How it comes.
        way: Way,
    },
    /// There is something newer, and it cannot come.
    Never(Never),
}

/// How the bytes of a release come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is installed already.
    Installed,
    /// From an installed release.
    Delta {
        /// That release.
        base: u32,
        /// What is fetched, in bytes.
        bytes: u64,
    },
    /// As a whole.
    Full {
        /// What is fetched, in bytes.
        bytes: u64,
    },
}

/// Why the newest release of a channel cannot come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Never {
    /// The channel has no release.
    Empty,
    /// It is older than one that was current here: an old list was served, or a release was taken back.
    Older {
        /// The newest of the channel.
        newest: u32,
        /// The highest that was here.
        highest: u32,
    },
    /// It failed here before.
    Bad {
        /// The release.
        serial: u32,
    },
    /// The path is too long for it.
    TooLong {
        /// The release.
        serial: u32,
        /// How long its path would be, in bytes.
        path: u64,
        /// How long it may be.
        capacity: u64,
    },
}

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel has no release"),
            Self::Older { newest, highest } => {
                write!(f, "the newest release there is {newest}, and {highest} was here already")
            }
            Self::Bad { serial } => write!(f, "release {serial} failed here before"),
            Self::TooLong { serial, path, capacity } => {
                write!(f, "release {serial} can run at a path of {capacity} bytes, and this one has {path}")
            }
        }
    }
}

/// Chooses the newest release of a channel, and of the ways to it the one that fetches least.
pub fn choose<'a>(offer: &'a Offer, channel: &str, have: &Have<'_>) -> Choice<'a> {
    let newest = offer.releases.values().rev().find(|release| release.custom.channels.contains(channel));
    let Some(release) = newest else { return Choice::Never(Never::Empty) };
    let serial = release.custom.serial;
    if have.current == Some(serial) {
        return Choice::Nothing;
    }
    if let Some(highest) = have.highest.filter(|highest| serial < *highest) {
        return Choice::Never(Never::Older { newest: serial, highest });
    }
    if have.bad.is_some_and(|bad| bad.contains(&serial)) {
        return Choice::Never(Never::Bad { serial });
    }
    let path = have.path + serial.to_string().len() as u64;
    match release.custom.capacity {
        Some(capacity) if capacity < path => Choice::Never(Never::TooLong { serial, path, capacity }),
        _ => Choice::Update { release, way: way(release, have) },
    }
}

fn way(release: &Release, have: &Have<'_>) -> Way {
    if have.installed.contains(&release.custom.serial) {
        return Way::Installed;
    }
    let full = release.full.length;
    let deltas = release.deltas.iter().filter(|(base, _)| have.installed.contains(base));
    let smallest = deltas.min_by_key(|(base, file)| (file.length, std::cmp::Reverse(**base)));
    match smallest {
        Some((base, file)) if file.length < full => Way::Delta { base: *base, bytes: file.length },
        _ => Way::Full { bytes: full },
    }
}
