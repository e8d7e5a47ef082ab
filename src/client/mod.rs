//! What every client of a repository does on the disk: trust begins and is kept, the repository is followed, a file of it is fetched
//! and, where it broke off, gone on with.
//!
//! Takes directories, storage by name and the time; gives what [`tuf`](crate::tuf) trusts, and whole files that are what was signed.
//! What becomes of them is decided by whoever asked: releases by [`update`](crate::update), the program itself by
//! [`own`](crate::own). Refused: whatever is not what was signed, and a memory that was damaged and has no shadow.

mod error;
mod fetch;
mod files;
mod follow;
mod root_key;
mod trust;

pub use error::ClientError;
pub use fetch::{Fetch, FetchError, Wrong};
pub use files::files;
pub use follow::Follow;
pub use root_key::RootKey;
pub use trust::{Damaged, Trust};
