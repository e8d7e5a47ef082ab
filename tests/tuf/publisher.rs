//! A publisher with keys that are the same in each run, and the moments that tests agree on.

use crate::shelf::Shelf;
use relocate::base::digest::Digest;
use relocate::tuf::{
    Edition, Freshness, Kept, Keys, Moment, Refused, RootDraft, SecretKey, SignedRoot, Target, Trusted, follow,
    sign_snapshot, sign_targets, sign_timestamp,
};
use serde_json::json;

/// 2026-11-21, at noon.
pub(crate) const NOON: i64 = 1_795_262_400;

pub(crate) fn day(days: i64) -> Moment {
    Moment::from_seconds(NOON + days * 86_400)
}

/// The key of a number.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32]).unwrap()
}

pub(crate) fn keys(threshold: u64, numbers: &[u8]) -> Keys {
    Keys { threshold, keys: numbers.iter().map(|number| key(*number).public()).collect() }
}

pub(crate) fn target(name: &str, bytes: &[u8]) -> Target {
    let custom =
        json!({"app": "numbers", "serial": 7, "channels": ["stable", "canary"], "note": "a \"quote\"\nand a line"});
    Target::new(name, bytes.len() as u64, Digest::of(bytes), custom.as_object().unwrap().clone()).unwrap()
}

/// A repository in the making: the numbers of its keys, its versions, its files.
#[derive(Clone)]
pub(crate) struct Publisher {
    pub(crate) shelf: Shelf,
    pub(crate) root: SignedRoot,
    pub(crate) targets_key: u8,
    pub(crate) online_key: u8,
    pub(crate) targets: Edition,
    pub(crate) snapshot: Edition,
    pub(crate) timestamp: Edition,
    pub(crate) list: Vec<Target>,
}

impl Publisher {
    /// Root keys 1 to 3, two of which must sign; 10 signs targets, 20 is online. Root good for a year, and so on.
    pub(crate) fn new() -> Self {
        let draft = RootDraft {
            edition: Edition { version: 1, expires: day(365) },
            root: keys(2, &[1, 2, 3]),
            targets: keys(1, &[10]),
            snapshot: keys(1, &[20]),
            timestamp: keys(1, &[20]),
        };
        let edition = |days| Edition { version: 1, expires: day(days) };
        let mut new = Self {
            shelf: Shelf::default(),
            root: SignedRoot::begin(&draft).unwrap(),
            targets_key: 10,
            online_key: 20,
            targets: edition(90),
            snapshot: edition(30),
            timestamp: edition(14),
            list: vec![target("numbers-7.full.tar.zst", b"all of it"), target("a", b"")],
        };
        for number in [1, 2] {
            new.root.sign(&key(number)).unwrap();
        }
        new.shelf.set("1.root.json", new.root.finish(None).unwrap());
        new.publish();
        new
    }

    /// The next root, as `change` has it, signed by these keys.
    pub(crate) fn rotate(&mut self, change: impl FnOnce(&mut RootDraft), signers: &[u8]) {
        let before = self.root.clone();
        let mut draft = before.draft().unwrap();
        draft.edition.version += 1;
        change(&mut draft);
        let mut root = SignedRoot::begin(&draft).unwrap();
        for number in signers {
            root.sign(&key(*number)).unwrap();
        }
        self.shelf.set(&format!("{}.root.json", draft.edition.version), root.finish(Some(&before)).unwrap());
        self.root = root;
    }

    /// Signs all three roles as they are, and puts them up.
    pub(crate) fn publish(&mut self) {
        let targets = sign_targets(self.targets, &self.list, &self.root, &[&key(self.targets_key)]).unwrap();
        self.shelf.set(&format!("{}.targets.json", self.targets.version), targets);
        self.snap();
    }

    /// Signs the snapshot of the targets that are up, and its timestamp.
    pub(crate) fn snap(&mut self) {
        let targets = self.shelf.file(&format!("{}.targets.json", self.targets.version)).clone();
        let snapshot = sign_snapshot(self.snapshot, &targets, &self.root, &[&key(self.online_key)]).unwrap();
        self.shelf.set(&format!("{}.snapshot.json", self.snapshot.version), snapshot);
        self.stamp();
    }

    /// Signs the timestamp of the snapshot that is up.
    pub(crate) fn stamp(&mut self) {
        let snapshot = self.shelf.file(&format!("{}.snapshot.json", self.snapshot.version)).clone();
        let timestamp = sign_timestamp(self.timestamp, &snapshot, &self.root, &[&key(self.online_key)]).unwrap();
        self.shelf.set("timestamp.json", timestamp);
    }

    /// All three, one version on.
    pub(crate) fn next(&mut self) {
        self.targets.version += 1;
        self.snapshot.version += 1;
        self.timestamp.version += 1;
        self.publish();
    }

    /// What a client begins with.
    pub(crate) fn begin(&self) -> Kept {
        Kept::begin(self.shelf.file("1.root.json").clone())
    }

    /// What a client has that follows it now.
    pub(crate) fn kept(&self) -> Kept {
        self.follow(&self.begin()).unwrap().kept().clone()
    }

    pub(crate) fn follow(&self, kept: &Kept) -> Result<Trusted, Refused> {
        follow(&self.shelf, kept, day(0), Freshness::Required)
    }

    /// The message a client ends with.
    pub(crate) fn refusal(&self, kept: &Kept) -> String {
        match self.follow(kept) {
            Ok(_) => panic!("it was taken"),
            Err(refused) => {
                assert!(refused.why.help().is_some());
                refused.to_string()
            }
        }
    }
}
