//! From the prefix to an archive, in one command each. relocate's is rewritten, proven, and has its record with a digest of
//! every file; the others hold the files as they are. It carries the same files: libtool archives are kept and the
//! program itself is left out. conda-pack 0.9.2 packs .tar.zst at level 9 and in one thread, whatever it is told; relocate is
//! asked for that level beside it.

use super::in_place::SCRIPT_AGAIN;
use super::{Compared, Entrant, Row, Work, archive_row};

const GZIP: &str = "out.tar.gz";
const ZSTD: &str = "out.tar.zst";

fn relocate(name: &'static str, output: &'static str, more: &str) -> Entrant {
    let command = format!("\"$RELOCATE\" \"$ROOT\" -o \"$WORK/{output}\" --keep-la --no-tool -q $ALLOWED{more}");
    Entrant::new(name, &command).writing(output)
}

fn conda_pack(name: &'static str, output: &'static str, more: &str) -> Entrant {
    Entrant::new(name, &format!("\"$CONDA_PACK\" -q -p \"$WORK/conda/env\" -o \"$WORK/{output}\"{more}"))
        .writing(output)
}

/// One gzip member.
pub(crate) fn gzip() -> Work {
    Work {
        word: "gzip",
        title: "To a .tar.gz",
        before: "cp -a \"$ROOT\" \"$WORK/script\"".to_owned(),
        registry: true,
        conda: true,
        entrants: vec![
            relocate("relocate -o x.tar.gz", GZIP, ""),
            relocate("relocate -o x.tar.gz -j1", GZIP, " -j1"),
            Entrant::new("tar czf", "tar czf \"$WORK/out.tar.gz\" -C \"$ROOT\" .").writing(GZIP),
            Entrant::new("tar c | pigz", "tar c -C \"$ROOT\" . | pigz >\"$WORK/out.tar.gz\"").writing(GZIP),
            Entrant::new("tar c | pigz -p1", "tar c -C \"$ROOT\" . | pigz -p1 >\"$WORK/out.tar.gz\"").writing(GZIP),
            Entrant::new(
                "chrpath script, tar czf",
                "cd \"$WORK/script\" && /usr/bin/python3 \"$SCRIPT\" && tar czf \"$WORK/out.tar.gz\" .",
            )
            .after(SCRIPT_AGAIN)
            .writing(GZIP),
            conda_pack("conda-pack -o x.tar.gz", GZIP, ""),
            conda_pack("conda-pack -o x.tar.gz -j -1", GZIP, " -j -1"),
        ],
        rows: vec![
            archive_row("-o x.tar.gz", "relocate -o x.tar.gz", "tar c | pigz", Some(0.4)),
            archive_row("-o x.tar.gz", "relocate -o x.tar.gz", "chrpath script, tar czf", Some(0.2)),
            archive_row("-o x.tar.gz", "relocate -o x.tar.gz", "tar czf", None),
            archive_row("-o x.tar.gz", "relocate -o x.tar.gz", "conda-pack -o x.tar.gz", Some(0.2)),
            archive_row("-o x.tar.gz", "relocate -o x.tar.gz", "conda-pack -o x.tar.gz -j -1", None),
            gain(
                "-o x.tar.gz: -j1 to all cores",
                ["relocate -o x.tar.gz -j1", "relocate -o x.tar.gz"],
                "pigz",
                ["tar c | pigz -p1", "tar c | pigz"],
            ),
        ],
    }
}

/// zstd at its level 3.
pub(crate) fn zstd() -> Work {
    Work {
        word: "zstd",
        title: "To a .tar.zst",
        before: String::new(),
        registry: true,
        conda: true,
        entrants: vec![
            relocate("relocate -o x.tar.zst", ZSTD, ""),
            relocate("relocate -o x.tar.zst -j1", ZSTD, " -j1"),
            Entrant::new("tar c | zstd -T0 -3", "tar c -C \"$ROOT\" . | zstd -q -T0 -3 -o \"$WORK/out.tar.zst\"")
                .writing(ZSTD),
            Entrant::new("tar c | zstd -T1 -3", "tar c -C \"$ROOT\" . | zstd -q -T1 -3 -o \"$WORK/out.tar.zst\"")
                .writing(ZSTD),
            relocate("relocate -o x.tar.zst --level 9", ZSTD, " --level 9"),
            conda_pack("conda-pack -o x.tar.zst", ZSTD, ""), // level 9 and one thread, whatever it is told
        ],
        rows: vec![
            archive_row("-o x.tar.zst", "relocate -o x.tar.zst", "tar c | zstd -T0 -3", Some(1.0)),
            archive_row(
                "-o x.tar.zst --level 9",
                "relocate -o x.tar.zst --level 9",
                "conda-pack -o x.tar.zst",
                Some(0.2),
            ),
            gain(
                "-o x.tar.zst: -j1 to all cores",
                ["relocate -o x.tar.zst -j1", "relocate -o x.tar.zst"],
                "zstd",
                ["tar c | zstd -T1 -3", "tar c | zstd -T0 -3"],
            ),
        ],
    }
}

fn gain(label: &'static str, ours: [&'static str; 2], peer: &'static str, theirs: [&'static str; 2]) -> Row {
    Row { label, peer, compared: Compared::Gain(ours, theirs), target: Some(0.95), size_target: None }
}
