//! Deltas that were cut, damaged, made for something else, or made to do harm.

use crate::lab::{Lab, assemble_with, prefix, verified};
use relocate::base::digest::Digest;
use relocate::base::event::{Event, Listener, Silent};
use relocate::base::path::RelPath;
use relocate::base::write::remove_tree;
use relocate::manifest::{Entry, Kind, MANIFEST, Manifest};
use relocate::pack::Limits;
use relocate::parcel::{Assemble, ParcelError, assemble};
use serde_json::{Value, json};
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Once;

/// What is done to a part of a delta, and what the refusal says.
type Row<T> = (&'static str, fn(&mut T), &'static str);

/// A delta taken apart.
struct Parts {
    index: Value,
    body: Vec<u8>,
}

impl Parts {
    fn of(lab: &Lab) -> Self {
        let bytes = fs::read(lab.at("delta")).unwrap();
        let len = u64::from_le_bytes(bytes[8..16].try_into().unwrap()) as usize;
        let index = zstd::stream::decode_all(&bytes[16..16 + len]).unwrap();
        Self { index: serde_json::from_slice(&index).unwrap(), body: bytes[16 + len..].to_vec() }
    }

    /// Puts another manifest in, as a frame of its own.
    fn with_manifest(mut self, manifest: &[u8]) -> Self {
        let old = usize::try_from(self.index["manifest"]["bytes"].as_u64().unwrap()).unwrap();
        let frame = zstd::stream::encode_all(manifest, 3).unwrap();
        let record = &mut self.index["manifest"];
        record["bytes"] = json!(frame.len());
        record["size"] = json!(manifest.len());
        record["sha256"] = json!(Digest::of(manifest).to_string());
        record["patch"] = json!(false);
        self.body.splice(..old, frame);
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let index = zstd::stream::encode_all(&*serde_json::to_vec(&self.index).unwrap(), 3).unwrap();
        [b"RELDELT1".as_slice(), &(index.len() as u64).to_le_bytes(), &index, &self.body].concat()
    }
}

/// Assembles by these bytes; nothing may be left of it.
fn refused(lab: &Lab, what: &str, bytes: &[u8]) -> ParcelError {
    fs::write(lab.at("bad"), bytes).unwrap();
    let result = assemble_with(&lab.at("bad"), &lab.at("R/r/41"), &lab.at("R/r/42"));
    lab.only(&["41"]);
    result.err().unwrap_or_else(|| panic!("{what} was taken"))
}

#[test]
fn a_damaged_delta_ends_in_an_error_or_in_the_right_tree() {
    let lab = Lab::new();
    let good = fs::read(lab.at("delta")).unwrap();
    let index = 16 + u64::from_le_bytes(good[8..16].try_into().unwrap()) as usize;
    let mut places: Vec<usize> =
        (0..16).chain((16..index).step_by(7)).chain((index..good.len()).step_by(401)).collect();
    places.extend(good.len() - 8..good.len());
    let mut taken = 0;
    for at in places {
        let mut bad = good.clone();
        bad[at] ^= 0x11;
        fs::write(lab.at("bad"), &bad).unwrap();
        match assemble_with(&lab.at("bad"), &lab.at("R/r/41"), &lab.at("R/r/42")) {
            Ok(_) => {
                taken += 1;
                verified(&lab.at("R/r/42"));
                remove_tree(&lab.at("R/r/42")).unwrap();
            }
            Err(error) => assert!(error.whole_may_help(), "byte {at}: {error}"),
        }
        lab.only(&["41"]);
    }
    assert!(taken < 20, "{taken}");
    verified(&lab.at("R/r/41"));
    lab.assemble().unwrap();
}

#[test]
fn a_delta_that_was_cut_or_has_more_is_refused() {
    let lab = Lab::new();
    let good = fs::read(lab.at("delta")).unwrap();
    for len in (0..40).chain((40..good.len()).step_by(997)).chain([good.len() - 1]) {
        let error = refused(&lab, &format!("{len} bytes"), &good[..len]);
        assert!(matches!(error, ParcelError::Delta { .. }), "{len}: {error}");
    }
    for more in [&b"\0"[..], b"more", &good] {
        let error = refused(&lab, "more", &[&good, more].concat());
        assert!(matches!(error, ParcelError::Delta { .. }), "{error}");
    }
}

