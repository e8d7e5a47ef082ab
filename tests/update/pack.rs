//! Small releases as the real program packs them: each has a program that says which release it is of and where it lies.

use crate::call::relocate;
use crate::place::succeed;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Built for a path with room for where tests put releases.
const LONG: &str =
    "a-prefix-whose-name-is-so-long-that-there-is-room-for-each-path-where-a-test-puts-releases-of-it/app";
/// How many there are.
pub(crate) const RELEASES: u32 = 6;

static PACKS: LazyLock<Vec<Pack>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    (1..=RELEASES).map(|serial| Pack::make(dir.path(), serial)).collect()
});

/// A release in its archive.
pub(crate) struct Pack {
    pub(crate) archive: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    /// How long its path may be.
    pub(crate) capacity: u64,
}

/// The release of a number.
pub(crate) fn pack(serial: u32) -> &'static Pack {
    &PACKS[serial as usize - 1]
}

impl Pack {
    fn make(dir: &Path, serial: u32) -> Self {
        let root = dir.join(serial.to_string()).join(LONG);
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::create_dir_all(root.join("share")).unwrap();
        let source = dir.join("where.c");
        let code =
            format!("#include <stdio.h>\nint main(void) {{ puts(\"{serial} \" \"{}\"); return 0; }}\n", root.display());
        fs::write(&source, code).unwrap();
        succeed(Command::new("cc").arg("-o").arg(root.join("bin/where")).arg(&source));
        let text = format!("#!/bin/sh\necho release {serial}\nsleep \"${{1:-0}}\"\n");
        crate::program::write(root.join("bin/app"), text, 0o755);
        fs::write(root.join("share/data"), data(serial)).unwrap();
        fs::write(root.join("share/same"), noise(7, 40_000)).unwrap();
        std::os::unix::fs::symlink("data", root.join("share/link")).unwrap();
        let archive = dir.join(format!("{serial}.tar.zst"));
        let arguments = [root.to_str().unwrap(), "-o", archive.to_str().unwrap(), "--chmod", "a-w"];
        let arguments = [&arguments[..], &["--old-prefix", root.to_str().unwrap(), "--quiet"]].concat();
        let ran = relocate(dir, arguments).run();
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        let unpacked = dir.join(format!("{serial}.unpacked"));
        fs::create_dir(&unpacked).unwrap();
        succeed(Command::new("tar").arg("xf").arg(&archive).arg("-C").arg(&unpacked));
        let manifest = fs::read(unpacked.join(serial.to_string()).join(".relocate/manifest.json")).unwrap();
        let capacity = root.as_os_str().len() as u64;
        Self { archive: fs::read(archive).unwrap(), manifest, capacity }
    }

    /// Its manifest as a repository has it.
    pub(crate) fn packed_manifest(&self) -> Vec<u8> {
        zstd::encode_all(self.manifest.as_slice(), 3).unwrap()
    }
}

/// Bytes that do not compress, of which a few differ from release to release.
fn data(serial: u32) -> Vec<u8> {
    let mut bytes = noise(1, 200_000);
    bytes[1000..1004].copy_from_slice(&serial.to_be_bytes());
    bytes
}

/// The same bytes each time.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u8::try_from(state >> 56).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

/// The release that a directory runs, as its programs say; they must say where they lie, too.
pub(crate) fn runs(root: &Path) -> u32 {
    let real = fs::canonicalize(root.join("current")).unwrap();
    let said = String::from_utf8(succeed(&mut Command::new(real.join("bin/where")))).unwrap();
    let (serial, place) = said.trim().split_once(' ').unwrap();
    assert_eq!(place.trim_start_matches('/'), real.to_str().unwrap().trim_start_matches('/'));
    assert_eq!(fs::read(real.join("share/link")).unwrap(), data(serial.parse().unwrap()));
    assert_eq!(PathBuf::from(serial), real.file_name().unwrap());
    let app = String::from_utf8(succeed(&mut Command::new(root.join("current/bin/app")))).unwrap();
    assert_eq!(app, format!("release {serial}\n"));
    serial.parse().unwrap()
}
