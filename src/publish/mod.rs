//! The publisher's side of a repository: archives become releases, lists are signed, keys are replaced.
//!
//! Takes proven archives, keys and storage by name; gives a repository that [`tuf::follow`](crate::tuf::follow) can follow at every
//! moment, because what is named is always there before what names it, and the timestamp comes last. Refuses archives that
//! were not proven or are not what their record says.

mod channels;
mod create;
mod deltas;
mod desk;
mod error;
mod gc;
mod listed;
mod overlay;
mod publication;
mod repack;
mod rotate;
mod sums;
mod times;
mod tool;

pub use channels::{Changed, Serials, Which, promote, retire, unlist};
pub use create::{FIRST_ROOT, Founders, create, first_root, must_be_new};
pub use desk::{Desk, Lives, State};
pub use error::PublishError;
pub use gc::{Collected, gc};
pub use listed::{Releases, file, releases};
pub use publication::{Publication, Published, is_word, longest_root, publish};
pub use repack::{Making, Piece, RepackError, Repacked, repack};
pub use rotate::{Change, Ready, Rotated, begin, finish, ready, sign};
pub use tool::{PublishedTool, ToolPublication, publish_tool};