#[test]
fn a_delta_for_another_base_or_another_release_is_refused() {
    let lab = Lab::new();
    lab.make("42", "41", "back").unwrap();
    let error = refused(&lab, "back", &fs::read(lab.at("back")).unwrap());
    assert!(error.to_string().contains("it leads from release 42 to release 41"), "{error}");
    let mut parts = Parts::of(&lab);
    parts.index["base_manifest"] = json!(Digest::of(b"another").to_string());
    let error = refused(&lab, "another base", &parts.bytes());
    assert!(matches!(error, ParcelError::Base { .. }), "{error}");
    // The base of another one: what is installed at 42 is no base for it.
    lab.assemble().unwrap();
    let error = assemble_with(&lab.at("delta"), &lab.at("R/r/42"), &lab.at("R/r/43")).unwrap_err();
    assert!(matches!(error, ParcelError::Base { .. }), "{error}");
}

#[test]
fn an_index_that_says_what_is_not_so_is_refused() {
    let lab = Lab::new();
    let rows: [Row<Value>; 32] = [
        ("a way out", |index| index["files"][0]["path"] = json!("../../out"), "not a clean relative path"),
        ("an absolute path", |index| index["files"][0]["path"] = json!("/etc/passwd"), "not a clean relative path"),
        ("a base outside", |index| index["files"][1]["from"] = json!("../41/x"), "not a clean relative path"),
        ("no such file", |index| index["files"][0]["path"] = json!("lib/another"), "nothing gives"),
        ("no such base", |index| index["files"][1]["from"] = json!("lib/another"), "which the base has not"),
        ("a directory as a base", |index| index["files"][1]["from"] = json!("lib"), "which the base has not"),
        ("a link as a base", |index| index["files"][1]["from"] = json!("bin/link"), "which the base has not"),
        ("a directory as a file", |index| index["files"][0]["path"] = json!("lib"), "nothing gives"),
        ("one twice", |index| index["files"][1] = index["files"][0].clone(), "or there twice"),
        ("not sorted", |index| index["files"].as_array_mut().unwrap().swap(0, 1), "is not in its place"),
        ("one too few", |index| drop(index["files"].as_array_mut().unwrap().remove(0)), "nothing gives"),
        (
            "one too many",
            |index| {
                let more = json!({"path": "zzz"});
                index["files"].as_array_mut().unwrap().push(more);
            },
            "is no file of the new release",
        ),
        (
            "one that the base has",
            |index| {
                index["files"].as_array_mut().unwrap().insert(0, json!({"path": "bin/calls"}));
            },
            "is in the base already",
        ),
        ("too long a patch", |index| index["files"][0]["bytes"] = json!(u64::MAX), "cut short"),
        ("a patch beyond the end", |index| index["files"][0]["bytes"] = json!(1u64 << 40), "cut short"),
        (
            "a patch one byte longer",
            |index| index["files"][0]["bytes"] = json!(index["files"][0]["bytes"].as_u64().unwrap() + 1),
            "",
        ),
        ("no patch", |index| index["files"][1]["bytes"] = json!(0), "too large for a patch, or has none"),
        ("a negative length", |index| index["files"][0]["bytes"] = json!(-1), "index cannot be read"),
        ("a manifest of another size", |index| index["manifest"]["size"] = json!(17), "its manifest"),
        ("a huge manifest", |index| index["manifest"]["size"] = json!(u64::MAX), "its manifest"),
        ("another manifest", |index| index["manifest"]["sha256"] = json!(Digest::of(b"").to_string()), "its manifest"),
        ("no patch of it", |index| index["manifest"]["patch"] = json!(false), "its manifest"),
        ("a newer format", |index| index["format"] = json!(2), "its format is 2"),
        ("no format", |index| index["format"] = json!("one"), "its index cannot be read"),
        ("another release", |index| index["serial"] = json!(7), "from release 41 to release 7"),
        ("another base", |index| index["base"] = json!(7), "from release 7"),
        ("own elsewhere", |index| index["own"][1]["path"] = json!("bin/own"), ""),
        (
            "own as the record of the place",
            |index| index["own"][1]["path"] = json!(".relocate/place.json"),
            "may not be among",
        ),
        ("own as the manifest", |index| index["own"][1]["path"] = json!(".relocate/manifest.json"), "may not be among"),
        ("own with set-user-ID", |index| index["own"][1]["mode"] = json!(0o4755), "may not be among"),
        ("own from outside", |index| index["own"][1]["file"]["from"] = json!("bin/reads"), "may not be among"),
        (
            "own below a file",
            |index| {
                let mut below = index["own"][1].clone();
                below["path"] = json!(".relocate/about.json/below");
                index["own"].as_array_mut().unwrap().push(below);
            },
            "leads through a file",
        ),
    ];
    for (what, change, wanted) in rows {
        let mut parts = Parts::of(&lab);
        change(&mut parts.index);
        let error = refused(&lab, what, &parts.bytes());
        assert!(matches!(error, ParcelError::Delta { .. }), "{what}: {error}");
        assert!(error.to_string().contains(wanted), "{what}: {error}");
    }
    let mut parts = Parts::of(&lab);
    parts.index["own"] = json!([]);
    let error = refused(&lab, "nothing of our own", &parts.bytes());
    assert!(error.to_string().contains("about.json"), "{error}");
    let mut parts = Parts::of(&lab);
    parts.index["own"][1]["file"]["size"] = json!(u64::MAX);
    let error = refused(&lab, "much of our own", &parts.bytes());
    assert!(matches!(error, ParcelError::Refused(_)) && error.to_string().contains("more than"), "{error}");
}

