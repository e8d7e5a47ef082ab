//! Archives built to do harm, or damaged: each is refused by name, and nothing is made outside.

use crate::blocks::Tar;
use crate::tree::{Handmade, options, plausible};
use relocate::base::event::Silent;
use relocate::pack::{Format, Limits, UnpackError, Unpacked, unpack, visit_bytes};
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;

/// Unpacks into `victim/here`; whatever happens, `victim` holds nothing else afterwards.
fn try_unpack(bytes: &[u8], limits: &Limits) -> Result<Unpacked, UnpackError> {
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("archive");
    fs::write(&archive, bytes).unwrap();
    let here = dir.path().join("victim/here");
    fs::create_dir_all(&here).unwrap();
    let result = unpack(&archive, &here, limits, &Silent);
    let outside: Vec<_> = fs::read_dir(dir.path().join("victim")).unwrap().collect();
    assert_eq!(outside.len(), 1, "something was made outside");
    assert!(!Path::new("/tmp/relocate-was-here").exists());
    result
}

fn refusal(bytes: &[u8]) -> String {
    try_unpack(bytes, &Limits::default()).map(|_| panic!("it was unpacked")).unwrap_err().to_string()
}

#[test]
fn every_hostile_entry_is_refused_by_name() {
    let new = Tar::default;
    let long = |kind, text: &[u8], tar: Tar| tar.entry(kind, b"././@LongLink", b"", text);
    let rows: Vec<(Tar, &str)> = vec![
        (new().file("../escape"), "'../escape': its name has a '..'"),
        (new().file("a/../../escape"), "its name has a '..'"),
        (new().file("/tmp/relocate-was-here"), "'/tmp/relocate-was-here': its name is an absolute path"),
        (new().file(""), "its name is empty"),
        (new().file("./."), "its name is empty"),
        (long(b'L', b"in\0side\0", new()).file("x"), "its name is empty or has a NUL byte"),
        (long(b'L', &[b'n'; 300], new()).file("x"), "longer than 255 bytes"),
        (long(b'L', "d/".repeat(2500).as_bytes(), new()).file("x"), "longer than 255 bytes a part or 4095"),
        (
            new().entry(b'2', b"way", b"/tmp", b"").file("way/relocate-was-here"),
            "'way/relocate-was-here': the way to it leads through 'way', a symlink",
        ),
        (new().entry(b'2', b"way", b"..", b"").file("way/a/b"), "leads through 'way', a symlink"),
        (new().entry(b'2', b"way", b"..", b"").entry(b'5', b"way/", b"", b""), "was there before"),
        (new().file("f").file("f/g"), "leads through 'f', a file"),
        (new().file("same").file("./same"), "an entry of this name was there before"),
        (new().file("d/x").file("d"), "an entry of this name was there before"),
        (new().entry(b'5', b"d", b"", b"").entry(b'5', b"d/", b"", b""), "was there before"),
        (new().file("f").entry(b'2', b"f", b"/etc/passwd", b""), "was there before"),
        (new().entry(b'1', b"l", b"/etc/passwd", b""), "hard link to '/etc/passwd', which is no file before it"),
        (new().entry(b'1', b"l", b"../victim", b""), "hard link to '../victim'"),
        (new().entry(b'2', b"s", b"/etc/passwd", b"").entry(b'1', b"l", b"s", b""), "hard link to 's'"),
        (new().entry(b'1', b"l", b"l", b""), "hard link to 'l'"),
        (new().file("f").entry(b'1', b"l", b"f", b"bytes"), "it is a link or directory that comes with bytes"),
        (new().entry(b'5', b"d", b"", b"bytes"), "it is a link or directory that comes with bytes"),
        (new().entry(b'2', b"s", b"", b""), "it is a symlink to an empty name"),
        (new().entry(b'3', b"null", b"", b""), "'null': it is a character device"),
        (new().entry(b'4', b"sda", b"", b""), "it is a block device"),
        (new().entry(b'6', b"fifo", b"", b""), "it is a named pipe"),
        (new().entry(b'M', b"part", b"", b""), "an entry of a kind that is not known"),
        (new().entry(b'0', b"slash/", b"", b"x"), "a file whose name ends in a slash"),
        (new().file("su").mode(*b"0004755\0"), "'su': its mode 4755 has set-user-ID"),
        (new().file("sg").mode(*b"0002755\0"), "its mode 2755 has set-user-ID or set-group-ID"),
        (new().pax(&[("path", "a"), ("path", "b")]).file("x"), "two pax records 'path'"),
        (new().pax(&[("path", "../escape")]).file("x"), "its name has a '..'"),
        (long(b'L', b"one\0", new().pax(&[("path", "two")])).file("x"), "its GNU long name and its pax name differ"),
        (new().pax(&[("GNU.sparse.major", "1")]).file("x"), "a sparse file in a form that is not read"),
        (new().pax(&[("size", "-1")]).file("x"), "its pax size is no number"),
        (new().pax(&[("mtime", "soon")]).file("x"), "its pax time is no number"),
        (new().entry(b'x', b"pax", b"", b"99 path=x\n").file("x"), "a pax record that is not well formed"),
        (new().entry(b'g', b"pax", b"", b"10 path=x\n").file("x"), "a global pax header with more than a comment"),
    ];
    for (tar, message) in rows {
        let text = refusal(&tar.end());
        assert!(text.contains(message), "wanted {message}\ngot {text}");
    }
}

