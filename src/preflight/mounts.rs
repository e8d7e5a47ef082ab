//! The file system that releases would lie in, and how it is mounted (proc_pid_mountinfo(5)).

use super::{Machine, Place, Seen, word};
use crate::base::finding::Severity;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is mounted somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) point: PathBuf,
    /// The kind of file system.
    pub(super) kind: String,
    options: Vec<String>,
}

impl Mount {
    pub(super) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|held| held == option)
    }
}

/// Kinds that are gone after a restart.
const VOLATILE: [&str; 2] = ["tmpfs", "ramfs"];
/// Kinds that other machines see too, each with locks of its own view.
const SHARED: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "lustre", "afs"];

pub(super) fn look(machine: &Machine, place: Place<'_>, seen: &mut Seen) {
    let Some(text) = machine.text("/proc/self/mountinfo") else {
        let help = "mount -t proc proc /proc";
        let found = "/proc is not mounted: programs cannot tell where they lie, and do not find their libraries";
        return seen.find(Severity::Error, "no-proc", found, help);
    };
    let Some(mount) = holding(&text, place.there) else { return };
    let (point, at) = (word(&mount.point), mount.point.display().to_string());
    seen.row("file system", format!("{} mounted at {at}", mount.kind));
    let root = place.root.display();
    if mount.has("ro") {
        let found = format!("'{root}' is on {at}, which is mounted read-only: nothing can be installed");
        seen.find(Severity::Error, "mount-read-only", found, format!("mount -o remount,rw {point}"));
    }
    if mount.has("noexec") {
        let found = format!("'{root}' is on {at}, which is mounted noexec: no program of a release would start");
        let help = format!("mount -o remount,exec {point}, and take noexec out of its line in /etc/fstab");
        seen.find(Severity::Error, "mount-noexec", found, help);
    }
    if mount.has("nosuid") && super::selinux::is_enforcing(machine) {
        let found =
            format!("'{root}' is on {at}, which is mounted nosuid: SELinux lets no service change its domain there");
        seen.find(Severity::Warning, "mount-nosuid", found, format!("mount -o remount,suid {point}"));
    }
    if VOLATILE.contains(&mount.kind.as_str()) {
        let found = format!(
            "'{root}' is on {at}, which is in memory ({}): releases and what is trusted are gone after a restart",
            mount.kind
        );
        seen.find(Severity::Warning, "mount-volatile", found, "use a directory on a disk");
    }
    if SHARED.contains(&mount.kind.as_str()) {
        let found = format!(
            "'{root}' is on {at}, which other machines may see too ({}): whether a release runs on them is not seen here",
            mount.kind
        );
        seen.find(
            Severity::Warning,
            "mount-shared",
            found,
            "update it from one machine alone, and keep more releases (--keep)",
        );
    }
}

/// The mount that a path lies in. Of several at one point the last one hides the others.
pub(super) fn holding(mountinfo: &str, path: &Path) -> Option<Mount> {
    let mounts = mountinfo.lines().filter_map(parse).filter(|mount| path.starts_with(&mount.point));
    // `max_by_key` gives the last one of equals.
    mounts.max_by_key(|mount| mount.point.components().count())
}

fn parse(line: &str) -> Option<Mount> {
    let (before, behind) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(4);
    let (point, options) = (before.next()?, before.next()?);
    let mut behind = behind.split(' ');
    let (kind, of_all) = (behind.next()?, behind.nth(1).unwrap_or_default());
    // Whether it can be written to is said of the mount, and of the file system below it.
    let read_only = of_all.split(',').filter(|option| *option == "ro");
    let options = options.split(',').chain(read_only).map(str::to_owned).collect();
    Some(Mount { point: unescaped(point), kind: kind.to_owned(), options })
}

/// Blanks and backslashes are written as three octal digits.
fn unescaped(text: &str) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, behind @ ..] = rest {
        let number = behind.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = number.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\');
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { behind.get(3..).unwrap_or_default() } else { behind };
    }
    PathBuf::from(OsStr::from_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        30 22 8:2 / /srv rw,noexec shared:2 master:1 - xfs /dev/sdb1 rw\n\
        31 30 8:3 / /srv/with\\040blank rw - ext4 /dev/sdc1 ro,errors=remount-ro\n\
        32 22 0:4 / /srv rw - tmpfs none rw\n\
        damaged\n";

    #[test]
    fn the_deepest_and_last_mount_holds_a_path() {
        let found = |path: &str| holding(TEXT, Path::new(path)).unwrap();
        assert_eq!(found("/home/app").kind, "ext4");
        assert_eq!(found("/srvx").point, Path::new("/"));
        assert_eq!((found("/srv/app").kind.as_str(), found("/srv/app").has("noexec")), ("tmpfs", false));
        let blank = found("/srv/with blank/app");
        assert_eq!((blank.point.as_path(), blank.has("ro")), (Path::new("/srv/with blank"), true));
        assert_eq!(holding("", Path::new("/")), None);
    }
}
