//! The second witness: a mount namespace in which an empty, read-only file system lies over each hidden directory.
//!
//! Everything is prepared before the fork; [`Masks::put_on`] runs between fork and exec and so neither allocates nor
//! locks. Where the kernel or the container forbids any step, the run starts over without it. Sources: mount_namespaces(7),
//! user_namespaces(7).

use super::veil::is_within;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, getegid, geteuid};
use rustix::fs::{Mode, OFlags, open};
use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::ffi::OsStringExt;

/// The mounts to make, and the identity to keep.
#[derive(Debug)]
pub(super) struct Masks {
    targets: Vec<CString>,
    user: Uid,
    uid_map: Vec<u8>,
    gid_map: Vec<u8>,
}

impl Masks {
    /// Plans a mask for each existing directory of `hidden`; one that holds anything of `kept` cannot be masked and is
    /// returned. `None` where nothing is left to mask.
    pub(super) fn plan(hidden: &[Vec<u8>], kept: &[Vec<u8>]) -> (Option<Self>, Vec<Vec<u8>>) {
        let exists = |path: &&Vec<u8>| fs::metadata(super::path(path)).is_ok_and(|file| file.is_dir());
        let real =
            |path: &Vec<u8>| fs::canonicalize(super::path(path)).ok().map(|path| path.into_os_string().into_vec());
        let mut bare = Vec::new();
        let mut targets = Vec::new();
        for path in hidden.iter().filter(exists) {
            let Some(target) = real(path).filter(|target| !kept.iter().any(|dir| is_within(dir, target))) else {
                bare.push(path.clone());
                continue;
            };
            targets.extend(CString::new(target).ok().filter(|target| !targets.contains(target)));
        }
        let (user, group) = (geteuid(), getegid());
        let masks = Self { targets, user, uid_map: identity(user.as_raw()), gid_map: identity(group.as_raw()) };
        ((!masks.targets.is_empty()).then_some(masks), bare)
    }

    /// Enters the namespace and mounts. As root no user namespace is needed, and none is made: it would change who owns
    /// what.
    pub(super) fn put_on(&self) -> Result<(), Errno> {
        if self.user.is_root() {
            unshare(CloneFlags::CLONE_NEWNS)?;
        } else {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
            // Without this the kernel takes no gid_map from an ordinary user.
            write(c"/proc/self/setgroups", b"deny")?;
            write(c"/proc/self/gid_map", &self.gid_map)?;
            write(c"/proc/self/uid_map", &self.uid_map)?;
        }
        // Else the mounts would show in the namespace this came from.
        mount(None::<&CStr>, c"/", None::<&CStr>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&CStr>)?;
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        for target in &self.targets {
            mount(Some(c"none"), target.as_c_str(), Some(c"tmpfs"), flags, Some(c"mode=755"))?;
        }
        Ok(())
    }
}

/// The map that leaves one id as it is.
fn identity(id: u32) -> Vec<u8> {
    format!("{id} {id} 1").into_bytes()
}

fn write(path: &CStr, text: &[u8]) -> Result<(), Errno> {
    let errno = |error: rustix::io::Errno| Errno::from_raw(error.raw_os_error());
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).map_err(errno)?;
    rustix::io::write(&file, text).map_err(errno)?;
    Ok(())
}
