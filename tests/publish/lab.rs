//! A repository in a directory, its keys beside it, small archives to publish, and a client that follows.

use crate::call::{Call, relocate};
use crate::place::Place;
use relocate::base::digest::Digest;
use relocate::objects::{Directory, Objects};
use relocate::tuf::{Freshness, Kept, Moment, Trusted, follow};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

/// A place with a repository and keys without passphrases.
pub(crate) struct Lab {
    pub(crate) place: Place,
}

impl Lab {
    /// An empty repository with three root keys.
    pub(crate) fn new() -> Self {
        let lab = Self { place: Place::new() };
        lab.init(&["--no-passphrase"]).expect(0, &["made the repository repo"], &[]);
        lab
    }

    pub(crate) fn init(&self, more: &[&str]) -> Call {
        for dir in ["keys", "tmp"] {
            fs::create_dir_all(self.place.at(dir)).unwrap();
        }
        let keys = ["keys/a.pem", "keys/b.pem", "keys/c.pem"];
        let keys: Vec<_> = keys.iter().flat_map(|key| ["--root-key-out", key]).collect();
        self.call(&[&["repo", "init", "repo"][..], &keys, more].concat())
    }

    /// `relocate` with the release key at hand.
    pub(crate) fn call(&self, words: &[&str]) -> Call {
        let call = relocate(self.place.dir(), words).env("TMPDIR", self.place.at("tmp")).env("HOME", self.place.dir());
        call.env("RELOCATE_RELEASE_KEY", self.place.at("keys/release.pem"))
    }

    /// An archive with one program and a text that says `word`.
    pub(crate) fn archive(&self, word: &str) -> PathBuf {
        let root = self.place.at(format!("built {word}"));
        fs::create_dir_all(root.join("bin")).unwrap();
        fs::write(root.join("bin/say"), "#!/bin/sh\necho it runs\n").unwrap();
        crate::place::chmod(root.join("bin/say"), 0o755);
        fs::write(root.join("word"), word).unwrap();
        // Bytes that do not get smaller, the same in every archive.
        let noise: Vec<u8> = (0..512u32).flat_map(|at| Digest::of(&at.to_le_bytes()).bytes()).collect();
        fs::write(root.join("noise"), noise).unwrap();
        let name = format!("{word}.tar.gz");
        let root = root.to_str().unwrap();
        let old = ["--old-prefix", "/opt/of/this/test"];
        relocate(self.place.dir(), [&[root, "-o", &name, "--top-dir", "app"][..], &old].concat()).expect(
            0,
            &["proven"],
            &[],
        );
        self.place.at(name)
    }

    /// Publishes an archive quickly; the report.
    pub(crate) fn publish(&self, word: &str, more: &[&str]) -> Value {
        let archive = format!("{word}.tar.gz");
        let words = ["publish", &archive, "repo", "--app", "app", "--level", "1", "--json"];
        self.call(&[&words[..], more].concat()).expect(0, &["\"exit\": 0"], &[]).json()
    }

    pub(crate) fn objects(&self) -> Directory {
        Directory::new(&self.place.at("repo"))
    }

    /// What a client that never saw it finds now.
    pub(crate) fn follow(&self) -> Trusted {
        follow_from(&self.objects(), &self.first()).unwrap()
    }

    pub(crate) fn first(&self) -> Kept {
        Kept::begin(fs::read(self.place.at("repo/tuf/1.root.json")).unwrap())
    }

    /// Names of the files that the repository's list has.
    pub(crate) fn listed(&self) -> Vec<String> {
        names(&self.follow())
    }
}

pub(crate) fn names(trusted: &Trusted) -> Vec<String> {
    trusted.targets().iter().map(|target| target.name().to_owned()).collect()
}

pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Moment::from_seconds(since.as_secs().try_into().unwrap())
}

pub(crate) fn follow_from(objects: &dyn Objects, kept: &Kept) -> Result<Trusted, String> {
    follow(objects, kept, now(), Freshness::Required).map_err(|refused| refused.to_string())
}
