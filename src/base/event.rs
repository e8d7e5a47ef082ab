//! What workers tell while they work. Only `cli` prints it.

use crate::base::path::RelPath;

/// A stage of a job, in the order a person sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Fetching from a repository.
    Fetch,
    /// Looking at every path of ROOT.
    Scan,
    /// Reading and digesting its files.
    Read,
    /// Fitting the new run-time paths into the files.
    Fit,
    /// Writing the archive or the tree.
    Write,
    /// Reading an archive or a tree back.
    Check,
}

/// One step of progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// A stage begins; totals are zero where they are not known yet.
    Begin {
        /// Which stage.
        stage: Stage,
        /// Files ahead.
        files: u64,
        /// Bytes ahead.
        bytes: u64,
    },
    /// One file is done.
    File {
        /// Which file, relative to ROOT.
        path: &'a RelPath,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The stage is over.
    End(Stage),
}

/// Takes events from any thread.
pub trait Listener: Sync {
    /// Takes one event; must not block for long.
    fn event(&self, event: &Event<'_>);
}

/// A listener for those who do not care.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Listener for Silent {
    fn event(&self, _: &Event<'_>) {}
}
