//! Releases come from a repository into a directory of releases: followed, fetched, built, made current, and gone back from.
//!
//! Takes the path of that directory, where its releases come from and how trust begins; gives what was done. The order is that of
//! `docs/delivery.md`: nothing is parsed before it is known to be what was signed, nothing is current before it is whole and
//! verified, and nothing is removed before the new one is current. A run that is killed at any moment leaves the old release or
//! the new one, and the next run finishes. Prints nothing.

mod audit;
mod build;
mod error;
mod here;
mod local;
mod moved;
mod offered;
mod policy;
mod preflight;
mod rollback;
mod room;
mod run;
mod source;
mod status;
mod trial;
mod wish;

pub use error::UpdateError;
pub use local::{Local, Taken};
pub use moved::{installed_for, moved};
pub use preflight::{Preflight, preflight};
pub use rollback::{Back, Rollback, pin, rollback};
pub use room::{Short, What};
pub use run::update;
pub use source::{CHANNEL, KEEP, Source, Typed};
pub use status::{Installed, Status, status};
pub use trial::Failed;
pub use wish::{Open, Outcome, Report, Summary, Task, Wish};
