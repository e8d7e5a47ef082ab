//! A home that follows a repository: as the program is started in it, and as the same is decided in this process.

use crate::call::Call;
use crate::place::{Place, USER, is_root};
use crate::repository::{Memory, Repository, day};
use crate::server::Server;
use relocate::objects::Objects;
use relocate::own::{Begin, Begun, LIMIT, Note, begin};
use relocate::release::Version;
use relocate::tuf::Moment;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A place with a home.
pub(crate) struct Lab {
    pub(crate) place: Place,
}

impl Lab {
    /// One that follows nothing.
    pub(crate) fn new() -> Self {
        let place = Place::new();
        fs::create_dir(place.at("tmp")).unwrap();
        Self { place }
    }

    /// One that follows a repository at an address, as somebody set it up once. Nothing was asked yet.
    pub(crate) fn following(repository: &Repository, from: &str, policy: &str) -> Self {
        let lab = Self::new();
        fs::write(lab.place.at("root.json"), repository.root()).unwrap();
        lab.follow(from, policy);
        // Trust begins with what the user brought; no run of the program is needed for that.
        let trust = relocate::client::Trust::at(lab.tool().join("trust"));
        trust.keep(&relocate::tuf::Kept::begin(repository.root())).unwrap();
        lab
    }

    /// The same for a server of it.
    pub(crate) fn of(repository: &Repository, server: &Server, policy: &str) -> Self {
        Self::following(repository, &server.url("repo"), policy)
    }

    /// Says where versions come from.
    pub(crate) fn follow(&self, from: &str, policy: &str) {
        let source = json!({ "format": 1, "from": from, "channel": "stable", "policy": policy });
        fs::create_dir_all(self.tool()).unwrap();
        crate::place::chmod(self.tool(), 0o700);
        fs::write(self.tool().join("source.json"), source.to_string()).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.place.at("home")
    }

    pub(crate) fn tool(&self) -> PathBuf {
        self.home().join("tool")
    }

    /// What is known there; null before the first time.
    pub(crate) fn state(&self) -> Value {
        fs::read(self.tool().join("state.json")).map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap())
    }

    /// Changes what is known there.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        change(&mut state);
        fs::write(self.tool().join("state.json"), state.to_string()).unwrap();
    }

    /// A day goes by.
    pub(crate) fn tomorrow(&self) {
        if !self.state().is_null() {
            self.change(|state| state["asked"] = Value::Null);
        }
    }

    /// The version that is entered; none where the installed program runs.
    pub(crate) fn current(&self) -> Option<String> {
        let state = self.state();
        let current = state["current"].as_str()?;
        Some(state["copies"][current]["version"].as_str().unwrap().to_owned())
    }

    /// A start of a program with this home, in an environment that says nothing else.
    pub(crate) fn call(&self, program: &Path, arguments: &[&str]) -> Call {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.place.dir()).stdin(Stdio::null());
        command.env_clear().env("RELOCATE_HOME", self.home()).env("TMPDIR", self.place.at("tmp"));
        Call(command)
    }

    /// What a start of a version would do first, with the repository at hand.
    pub(crate) fn begin(&self, version: &str, repository: &Repository) -> Begun {
        let files = repository.files.clone();
        self.begin_with(version, day(0), move || Ok(Box::new(Memory(files.clone()))))
    }

    /// The same at some time, with something in the place of the repository.
    pub(crate) fn begin_with(
        &self,
        version: &str,
        now: Moment,
        open: impl Fn() -> Result<Box<dyn Objects>, String> + Send + Sync + 'static,
    ) -> Begun {
        self.begin_within(LIMIT, version, now, open)
    }

    /// The same, within some time.
    pub(crate) fn begin_within(
        &self,
        limit: Duration,
        version: &str,
        now: Moment,
        open: impl Fn() -> Result<Box<dyn Objects>, String> + Send + Sync + 'static,
    ) -> Begun {
        let home = self.home();
        let variable = |name: &str| (name == "RELOCATE_HOME").then(|| OsString::from(&home));
        begin(&Begin {
            arguments: &["relocate".into(), "check".into(), "x".into()],
            variable: &variable,
            version: &Version::parse(version).unwrap(),
            platform: "x86_64-linux",
            pid: std::process::id(),
            clock: &|| now,
            open: Arc::new(move |_, _| open()),
            limit,
        })
    }

    /// Gives the home to the ordinary user, where this is root.
    pub(crate) fn give(&self) {
        if is_root() {
            crate::place::succeed(Command::new("chown").args(["-Rh", &format!("{USER}:{USER}")]).arg(self.place.dir()));
        }
    }
}

/// What a person would read, a line for each note.
pub(crate) fn notes(begun: &Begun) -> Vec<String> {
    let text = |note: &Note| match note {
        Note::Warning(text) => format!("warning: {text}"),
        Note::Notice(text) => format!("note: {text}"),
    };
    begun.notes.iter().map(text).collect()
}