fn rel(path: &str) -> RelPath {
    RelPath::new(path.as_bytes()).unwrap()
}

#[test]
fn a_manifest_with_what_no_archive_may_have_is_refused() {
    let lab = Lab::new();
    let manifest = Manifest::parse(&fs::read(lab.at("42").join(MANIFEST)).unwrap()).unwrap();
    let add = |manifest: &mut Manifest, entry: Entry| {
        manifest.entries.push(entry);
        manifest.entries.sort_by(|one, other| one.path.cmp(&other.path));
    };
    let of = |manifest: &Manifest, path: &str| manifest.entry(&rel(path)).unwrap().clone();
    let rows: [Row<Manifest>; 6] = [
        (
            "a way through a symlink",
            |manifest| {
                let link = manifest.entries.iter_mut().find(|entry| entry.path == rel("etc")).unwrap();
                link.kind = Kind::Symlink { target: b"/tmp".to_vec() };
            },
            "leads through 'etc', a symlink",
        ),
        (
            "a way through a file",
            |manifest| {
                let empty = manifest.entry(&rel("share/empty")).unwrap().kind.clone();
                manifest.entries.iter_mut().find(|entry| entry.path == rel("etc")).unwrap().kind = empty;
            },
            "leads through 'etc', a file",
        ),
        (
            "set-user-ID",
            |manifest| {
                manifest.entries.iter_mut().find(|entry| entry.path == rel("bin/calls")).unwrap().mode = 0o4555;
            },
            "has set-user-ID",
        ),
        (
            "a hard link to a directory",
            |manifest| {
                let link = manifest.entries.iter_mut().find(|entry| entry.path == rel("bin/same")).unwrap();
                link.kind = Kind::HardLink { first: rel("bin") };
            },
            "which is no file before it",
        ),
        (
            "a symlink to nothing",
            |manifest| {
                let link = manifest.entries.iter_mut().find(|entry| entry.path == rel("bin/link")).unwrap();
                link.kind = Kind::Symlink { target: Vec::new() };
            },
            "symlink to an empty name",
        ),
        (
            "a long name",
            |manifest| {
                let last = manifest.entries.last_mut().unwrap();
                last.path = RelPath::new(&[&b"z"[..], &[b'z'; 300]].concat()).unwrap();
            },
            "longer than 255",
        ),
    ];
    for (what, change, wanted) in rows {
        let mut changed = manifest.clone();
        change(&mut changed);
        let error = refused(&lab, what, &Parts::of(&lab).with_manifest(&changed.to_bytes()).bytes());
        assert!(matches!(error, ParcelError::Refused(_)), "{what}: {error}");
        assert!(error.to_string().contains(wanted), "{what}: {error}");
    }
    let mut ours = manifest.clone();
    let entry = Entry { path: rel(".relocate/place.json"), ..of(&manifest, "share/empty") };
    add(&mut ours, entry);
    let error = refused(&lab, "ours", &Parts::of(&lab).with_manifest(&ours.to_bytes()).bytes());
    assert!(matches!(error, ParcelError::Refused(_)), "{error}");
    // A digest that the base has, with another size; a digest that nothing has; another word about itself.
    let mut size = manifest.clone();
    let empty = size.entries.iter_mut().find(|entry| entry.path == rel("etc/none.conf")).unwrap();
    if let Kind::File { size, .. } = &mut empty.kind {
        *size += 1;
    }
    let mut about = manifest.clone();
    about.about.capacity = Some(4_000);
    for manifest in [&size, &about] {
        let error = refused(&lab, "another", &Parts::of(&lab).with_manifest(&manifest.to_bytes()).bytes());
        assert!(matches!(error, ParcelError::Delta { .. }), "{error}");
    }
    // And the very manifest, so that the rows were refused for what they say.
    fs::write(lab.at("bad"), Parts::of(&lab).with_manifest(&manifest.to_bytes()).bytes()).unwrap();
    assemble_with(&lab.at("bad"), &lab.at("R/r/41"), &lab.at("R/r/42")).unwrap();
}

