//! The program's own newer versions: followed in a signed repository, fetched, tried, and entered in the place of this one.

mod self_test;
mod trial;

pub use self_test::self_test;
pub use trial::{OPTION, Unwell, passed, try_program, try_version};

/// The version of this program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
