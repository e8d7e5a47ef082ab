//! An archive of relocate unpacked: by `relocate install`, which compares every digest and writes the new path, and is on the
//! disk when it ends; by tar, followed by `sync -f`, so that it is on the disk too.

use super::{Entrant, Work, row};

const BEFORE: &str = "rm -rf \"$WORK/i\" && sync -f \"$WORK\"";

fn relocate(name: &'static str, archive: &str) -> Entrant {
    // --leave: strings in programs and data do not grow, and the cache may lie at a longer path than the old prefix
    Entrant::new(name, &format!("\"$RELOCATE\" install \"$WORK/{archive}\" \"$WORK/i\" --leave data --leave elf -q"))
        .after(BEFORE)
}

fn tar(name: &'static str, archive: &str) -> Entrant {
    Entrant::new(name, &format!("tar xf \"$WORK/{archive}\" -C \"$WORK/i\" && sync -f \"$WORK/i\""))
        .after(&format!("{BEFORE} && mkdir \"$WORK/i\""))
}

/// The contest.
pub(crate) fn work() -> Work {
    let archive = |name| format!("\"$RELOCATE\" \"$ROOT\" -o \"$WORK/{name}\" --keep-la --no-tool -q $ALLOWED");
    Work {
        word: "install",
        title: "Unpacked and on the disk",
        before: format!("{} && {}", archive("a.tar.gz"), archive("a.tar.zst")),
        registry: false,
        conda: false,
        entrants: vec![
            relocate("relocate install x.tar.gz", "a.tar.gz"),
            tar("tar xf x.tar.gz, sync -f", "a.tar.gz"),
            relocate("relocate install x.tar.zst", "a.tar.zst"),
            tar("tar xf x.tar.zst, sync -f", "a.tar.zst"),
        ],
        rows: vec![
            row("install x.tar.gz", "relocate install x.tar.gz", "tar xf x.tar.gz, sync -f", Some(1.2)),
            row("install x.tar.zst", "relocate install x.tar.zst", "tar xf x.tar.zst, sync -f", Some(1.2)),
        ],
    }
}