#[test]
fn bombs_are_cut() {
    let lab = Lab::new();
    let zeros = |len: u64| zstd::stream::encode_all(std::io::repeat(0).take(len), 1).unwrap();
    let index = zeros(300 << 20);
    let bomb = [b"RELDELT1".as_slice(), &(index.len() as u64).to_le_bytes(), &index].concat();
    let error = refused(&lab, "an index", &bomb);
    assert!(error.to_string().contains("larger than any real one"), "{error}");
    let mut parts = Parts::of(&lab);
    let patches: u64 = parts.index["files"].as_array().unwrap().iter().filter_map(|file| file["bytes"].as_u64()).sum();
    let wholes = parts.index["manifest"]["bytes"].as_u64().unwrap() + patches;
    parts.body.truncate(usize::try_from(wholes).unwrap());
    parts.body.extend(zeros(1 << 30));
    let error = refused(&lab, "files", &parts.bytes());
    assert!(matches!(error, ParcelError::Delta { .. }), "{error}");
}

#[test]
fn limits_and_room_are_held_before_anything_is_written() {
    let lab = Lab::new();
    let (delta, base) = (lab.at("delta"), lab.at("R/r/41"));
    let run = |dest: &Path, limits: Limits| {
        let dest = prefix(dest);
        let parts = Assemble { delta: &delta, base: (&base, 41), dest: (&dest, 42), limits: &limits };
        assemble(&parts, &Silent).unwrap_err()
    };
    let dest = lab.at("R/r/42");
    for limits in [Limits { entries: 5, ..Limits::default() }, Limits { bytes: 1_000, ..Limits::default() }] {
        assert!(matches!(run(&dest, limits), ParcelError::Refused(_)));
    }
    let error = run(&lab.at(format!("R/r/{}", "l".repeat(120))), Limits::default());
    assert!(matches!(error, ParcelError::Misfit(_)) && !error.whole_may_help(), "{error}");
    lab.only(&["41"]);
    fs::create_dir(&dest).unwrap();
    fs::write(dest.join("mine"), "").unwrap();
    assert!(matches!(run(&dest, Limits::default()), ParcelError::Write(_)));
    assert_eq!(crate::place::names(&dest), ["mine"]);
}

/// Does something in the staging directory when its directories are there.
struct Meddler<F>(Once, F);

impl<F: Fn() + Sync> Listener for Meddler<F> {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Begin { .. }) {
            self.0.call_once(&self.1);
        }
    }
}

#[test]
fn what_another_process_plants_in_the_new_tree_is_not_followed_and_not_kept() {
    let lab = Lab::new();
    let outside = lab.at("outside");
    fs::create_dir(&outside).unwrap();
    let staging = lab.at("R/r/.42.relocate-partial");
    let plant = |what: &str, plant: &(dyn Fn() + Sync)| {
        let (delta, base, dest) = (lab.at("delta"), lab.at("R/r/41"), prefix(&lab.at("R/r/42")));
        let limits = Limits::default();
        let parts = Assemble { delta: &delta, base: (&base, 41), dest: (&dest, 42), limits: &limits };
        let error = assemble(&parts, &Meddler(Once::new(), plant)).unwrap_err();
        assert!(crate::place::names(&outside).is_empty(), "{what}");
        lab.only(&["41"]);
        error
    };
    let error = plant("a directory", &|| {
        fs::remove_dir(staging.join("etc")).unwrap();
        symlink(&outside, staging.join("etc")).unwrap();
    });
    assert!(matches!(error, ParcelError::Write(_)), "{error}");
    let error = plant("a file", &|| symlink(outside.join("new"), staging.join("share/new/two.bin")).unwrap());
    assert!(matches!(error, ParcelError::Write(_)), "{error}");
    let error = plant("one more", &|| symlink(&outside, staging.join("share/besides")).unwrap());
    assert!(matches!(&error, ParcelError::Differs { path, .. } if *path == rel("share/besides")), "{error}");
}
