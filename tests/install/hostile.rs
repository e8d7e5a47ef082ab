//! Archives built to do harm: `install` refuses each by name, and nothing is there afterwards, neither inside nor outside.

use crate::blocks::Tar;
use crate::call::relocate;
use crate::packed::Made;
use crate::place::Place;
use crate::state::exact;
use std::fs;
use std::io::Write;

const ABOUT: &[u8] = br#"{"format": 1, "tool": "0.1.0", "old_prefixes": ["/p/root"], "proven": true}"#;

/// An archive that begins as one of ours.
fn begun() -> Tar {
    Tar::default().entry(b'0', b"app/.relocate/about.json", b"", ABOUT)
}

/// The same whole, with these lines in its manifest.
fn ended(tar: Tar, entries: &str) -> Vec<u8> {
    let about = String::from_utf8(ABOUT.to_vec()).unwrap();
    let manifest = format!("{{\"about\": {about}, \"entries\": [{entries}]}}");
    tar.entry(b'0', b"app/.relocate/manifest.json", b"", manifest.as_bytes()).end()
}

fn refused(place: &Place, bytes: &[u8], code: i32, told: &str) {
    fs::create_dir_all(place.at("victim")).unwrap();
    fs::write(place.at("a.tar"), bytes).unwrap();
    let before = exact(&place.at("victim"));
    relocate(place.dir(), ["install", "a.tar", "victim/dest"]).expect(code, &[], &[told]);
    let mut after = exact(&place.at("victim"));
    // The directory had a name in it for a moment; that is all that may be seen of it.
    after.insert("".into(), before[std::path::Path::new("")].clone());
    assert_eq!(after, before, "{told}");
    assert_eq!(place.beside(), ["a.tar", "victim"]);
    assert!(!std::path::Path::new("/tmp/relocate-was-here").exists());
}

#[test]
fn every_hostile_entry_is_refused_by_name() {
    let new = begun;
    let rows: Vec<(Tar, &str)> = vec![
        (new().file("app/../../escape"), "entry 'app/../../escape': its name has a '..'"),
        (new().file("../escape"), "its name has a '..'"),
        (new().file("/tmp/relocate-was-here"), "its name is an absolute path"),
        (
            new().entry(b'2', b"app/way", b"/tmp", b"").file("app/way/relocate-was-here"),
            "the way to it leads through 'app/way', a symlink",
        ),
        (new().entry(b'2', b"app/.relocate", b"..", b""), "an entry of this name was there before"),
        (new().entry(b'2', b"app", b"/tmp", b""), "an entry of this name was there before"),
        (new().entry(b'1', b"app/l", b"/etc/passwd", b""), "hard link to '/etc/passwd', which is no file before it"),
        (new().entry(b'1', b"app/l", b"app/../../x", b""), "which is no file before it"),
        (new().entry(b'3', b"app/null", b"", b""), "it is a character device"),
        (new().entry(b'4', b"app/sda", b"", b""), "it is a block device"),
        (new().entry(b'6', b"app/fifo", b"", b""), "it is a named pipe"),
        (new().file("app/su").mode(*b"0004755\0"), "help: where you trust the archive, --allow-setuid unpacks it"),
        (new().file("app/sg").mode(*b"0002755\0"), "its mode 2755 has set-user-ID or set-group-ID"),
        (new().file("app/same").file("app/./same"), "an entry of this name was there before"),
        (new().sized(b'0', b"app/big", b"", b"x", 1 << 50), "with it the archive has more than"),
        (new().file("outside").entry(b'1', b"app/in", b"outside", b""), "leads out of the archive's directory"),
    ];
    let place = Place::new();
    for (tar, told) in rows {
        refused(&place, &ended(tar, ""), 4, told);
    }
}

#[test]
fn what_the_manifest_does_not_name_is_refused() {
    let place = Place::new();
    let rows = [
        (begun().file("app/extra"), "app/extra".trim_start_matches("app/")),
        (begun().file("beside/extra"), "beside/extra"),
        (begun().file("app/.relocate/place.json"), ".relocate/place.json"),
        (begun().file("app/.relocate/more"), ".relocate/more"),
    ];
    for (tar, name) in rows {
        refused(&place, &ended(tar, ""), 1, &format!("{name}: it is not in the manifest"));
    }
    let entry = r#"{"path": "gone", "type": "dir", "mode": "0755"}"#;
    refused(&place, &ended(begun(), entry), 1, "gone: a directory is not there");
    let mut after = ended(begun(), "");
    after.truncate(after.len() - 1024);
    let after = Tar(after).file("app/late").end();
    refused(&place, &after, 1, "the manifest is not the last entry");
    refused(&place, &begun().end(), 4, "'a.tar' has no .relocate/manifest.json");
}

