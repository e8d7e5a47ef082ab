//! A tree and the path it is to run at: what depends on that path is written into its files.
//!
//! [`archive`] makes a tree out of an archive; [`decide`] and [`apply`] bring a tree that is there from where it was to where
//! it is. Both ask the record where the path stands in each file and look at nothing else, and both refuse a path that a
//! file cannot hold before anything is changed.

mod caches;
mod fits;
mod fresh;
mod look;
mod step;
mod sums;

pub use fits::{Misfit, Unfit, Why};
pub use fresh::{Filling, Install, InstallError, Installed, archive};
pub use look::{Decided, File, MoveError, Request, State, built_for, decide, decide_by, may_write};
pub use step::{Held, apply, hold};
