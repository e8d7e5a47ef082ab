//! Programs that a test writes and then runs. Another process writes them: while this one held a file open for writing, a
//! child that another test's thread starts at that moment would inherit that until its exec, and executing the file would
//! fail with ETXTBSY. Everything a test executes, and did not get from a compiler or a command, comes from here.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Writes a file that may be executed at once.
pub(crate) fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>, mode: u32) {
    let path = path.as_ref();
    let mut cat = Command::new("sh");
    cat.args(["-c", "cat >\"$0\""]).arg(path).stdin(Stdio::piped());
    let mut cat = cat.spawn().unwrap();
    cat.stdin.take().unwrap().write_all(bytes.as_ref()).unwrap();
    assert!(cat.wait().unwrap().success(), "{}", path.display());
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