#[test]
fn set_id_files_are_unpacked_only_where_that_is_allowed() {
    let bytes = Tar::default().file("su").mode(*b"0004755\0").end();
    let limits = Limits { set_id: true, ..Limits::default() };
    assert_eq!(try_unpack(&bytes, &limits).unwrap().entries, 1);
}

#[test]
fn other_kinds_of_files_are_refused_by_name() {
    let rows: [(&[u8], &str); 9] = [
        (b"", "an empty file"),
        (b"\xfd7zXZ\0......", "it is damaged or no tar"),
        (b"BZh91AY&SY", "it is damaged or no tar"),
        (b"7z\xbc\xaf\x27\x1c..", "a 7z file"),
        (b"PK\x03\x04....", "a zip file"),
        (b"\xed\xab\xee\xdb....", "an rpm package"),
        (b"!<arch>\ndebian", "an ar archive or .deb"),
        (b"\x1f\x9d\x90", "a compress (.Z) file"),
        (&[b'x'; 2000], "it is damaged or no tar"),
    ];
    for (bytes, message) in rows {
        let text = refusal(bytes);
        assert!(text.contains(message), "{text}");
    }
    let missing = unpack(Path::new("/no/such"), Path::new("/tmp"), &Limits::default(), &Silent);
    assert!(missing.is_err());
}

#[test]
fn a_cut_archive_is_never_taken_for_whole() {
    let tree = Handmade::default().file("a", 0o644, plausible(3000, 1)).file("b", 0o644, plausible(70_000, 2));
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::Tar, Format::TarGz, Format::TarZst] {
        let mut whole = Vec::new();
        tree.pack(&dir.path().join("x"), &options(format, 1)).unwrap().pour(&mut whole).unwrap();
        assert!(try_unpack(&whole, &Limits::default()).is_ok());
        // The last 10 KiB of a plain tar are zeros, most of which are padding.
        let step = whole.len() / 60;
        let end = if format == Format::Tar { whole.len() - 10_240 } else { whole.len() };
        for len in (0..end).step_by(step).chain([end - 1, end / 512 * 512]).filter(|len| *len < end) {
            let text = refusal(&whole[..len]);
            assert!(text.contains("damaged") || text.contains("empty"), "{format:?} {len}: {text}");
        }
    }
    let ends_between_entries = Tar::default().file("a");
    assert!(refusal(&ends_between_entries.0).contains("its end is missing"));
}

