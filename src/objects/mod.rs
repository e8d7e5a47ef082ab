//! Files on a server or in a directory, by name: the one way to storage that is only storage.
//!
//! A directory, a web server that takes PUT (Artifactory, Nexus, GitLab's generic packages, nginx with DAV), or a bucket of S3 or of
//! a server that speaks as S3 does. Takes names of one or more parts (`t/SUM.tar.zst`) and gives or takes bytes; knows nothing of
//! what they mean. Nothing is trusted: whoever reads knows what it should be and how much. Refuses names that could lead out.

mod dir;
mod error;
mod http;
mod open;
mod s3;

pub use dir::Directory;
pub use error::ObjectError;
pub use http::Server;
pub use open::{OpenError, Place, Variables, open};
pub use s3::{Part, S3Settings};

use crate::web::Content;
use std::io::Read;

/// Named files.
pub trait Objects: Send + Sync {
    /// A name as a person may see it: with the place, without passwords.
    fn shown(&self, name: &str) -> String;

    /// Begins to read a file.
    fn get(&self, name: &str, wish: &Wish<'_>) -> Result<Got, ObjectError>;

    /// Whether there is such a file.
    fn look(&self, name: &str) -> Result<Presence, ObjectError>;

    /// Writes a file whole. A reader sees the old bytes or the new ones, but on servers that show a file while it comes.
    fn put(&self, name: &str, content: Content<'_>, when: When<'_>) -> Result<Put, ObjectError>;

    /// Removes a file; one that is not there is no error.
    fn remove(&self, name: &str) -> Result<(), ObjectError>;
}

/// What of a file is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish<'a> {
    /// The state of it that is known already: nothing is wanted if it is still that.
    pub known: Option<&'a str>,
    /// The bytes from here on are enough, if it is still in this state.
    pub rest: Option<(u64, &'a str)>,
}

/// What reading a file begins with.
pub enum Got {
    /// There is none.
    Missing,
    /// It is as it was known.
    Same,
    /// Its bytes.
    Bytes(Object),
}

/// The bytes of a file, on their way.
pub struct Object {
    /// The offset they begin at, which is 0 where the whole file comes although less was enough.
    pub from: u64,
    /// How many there are to come, where the other side says so. Not to be believed.
    pub length: Option<u64>,
    /// What tells this state of the file from others: an entity tag (RFC 9110, 8.8.3), a weak one only to ask whether it is the same.
    pub state: Option<String>,
    /// Gives them, without a bound.
    pub reader: Box<dyn Read + Send>,
}

/// Whether a file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    There,
    /// It is not.
    Missing,
    /// The server cannot be asked that.
    Unknown,
}

/// Under which condition a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When<'a> {
    /// Whatever is there.
    Always,
    /// If there is none of that name. A server that knows no conditions is asked first, which leaves a gap.
    New,
    /// If it is still in this state.
    Same(&'a str),
}

/// What became of a file that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is written.
    Done,
    /// It is not: the condition did not hold.
    Lost,
}

/// Names that cannot lead out of where the files are.
fn is_sound(name: &str) -> bool {
    !name.is_empty()
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@".contains(&byte))
}

#[cfg(test)]
mod tests;
