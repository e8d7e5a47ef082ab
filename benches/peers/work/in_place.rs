//! Run-time paths rewritten where the files lie: relocate on the whole tree, with everything else it does and proves, and with
//! `--elf-only`, which like the script finds out what to write and changes nothing else; the script on the whole tree;
//! `relocate elf`, chrpath and patchelf on the dynamic ELF files alone, told which these are and what to write. chrpath and
//! patchelf write into the files as they lie; what a tool that replaces each in one step takes at least is what cp takes to
//! copy them, durably.

use super::{Entrant, Work, row};

/// A fresh copy of the tree.
const TREE: &str = "rm -rf \"$WORK/copy\" && cp -a \"$ROOT\" \"$WORK/copy\" && sync -f \"$WORK\"";
/// A fresh copy of its dynamic ELF files.
const ELF: &str = "rm -rf \"$WORK/elf\" && mkdir \"$WORK/elf\" && cd \"$ROOT\" && \
    xargs -0 -a \"$LISTS/elf.names\" cp -a --parents -t \"$WORK/elf\" && sync -f \"$WORK\"";
/// The same, for a copy of that.
const COPIED: &str = "rm -rf \"$WORK/copied\" \"$WORK/elf\" && mkdir \"$WORK/elf\" && cd \"$ROOT\" && \
    xargs -0 -a \"$LISTS/elf.names\" cp -a --parents -t \"$WORK/elf\" && sync -f \"$WORK\"";
/// Puts the ELF files, which are all that the script changes, back into its copy.
pub(crate) const SCRIPT_AGAIN: &str = "cd \"$ROOT\" && \
    xargs -0 -a \"$LISTS/elf.names\" cp -a --remove-destination --parents -t \"$WORK/script\" && sync -f \"$WORK\"";

/// The contest.
pub(crate) fn work() -> Work {
    let elf = |name, command: &str| {
        // 123: chrpath cannot lengthen a path, and does not add one
        let command = format!("cd \"$WORK/elf\" && xargs -0 -n 2 {command}");
        Entrant::new(name, &command).after(ELF).ending(&[0, 123])
    };
    Work {
        word: "in-place",
        title: "Run-time paths, in place",
        before: "cp -a \"$ROOT\" \"$WORK/script\"".to_owned(),
        registry: true,
        conda: false,
        entrants: vec![
            Entrant::new(
                "relocate --in-place",
                "\"$RELOCATE\" \"$WORK/copy\" --in-place --keep-la --no-tool -q $ALLOWED",
            )
            .after(TREE),
            Entrant::new(
                "relocate --in-place --elf-only",
                "\"$RELOCATE\" \"$WORK/copy\" --in-place --elf-only -q $ALLOWED",
            )
            .after(TREE),
            Entrant::new("chrpath script", "cd \"$WORK/script\" && /usr/bin/python3 \"$SCRIPT\"").after(SCRIPT_AGAIN),
            Entrant::new(
                "relocate elf",
                "cd \"$WORK/elf\" && xargs -0 -a \"$LISTS/elf.names\" \"$RELOCATE\" elf -q --set-rpath '$ORIGIN/../lib'",
            )
            .after(ELF),
            Entrant::new("cp of the ELF files, sync", "cp -a \"$WORK/elf\" \"$WORK/copied\" && sync -f \"$WORK\"").after(COPIED),
            elf("chrpath", "-a \"$LISTS/elf.list\" chrpath -c -r"),
            elf("chrpath, -P2", "-P2 -a \"$LISTS/elf.list\" chrpath -c -r"),
            elf("patchelf of Debian", "-a \"$LISTS/elf.list\" /usr/bin/patchelf --set-rpath"),
            elf("patchelf of Debian, -P2", "-P2 -a \"$LISTS/elf.list\" /usr/bin/patchelf --set-rpath"),
            elf("patchelf, newest", "-a \"$LISTS/elf.list\" \"$PATCHELF\" --set-rpath"),
            elf("patchelf, newest, -P2", "-P2 -a \"$LISTS/elf.list\" \"$PATCHELF\" --set-rpath"),
            elf(
                "patchelf, newest, -P2, told which files need it",
                "-P2 -a \"$LISTS/elf.needy\" \"$PATCHELF\" --set-rpath",
            ),
        ],
        rows: vec![
            row("--in-place --elf-only", "relocate --in-place --elf-only", "chrpath script", Some(0.35)),
            row("--in-place --elf-only", "relocate --in-place --elf-only", "patchelf of Debian, -P2", Some(0.05)),
            row("--in-place --elf-only", "relocate --in-place --elf-only", "patchelf, newest, -P2", Some(0.05)),
            row("--in-place --elf-only", "relocate --in-place --elf-only", "cp of the ELF files, sync", None),
            row("--in-place", "relocate --in-place", "chrpath script", None),
            row("--in-place", "relocate --in-place", "patchelf of Debian, -P2", None),
            row("--in-place", "relocate --in-place", "patchelf, newest, -P2", None),
            row("--in-place", "relocate --in-place", "patchelf, newest, -P2, told which files need it", None),
            row("--in-place", "relocate --in-place", "patchelf, newest", None),
            row("--in-place", "relocate --in-place", "chrpath, -P2", None),
            row("--in-place", "relocate --in-place", "chrpath", None),
            row("elf --set-rpath, ELF files alone", "relocate elf", "chrpath script", None),
            row("elf --set-rpath, ELF files alone", "relocate elf", "patchelf of Debian, -P2", None),
            row("elf --set-rpath, ELF files alone", "relocate elf", "patchelf, newest, -P2", None),
            row("elf --set-rpath, ELF files alone", "relocate elf", "chrpath, -P2", None),
            row("elf --set-rpath, ELF files alone", "relocate elf", "cp of the ELF files, sync", None),
        ],
    }
}
