//! What is left: everything in a tree that still names an old prefix or a build directory, what it does, and what helps.
//!
//! Two steps. [`look()`] takes one file's bytes as they are shipped and gives every [`Mention`], in all spellings, also where
//! grep does not look; [`judge()`] takes the mentions of all files and gives an [`Remains`]: findings with effect and
//! remedy, and one line a person can act on. Beside it
//! [`host_data`] tells what a tree takes from its host besides libraries. Pure: bytes in, values out.

pub mod host_data;
pub mod judge;
mod kind;
pub mod look;
pub mod mention;
pub mod owner;
mod packed;
mod risk;
mod sample;
mod search;
pub mod summary;
mod variable;
mod wanted;

pub use judge::{About, Accepted, Finding, Fixable, Remains, judge, risk_sentence};
pub use kind::Kind;
pub use look::{Looked, Unread, look, look_at};
pub use mention::{Form, Hold, Mention, Place, Spelling};
pub use owner::Packages;
pub use risk::{Load, creatable};
pub use wanted::{Origin, Wanted};
