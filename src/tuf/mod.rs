//! A repository that can be trusted though it lies on storage that cannot: The Update Framework, version 1 of its specification.
//!
//! Takes keys, a list of targets and storage by name ([`crate::objects`]), and gives the bytes of signed metadata to whoever
//! publishes; takes the same storage and what was trusted last, and gives whoever updates a [`Trusted`], which only
//! [`follow`] and [`recall`] can make. Nothing here reads a clock or writes a file, but private keys: the time is an argument,
//! and what to remember is given back. Refused: whatever the specification says to refuse, each with an error of its own.
//! The format, and why the order of checks is written out here, are in `docs/delivery.md`.

mod error;
mod fetch;
mod kept;
mod key;
mod key_file;
mod metadata;
mod moment;
mod role;
mod root;
mod target;
mod trust;
mod trusted;

pub use error::{Refused, Why};
pub use kept::Kept;
pub use key::{KeyError, PublicKey, SecretKey};
pub use key_file::{KeyFileError, KeyFileProblem, Passphrase, read_key, write_key};
pub use moment::{Age, Moment};
pub use role::{Edition, RoleName, SignError, sign_snapshot, sign_targets, sign_timestamp};
pub use root::{Keys, RootDraft, SignedRoot};
pub use target::{ReadTarget, Target, TargetError, open_target};
pub use trust::{Freshness, follow, recall};
pub use trusted::{News, Trusted, Warning};

/// Where the metadata is in a repository.
pub const METADATA: &str = "tuf";
/// Where the targets are in a repository.
pub const TARGETS: &str = "t";