#[test]
fn a_flipped_bit_is_found_by_the_checksum() {
    let tree = Handmade::default().file("a", 0o644, plausible(50_000, 1));
    let dir = tempfile::tempdir().unwrap();
    for format in [Format::TarGz, Format::TarZst] {
        let mut bytes = Vec::new();
        tree.pack(&dir.path().join("x"), &options(format, 1)).unwrap().pour(&mut bytes).unwrap();
        for at in (20..bytes.len() - 8).step_by(bytes.len() / 40) {
            bytes[at] ^= 4;
            assert!(try_unpack(&bytes, &Limits::default()).is_err(), "{format:?} {at}");
            bytes[at] ^= 4;
        }
    }
}

#[test]
fn bytes_after_the_end_are_refused_and_zeros_are_not() {
    let mut bytes = Tar::default().file("a").end();
    bytes.resize(bytes.len() + 20_480, 0);
    assert_eq!(try_unpack(&bytes, &Limits::default()).unwrap().entries, 1);
    bytes.extend(Tar::default().file("hidden").end());
    assert!(refusal(&bytes).contains("there are bytes after its end"));
}

#[test]
fn limits_hold() {
    let two = || Tar::default().file("a").file("b").end();
    let few = Limits { entries: 1, ..Limits::default() };
    let text = try_unpack(&two(), &few).unwrap_err().to_string();
    assert!(text.contains("'b': with it the archive has more than 1 entries"), "{text}");
    let small = Limits { bytes: 7, ..Limits::default() };
    let text = try_unpack(&two(), &small).unwrap_err().to_string();
    assert!(text.contains("'b': with it the archive has more than 7 bytes"), "{text}");
    // A size that is claimed and not there.
    let claimed = Tar::default().sized(b'0', b"big", b"", b"x", 1 << 50).end();
    assert!(refusal(&claimed).contains("'big': with it the archive has more than"));
    let sizes = Tar::default().sized(b'0', b"big", b"", b"x", u64::MAX).end();
    assert!(refusal(&sizes).contains("damaged"));
}

/// `bytes` zeros in a file, as zstd.
fn zeros(kind: u8, name: &[u8], bytes: u64) -> Vec<u8> {
    let mut zstd = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    let header = Tar::default().sized(kind, name, b"", b"", bytes).0;
    zstd.write_all(&header).unwrap();
    let mut rest = std::io::repeat(0).take(bytes.next_multiple_of(512) + 1024);
    std::io::copy(&mut rest, &mut zstd).unwrap();
    zstd.finish().unwrap()
}

fn looked_at(bytes: Vec<u8>) -> Result<relocate::pack::Visited, UnpackError> {
    visit_bytes(Path::new("bomb"), Cursor::new(bytes), &Limits::default(), &mut |_| Ok(()))
}

#[test]
fn a_bomb_is_stopped_by_its_ratio() {
    assert_eq!(looked_at(zeros(b'0', b"fine", 200 << 20)).unwrap().bytes, 200 << 20);
    let text = looked_at(zeros(b'0', b"bomb", 300 << 20)).unwrap_err().to_string();
    assert!(text.contains("it grows to more than 250 times its size"), "{text}");
}

#[test]
fn a_long_name_of_gigabytes_is_stopped_before_it_is_in_memory() {
    for kind in [b'L', b'K', b'x'] {
        let text = looked_at(zeros(kind, b"././@LongLink", 64 << 20)).unwrap_err().to_string();
        assert!(text.contains("a header is larger than any real one"), "{text}");
    }
}

#[test]
fn what_the_visitor_says_comes_through() {
    let bytes = Tar::default().file("a").file("b").end();
    let mut seen = Vec::new();
    let result = visit_bytes(Path::new("x"), Cursor::new(bytes), &Limits::default(), &mut |entry| {
        seen.push(entry.item.path.clone());
        Err("enough".into())
    });
    assert_eq!((result.unwrap_err().to_string(), seen.len()), ("enough".to_owned(), 1));
}
