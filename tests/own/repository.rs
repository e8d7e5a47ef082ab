//! A signed repository of versions, in memory: served on loopback, or asked directly.

use crate::server::{Asked, Reply, Server};
use relocate::base::digest::Digest;
use relocate::objects::{Got, Object, ObjectError, Objects, Presence, Put, When, Wish};
use relocate::tuf::{
    Edition, Keys, Moment, RootDraft, SecretKey, SignedRoot, Target, sign_snapshot, sign_targets, sign_timestamp,
};
use relocate::web::Content;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// The files of a repository, which may change.
pub(crate) type Files = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// So many days from now.
pub(crate) fn day(days: i64) -> Moment {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Moment::from_seconds(i64::try_from(now).unwrap() + days * 86_400)
}

fn key(number: u8) -> SecretKey {
    SecretKey::from_seed(&[number; 32]).unwrap()
}

/// A repository in the making.
pub(crate) struct Repository {
    pub(crate) files: Files,
    root: SignedRoot,
    version: u64,
    /// How many days what is signed next is good.
    pub(crate) days: i64,
    list: BTreeMap<String, Target>,
    serial: u32,
}

impl Repository {
    pub(crate) fn new() -> Self {
        let keys = |number| Keys { threshold: 1, keys: vec![key(number).public()] };
        let draft = RootDraft {
            edition: Edition { version: 1, expires: day(365) },
            root: keys(1),
            targets: keys(2),
            snapshot: keys(3),
            timestamp: keys(3),
        };
        let mut root = SignedRoot::begin(&draft).unwrap();
        root.sign(&key(1)).unwrap();
        let bytes = root.finish(None).unwrap();
        let files = Arc::new(Mutex::new(BTreeMap::from([("tuf/1.root.json".to_owned(), bytes)])));
        Self { files, root, version: 0, days: 14, list: BTreeMap::new(), serial: 0 }
    }

    /// One with these versions.
    pub(crate) fn with(tools: &[(&str, &[u8])]) -> Self {
        let mut new = Self::new();
        for (version, bytes) in tools {
            new.add(version, bytes, None);
        }
        new.sign();
        new
    }

    /// Puts a version up; `sign` makes it known.
    pub(crate) fn add(&mut self, version: &str, bytes: &[u8], wants: Option<&str>) -> Digest {
        self.serial += 1;
        let mut custom = json!({
            "app": "relocate", "serial": self.serial, "version": version, "channels": ["stable"],
            "platform": "x86_64-linux", "kind": "tool",
        });
        if let Some(wants) = wants {
            custom["min_tool"] = json!(wants);
        }
        let name = format!("relocate-{}.tool", self.serial);
        let digest = Digest::of(bytes);
        let target = Target::new(&name, bytes.len() as u64, digest, custom.as_object().unwrap().clone()).unwrap();
        self.files.lock().unwrap().insert(target.place(), bytes.to_vec());
        self.list.insert(name, target);
        digest
    }

    /// Signs a list of all that was put up.
    pub(crate) fn sign(&mut self) {
        self.version += 1;
        let edition = Edition { version: self.version, expires: day(self.days) };
        let list: Vec<_> = self.list.values().cloned().collect();
        let targets = sign_targets(edition, &list, &self.root, &[&key(2)]).unwrap();
        let snapshot = sign_snapshot(edition, &targets, &self.root, &[&key(3)]).unwrap();
        let timestamp = sign_timestamp(edition, &snapshot, &self.root, &[&key(3)]).unwrap();
        let mut files = self.files.lock().unwrap();
        files.insert(format!("tuf/{}.targets.json", self.version), targets);
        files.insert(format!("tuf/{}.snapshot.json", self.version), snapshot);
        files.insert("tuf/timestamp.json".to_owned(), timestamp);
    }

    /// The first root.
    pub(crate) fn root(&self) -> Vec<u8> {
        self.files.lock().unwrap()["tuf/1.root.json"].clone()
    }

    /// A server of it; `lie` may answer in its own way.
    pub(crate) fn serve(&self, lie: impl Fn(&Asked, Option<&[u8]>) -> Option<Reply> + Send + Sync + 'static) -> Server {
        let files = self.files.clone();
        Server::start(move |asked| {
            let bytes = files.lock().unwrap().get(asked.target.trim_start_matches("/repo/")).cloned();
            lie(asked, bytes.as_deref()).unwrap_or_else(|| honest(asked, bytes.as_deref()))
        })
    }
}

/// Whether a name is that of a program.
pub(crate) fn is_tool(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, end)| end == "tool")
}

/// How often a program was asked for.
pub(crate) fn fetched(server: &Server) -> usize {
    server.log().iter().filter(|asked| is_tool(&asked.target)).count()
}

/// What a plain server answers.
pub(crate) fn honest(asked: &Asked, bytes: Option<&[u8]>) -> Reply {
    let Some(bytes) = bytes else { return Reply::new(404, b"none") };
    let tag = format!("\"{}\"", &Digest::of(bytes).to_string()[..16]);
    if asked.header("if-none-match") == Some(&tag) {
        return Reply::new(304, b"").with("etag", &tag);
    }
    Reply::file(asked, bytes, &tag)
}

/// The files without a server.
#[derive(Clone)]
pub(crate) struct Memory(pub(crate) Files);

impl Objects for Memory {
    fn shown(&self, name: &str) -> String {
        format!("memory:{name}")
    }

    fn get(&self, name: &str, wish: &Wish<'_>) -> Result<Got, ObjectError> {
        let Some(bytes) = self.0.lock().unwrap().get(name).cloned() else { return Ok(Got::Missing) };
        let tag = format!("\"{}\"", Digest::of(&bytes));
        if wish.known == Some(tag.as_str()) {
            return Ok(Got::Same);
        }
        let from = wish.rest.filter(|(_, known)| *known == tag).map_or(0, |(from, _)| from);
        let rest = bytes[usize::try_from(from).unwrap().min(bytes.len())..].to_vec();
        let length = Some(rest.len() as u64);
        Ok(Got::Bytes(Object { from, length, state: Some(tag), reader: Box::new(Cursor::new(rest)) }))
    }

    fn look(&self, name: &str) -> Result<Presence, ObjectError> {
        let is_there = self.0.lock().unwrap().contains_key(name);
        Ok(if is_there { Presence::There } else { Presence::Missing })
    }

    fn put(&self, _: &str, _: Content<'_>, _: When<'_>) -> Result<Put, ObjectError> {
        panic!("nothing is put")
    }

    fn remove(&self, _: &str) -> Result<(), ObjectError> {
        panic!("nothing is removed")
    }
}