#[test]
fn records_that_are_made_to_hurt_are_refused() {
    let place = Place::new();
    let file = |places: &str| {
        let sha256 = relocate::base::digest::Digest::of(b"harm");
        format!(
            r#"{{"path": "f", "type": "file", "size": 4, "sha256": "{sha256}", "mode": "0644", "places": [{places}]}}"#
        )
    };
    let one = |how: &str, prefix: &str, at: &str| {
        format!(r#"{{"how": "{how}", "class": "data", "prefix": {prefix}, "at": [{at}]}}"#)
    };
    let contradicts = "the record does not fit 'f': it has a record that contradicts itself";
    let rows = [
        (file(&one("padded", "7", "0")), contradicts),
        (file(&one("text", "0", "18446744073709551615")), contradicts),
        (file(&one("text", "0", "0, 0")), contradicts),
        (file(&one("text", "0", "1, 2, 3")), contradicts),
        (file(&one("text", "0", "0")), "the record does not fit 'f': it does not have /p/root at byte 0"),
        (file(&one("padded", "0", "4000000000")), "there is room for a path of 7 bytes"),
        (file(&one("else", "0", "0")), "unknown variant `else`"),
        (file(&one("text", "-1", "0")), "cannot read .relocate/manifest.json"),
        (r#"{"path": "../f", "type": "dir", "mode": "0755"}"#.to_owned(), "not a clean relative path"),
        ("[".repeat(100_000), "cannot read .relocate/manifest.json"),
    ];
    for (entries, told) in rows {
        let code = if told.contains("there is room") { 3 } else { 4 };
        refused(&place, &ended(begun().file("app/f"), &entries), code, told);
    }
    let about = [b"{\"old_prefixes\": [".as_slice(), &b"[".repeat(100_000)].concat();
    let deep = Tar::default().entry(b'0', b"app/.relocate/about.json", b"", &about).end();
    refused(&place, &deep, 4, "cannot read .relocate/about.json");
    let link = Tar::default().entry(b'2', b"app/.relocate/about.json", b"/etc/passwd", b"").end();
    refused(&place, &link, 4, "does not begin with .relocate/about.json");
}

#[test]
fn a_bomb_is_stopped() {
    let place = Place::new();
    fs::create_dir(place.at("victim")).unwrap();
    let mut zstd = zstd::stream::write::Encoder::new(fs::File::create(place.at("a.tar")).unwrap(), 1).unwrap();
    let bytes: u64 = 300 << 20;
    zstd.write_all(&begun().sized(b'0', b"app/bomb", b"", b"", bytes).0).unwrap();
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), bytes + 1024), &mut zstd).unwrap();
    zstd.finish().unwrap();
    let told = ["it grows to more than 250 times its size"];
    relocate(place.dir(), ["install", "a.tar", "victim/dest"]).expect(4, &[], &told);
    assert_eq!(crate::place::names(&place.at("victim")), [""; 0]);
}

#[test]
fn an_archive_that_was_cut_or_changed_on_the_way_is_not_installed() {
    let made = Made::new();
    let whole = fs::read(made.pack()).unwrap();
    let before = made.place.beside();
    for len in [0, 100, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        fs::write(made.place.at("app.tar.gz"), &whole[..len]).unwrap();
        relocate(made.place.dir(), ["install", "app.tar.gz", "srv"]).expect(4, &[], &["cannot unpack 'app.tar.gz'"]);
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 4;
    fs::write(made.place.at("app.tar.gz"), flipped).unwrap();
    let ran = relocate(made.place.dir(), ["install", "app.tar.gz", "srv"]).run();
    assert!([Some(1), Some(4)].contains(&ran.code), "{}", ran.err);
    assert_eq!(made.place.beside(), before);
}

/// Programs that gain privileges are unpacked only where that is asked for.
#[test]
fn setuid_programs_are_unpacked_where_the_archive_is_trusted() {
    let made = Made::new();
    made.mode("bin/calls", 0o4755);
    made.pack();
    relocate(made.place.dir(), ["install", "app.tar.gz", "srv"]).expect(
        4,
        &[],
        &["bin/calls': its mode 4755", "help:"],
    );
    relocate(made.place.dir(), ["install", "--allow-setuid", "app.tar.gz", "srv"]).expect(0, &["installed to"], &[]);
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(made.place.at("srv/bin/calls")).unwrap());
    assert_eq!(mode & 0o7777, 0o4755);
    crate::packed::runs_at(&made.place.at("srv"), &made.place.at("srv"));
}
