//! A repository in a directory, signed with keys that are the same in each run, and a directory of releases that follows it.

use crate::call::{Call, relocate};
use crate::pack::{delta, pack};
use crate::place::Place;
use relocate::base::digest::Digest;
use relocate::tuf::{
    Edition, Keys, Moment, RootDraft, SecretKey, SignedRoot, Target, sign_snapshot, sign_targets, sign_timestamp,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// So many days from now.
pub(crate) fn day(days: i64) -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Moment::from_seconds(i64::try_from(now).unwrap() + days * 86_400)
}

pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32]).unwrap()
}

fn keys(threshold: u64, numbers: &[u8]) -> Keys {
    Keys { threshold, keys: numbers.iter().map(|number| key(*number).public()).collect() }
}

/// A repository in the making, and the place it lies in.
pub(crate) struct Repository {
    pub(crate) place: Place,
    root: SignedRoot,
    version: u64,
    /// How many days what is signed next is good.
    pub(crate) days: i64,
    list: BTreeMap<String, Target>,
}

impl Repository {
    /// An empty one below `repo` of a place of its own: root keys 1 to 3, two of which must sign.
    pub(crate) fn new() -> Self {
        let draft = RootDraft {
            edition: Edition { version: 1, expires: day(365) },
            root: keys(2, &[1, 2, 3]),
            targets: keys(1, &[10]),
            snapshot: keys(1, &[20]),
            timestamp: keys(1, &[20]),
        };
        let mut root = SignedRoot::begin(&draft).unwrap();
        root.sign(&key(1)).unwrap();
        root.sign(&key(2)).unwrap();
        let new = Self { place: Place::new(), root, version: 0, days: 14, list: BTreeMap::new() };
        fs::create_dir_all(new.at("tuf")).unwrap();
        fs::create_dir_all(new.at("t")).unwrap();
        fs::write(new.at("tuf/1.root.json"), new.root.finish(None).unwrap()).unwrap();
        fs::copy(new.at("tuf/1.root.json"), new.place.at("root.json")).unwrap();
        new
    }

    /// One with these releases.
    pub(crate) fn with(serials: &[u32]) -> Self {
        let mut new = Self::new();
        for serial in serials {
            new.add(*serial);
        }
        new.sign();
        new
    }

    /// A path in the repository.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.place.at("repo").join(name)
    }

    /// The directory of releases.
    pub(crate) fn releases(&self) -> PathBuf {
        self.place.at("app")
    }

    /// Puts a file up.
    pub(crate) fn put(&mut self, name: &str, bytes: &[u8], custom: &Value) {
        let target =
            Target::new(name, bytes.len() as u64, Digest::of(bytes), custom.as_object().unwrap().clone()).unwrap();
        fs::write(self.at(&target.place()), bytes).unwrap();
        self.list.insert(name.to_owned(), target);
    }

    /// Puts the two files of a release up, in the channel `stable`; `sign` makes it known.
    pub(crate) fn add(&mut self, serial: u32) {
        self.add_as(serial, serial);
    }

    /// The same, with the files of another release.
    pub(crate) fn add_as(&mut self, serial: u32, files: u32) {
        let pack = pack(files);
        let custom = |kind: &str| {
            json!({
                "app": "app", "serial": serial, "version": format!("1.{serial}"), "channels": ["stable"],
                "platform": "x86_64-linux", "kind": kind, "capacity": pack.capacity,
                "installed_bytes": 300_000, "installed_entries": 12,
            })
        };
        self.put(&format!("app-{serial}.full.tar.zst"), &pack.full, &custom("full"));
        self.put(&format!("app-{serial}.manifest.json.zst"), &pack.manifest, &custom("manifest"));
    }

    /// Puts up what leads from one release to another.
    pub(crate) fn add_delta(&mut self, from: u32, to: u32) {
        let custom = json!({
            "app": "app", "serial": to, "version": format!("1.{to}"), "channels": ["stable"],
            "platform": "x86_64-linux", "kind": "delta", "base_serial": from,
        });
        self.put(&format!("app-{to}.from-{from}.delta"), &delta(from, to), &custom);
    }

    /// Where a target lies in the repository.
    pub(crate) fn target(&self, name: &str) -> PathBuf {
        self.at(&self.list[name].place())
    }

    /// Changes what is said about every file of a release.
    pub(crate) fn say(&mut self, serial: u32, field: &str, value: &Value) {
        for target in self.list.values_mut() {
            if target.custom()["serial"] == serial {
                let mut custom = target.custom().clone();
                custom.insert(field.to_owned(), value.clone());
                *target = Target::new(target.name(), target.length(), target.digest(), custom).unwrap();
            }
        }
    }

    /// Signs all there is, one version on.
    pub(crate) fn sign(&mut self) {
        self.version += 1;
        let edition = Edition { version: self.version, expires: day(self.days) };
        let list: Vec<_> = self.list.values().cloned().collect();
        let targets = sign_targets(edition, &list, &self.root, &[&key(10)]).unwrap();
        let snapshot = sign_snapshot(edition, &targets, &self.root, &[&key(20)]).unwrap();
        let timestamp = sign_timestamp(edition, &snapshot, &self.root, &[&key(20)]).unwrap();
        fs::write(self.at(&format!("tuf/{}.targets.json", self.version)), targets).unwrap();
        fs::write(self.at(&format!("tuf/{}.snapshot.json", self.version)), snapshot).unwrap();
        fs::write(self.at("tuf/timestamp.json"), timestamp).unwrap();
    }

    /// Adds a release and makes it known.
    pub(crate) fn release(&mut self, serial: u32) {
        self.add(serial);
        self.sign();
    }

    /// `relocate`, in the place.
    pub(crate) fn relocate<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Call {
        relocate(self.place.dir(), arguments)
    }

    /// The first update.
    pub(crate) fn first(&self) -> Call {
        self.relocate(["update", "app", "--from", "repo", "--root-key", "root.json"])
    }

    /// Any update after that.
    pub(crate) fn update(&self) -> Call {
        self.relocate(["update", "app"])
    }
}

/// Everything the tests can read of a repository, by name as an address has it.
pub(crate) fn files(repository: &Repository) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dir in ["tuf", "t"] {
        for entry in fs::read_dir(repository.at(dir)).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{dir}/{}", entry.file_name().into_string().unwrap());
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}
