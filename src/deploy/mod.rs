//! A commit becomes the current release on request: checked out on top of a base, documented, tried, gone back from.
//!
//! Takes one request, who asks (which the transport knows, never the request), and the policy of the machine's owner; gives what was
//! done. Nothing of a request reaches a shell, and what git is told is a full name that the policy allows. What is
//! current stays so until the new release is whole and compared byte by byte; a killed run leaves the old release or the new
//! one, and the next run clears up. Every request ends with a line in the log, refused ones too. Prints nothing.

mod ask;
mod caller;
mod docs;
mod error;
mod git;
mod journal;
mod policy;
mod push;
mod record;
mod request;
mod run;
mod tree;
mod wanted;

pub use ask::{AskError, End, Event, Host, clean};
pub use caller::{Caller, fingerprint, uid_of_peer};
pub use error::DeployError;
pub use policy::{App, Policy};
pub use push::pushed;
pub use request::{LONGEST, Request};
pub use run::{Deployed, Outcome, Serve, serve};
