//! The publisher's side of a repository: archives become releases, lists are signed, keys are replaced.
//!
//! Takes proven archives, keys and storage by name; gives a repository that [`tuf::follow`](crate::tuf::follow) can follow at every
//! moment, because what is named is always there before what names it, and the timestamp comes last. Refuses archives that
//! were not proven or are not what their record says.

mod repack;
mod times;

pub use repack::{Making, Piece, RepackError, Repacked, repack};
