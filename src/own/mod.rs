//! The program's own newer versions: followed in a signed repository, fetched, tried, and entered in the place of this one.
//!
//! Takes the command line, the environment and a repository by name; gives a copy of the program to enter before the work starts
//! ([`begin()`]), or does what `relocate self` is asked for ([`Own`]). The same process goes on as the copy, with the same
//! arguments: nothing is restarted. Whatever fails leaves the present version to do the work. Refused: what is not what was
//! signed, what does not pass its own test, and directories that are not this user's alone. Prints nothing.

mod audit;
mod choose;
mod copies;
mod entering;
mod error;
mod home;
mod look;
mod pinned;
mod self_test;
mod source;
mod start;
mod state;
mod status;
mod suspect;
mod trial;
mod update;

pub use entering::{Entrance, VARIABLE};
pub use error::OwnError;
pub use home::{Home, Variable};
pub use look::Open;
pub use pinned::Pinned;
pub use self_test::{Failed, self_test};
pub use source::{CHANNEL, Policy, Source, Typed};
pub use start::{Begin, Begun, LIMIT, Note, begin};
pub use state::{Bad, Copy, Found, State};
pub use status::{OneCopy, Status};
pub use trial::{OPTION, Unwell, passed, try_program, try_version};
pub use update::{Own, Update, Updated};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
