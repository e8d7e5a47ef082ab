//! `relocate exec`: runs a program of the current release in the place of this one.
//!
//! `current` is read once and the program is run by its real path, so that what it loads is of one release whatever becomes
//! current meanwhile. The lease is a lock that the program inherits: its release stays until it and its children have ended.

use super::args::ExecArgs;
use super::exit::Exit;
use super::failure::{Failure, Json};
use super::report;
use super::update::{absolute, failure};
use crate::live::{self, Root};
use crate::own;
use crate::update::UpdateError;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs the command; comes back only where the program could not be started.
pub(super) fn run(args: &ExecArgs) -> Exit {
    match exec(args) {
        Ok(never) => match never {},
        Err(failure) => failure.tell("exec", Json::None),
    }
}

fn exec(args: &ExecArgs) -> Result<std::convert::Infallible, Failure> {
    let wrong = |error: live::LiveError| failure(&UpdateError::Live(error));
    let root = Root::open(&absolute(&args.root)?).map_err(wrong)?;
    let lease = live::lease(&root).map_err(wrong)?;
    let release = root.release(lease.serial);
    let program = find(&release, &args.program).ok_or_else(|| {
        let (program, serial) = (args.program.to_string_lossy(), lease.serial);
        let help = "name its path in the release, such as bin/PROG".to_owned();
        Failure::new(Exit::No, format!("release {serial} has no program '{program}'")).help(Some(help))
    })?;
    lease.inherit().map_err(wrong)?;
    let mut command = Command::new(&program);
    // What this program was told of itself is not for that one, which may be or start another relocate.
    command.env_remove("RELOCATE_WRAPPER").env_remove(own::VARIABLE);
    let error = command.args(&args.arguments).exec();
    Err(Failure::new(Exit::Environment, format!("cannot run {}: {error}", report::place(&program))))
}

/// A path leads from the release, and a mere name from its bin and sbin.
fn find(release: &Path, program: &OsStr) -> Option<PathBuf> {
    let is_path = program.as_bytes().contains(&b'/');
    let places = if is_path { &[""][..] } else { &["bin", "sbin"][..] };
    let named = Path::new(program);
    if named.is_absolute() || named.components().any(|part| part == std::path::Component::ParentDir) {
        return None;
    }
    places.iter().map(|place| release.join(place).join(named)).find(|path| path.is_file())
}
