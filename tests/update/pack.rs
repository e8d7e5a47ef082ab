//! Small releases as the real program packs them: each has a program that says which release it is of and where it lies.

use crate::call::relocate;
use crate::place::{Place, succeed};
use relocate::base::event::Silent;
use relocate::pack::Limits;
use relocate::parcel::{self, Tree};
use relocate::publish::{Making, repack};
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
    let place = Place::new();
    (1..=RELEASES).map(|serial| Pack::make(place.dir(), serial)).collect()
});

/// A release in its archive.
pub(crate) struct Pack {
    pub(crate) full: Vec<u8>,
    /// As the main job packed it.
    packed: Vec<u8>,
    /// Compressed.
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
        let arguments = [root.to_str().unwrap(), "-o", archive.to_str().unwrap(), "--quiet"];
        let ran = relocate(dir, [&arguments[..], &["--old-prefix", root.to_str().unwrap()]].concat()).run();
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
        let making = Making { limits: &Limits::default(), level: 3, jobs: 1 };
        let made = repack(&archive, &making, &Silent).unwrap();
        let (full, manifest) = (fs::read(&made.full.path).unwrap(), fs::read(&made.record.path).unwrap());
        Self { packed: fs::read(archive).unwrap(), full, manifest, capacity: root.as_os_str().len() as u64 }
    }
}

/// The archive that a release is published from.
pub(crate) fn archive(serial: u32) -> &'static [u8] {
    &pack(serial).packed
}

/// What leads from one release to another.
pub(crate) fn delta(from: u32, to: u32) -> Vec<u8> {
    let place = Place::new();
    let trees = [from, to].map(|serial| {
        let (archive, tree) = (place.at("full.tar.zst"), place.at(serial.to_string()));
        fs::write(&archive, &pack(serial).full).unwrap();
        fs::create_dir(&tree).unwrap();
        succeed(Command::new("tar").arg("xpf").arg(&archive).arg("-C").arg(&tree).arg("--strip-components=1"));
        tree
    });
    let (base, new) = (Tree { path: &trees[0], serial: from }, Tree { path: &trees[1], serial: to });
    let mut out = Vec::new();
    parcel::make(&base, &new, &mut out, &Silent).unwrap();
    out
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
