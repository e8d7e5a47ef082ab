//! Whose the directory of releases is, who else could change it, and what new files in it would be open to.

use super::{Machine, Place, Seen, word};
use crate::base::finding::Severity;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Group and others may read and search.
const USUAL: u32 = 0o022;

pub(super) fn look(machine: &Machine, place: Place<'_>, seen: &mut Seen) {
    let Ok(found) = fs::metadata(place.there) else { return };
    let (root, there, owner) = (place.root.display(), place.there.display(), found.uid());
    let name = name(machine, owner);
    let is_there = place.root.is_dir();
    seen.row(
        "directory",
        if is_there { format!("{there}, of {name}") } else { format!("{root}, not there yet; in {there}, of {name}") },
    );
    if place.root.exists() && !is_there {
        return seen.find(
            Severity::Error,
            "no-directory",
            format!("'{root}' is no directory"),
            format!("mv {} {}.old", word(place.root), word(place.root)),
        );
    }
    if !may_write(place) {
        let me = self::name(machine, machine.uid);
        let help = if is_there {
            format!("chown -R {me} {}", word(place.there))
        } else {
            format!("install -d -o {me} -m 755 {}", word(place.root))
        };
        let found = format!("{me} may not write in '{there}', which is {name}'s");
        return seen.find(Severity::Error, "not-writable", found, help);
    }
    if is_there && owner != machine.uid {
        let found = format!(
            "'{there}' is {name}'s, and what is installed now would be {}'s: {name} could not update it any more",
            self::name(machine, machine.uid)
        );
        let help = format!(
            "run it as {name}: setpriv --reuid={owner} --regid={} --init-groups relocate update {}",
            found_gid(place),
            word(place.root)
        );
        seen.find(Severity::Warning, "other-owner", found, help);
    }
    // In a directory like /tmp nobody can take away what is another's.
    let others = found.mode() & 0o002 != 0 && found.mode() & 0o1000 == 0;
    if others {
        let found = format!("any user may write in '{there}', and so put another program in the place of a release");
        seen.find(Severity::Warning, "open-to-all", found, format!("chmod o-w {}", word(place.there)));
    }
    umask(machine, place, seen);
}

fn found_gid(place: Place<'_>) -> u32 {
    fs::metadata(place.there).map_or(0, |found| found.gid())
}

fn may_write(place: Place<'_>) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    // A file system that is mounted read-only has a finding of its own.
    let may = accessat(CWD, place.there, Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty());
    !matches!(may, Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM))
}

/// A directory that is made now is as open as the umask lets it be.
fn umask(machine: &Machine, place: Place<'_>, seen: &mut Seen) {
    let Some(status) = machine.text("/proc/self/status") else { return };
    let text = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let Some(umask) = text.and_then(|text| u32::from_str_radix(text.trim(), 8).ok()) else { return };
    seen.row("umask", format!("{umask:04o}"));
    if umask & 0o055 != 0 && !place.root.is_dir() {
        let found = format!("the umask is {umask:04o}: nobody else could run a program in '{}'", place.root.display());
        seen.find(Severity::Warning, "umask", found, format!("install -d -m 755 {}", word(place.root)));
    }
    if umask & 0o002 == 0 {
        let found = format!("the umask is {umask:04o}: what is made now any user may change");
        seen.find(Severity::Warning, "umask", found, format!("umask {USUAL:04o}"));
    }
}

/// A user's name, else his number.
fn name(machine: &Machine, uid: u32) -> String {
    let number = uid.to_string();
    let passwd = machine.text("/etc/passwd").unwrap_or_default();
    let mut lines = passwd.lines().map(|line| line.split(':'));
    let found = lines.find_map(|mut fields| Some((fields.next()?, fields.nth(1)?)).filter(|(_, uid)| *uid == number));
    found.map_or(number.clone(), |(name, _)| name.to_owned())
}
