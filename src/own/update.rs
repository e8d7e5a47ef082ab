//! `relocate self update`: a newer version is taken because somebody asks for it, whatever the policy; and the one before again.

use super::audit;
use super::choose::Wish;
use super::copies;
use super::entering::{self, Entered, Entrance};
use super::error::OwnError;
use super::home::{Home, Variable};
use super::look::{self, Open};
use super::pinned::Pinned;
use super::source::{Policy, Source, Typed};
use super::start::place;
use super::state::State;
use crate::base::child::Cancel;
use crate::base::digest::Digest;
use crate::base::event::Listener;
use crate::client::{self, Follow, RootKey, Trust};
use crate::objects::Objects;
use crate::release::{Tool, Version, tools};
use crate::tuf::{Freshness, Moment, Trusted};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// The program, its machine and its user, as every command about itself needs them.
pub struct Own<'a> {
    /// The environment.
    pub variable: &'a Variable<'a>,
    /// The version of this program.
    pub version: &'a Version,
    /// What it runs on, such as `x86_64-linux`.
    pub platform: &'a str,
    /// The number of this process.
    pub pid: u32,
    /// The time now.
    pub now: Moment,
    /// Opens the repository.
    pub open: Arc<Open>,
}

/// What is wanted of an update.
pub struct Update<'a> {
    /// What was typed of where versions come from.
    pub typed: Typed,
    /// How trust begins, the first time.
    pub root_key: Option<&'a RootKey>,
    /// Whether it is only told what there is.
    pub check: bool,
    /// Whether a version that was bad or gone back from may come.
    pub again: bool,
    /// Whether another process that is at it is waited for.
    pub wait: bool,
    /// Is told what is wrong and was let pass.
    pub warn: &'a dyn Fn(String),
    /// Is told how far it is.
    pub listener: &'a dyn Listener,
    /// Stops what is being fetched.
    pub cancel: &'a Cancel,
}

/// What came of it.
#[derive(Debug)]
pub enum Updated {
    /// The newest is in use; the channel.
    Nothing(String),
    /// There is a newer one, which was bad here or gone back from.
    Stays(Version),
    /// There is a newer one, and it was only asked for.
    Available(Version),
    /// There is a newer one, which wants an older one first that the repository does not have.
    OutOfReach {
        /// The newest.
        version: Version,
        /// What it wants.
        wants: Version,
    },
    /// A newer one is used from now on.
    Taken {
        /// Which.
        version: Version,
        /// The sha256 of its program.
        sha256: Digest,
        /// A yet newer one wants this one to take it: it is to be entered, with the same arguments.
        next: Option<Entrance>,
    },
    /// The copy in use is newer than this program, and does it: it is to be entered, with the same arguments.
    Enter(Entrance),
}

/// A repository that was followed a moment ago.
struct Known<'a> {
    home: &'a Home,
    source: &'a Source,
    trusted: &'a Trusted,
    objects: &'a dyn Objects,
}

impl Own<'_> {
    /// Where versions are; an error where nothing says so.
    pub fn place(&self) -> Result<(Home, Option<Pinned>), OwnError> {
        place(self.variable)?.ok_or(OwnError::NoHome)
    }

    fn entered(&self) -> Entered {
        Entered::read((self.variable)(entering::VARIABLE).as_deref(), self.pid)
    }

    fn entrance(&self, home: &Home, digest: Digest) -> Entrance {
        Entrance { home: home.clone(), digest, program: copies::program(home, digest), before: self.entered() }
    }

    /// A copy that is newer than this program and is what it was.
    fn newer_copy(&self, home: &Home, state: &State) -> Option<Entrance> {
        let (digest, version) = state.current()?;
        let may = version > *self.version && self.entered().may_enter(digest);
        let is_right = || matches!(copies::look(home, digest, None), copies::Found::Right(_));
        (may && !entering::fails_to_arrive(home, digest) && is_right()).then(|| self.entrance(home, digest))
    }

    /// Takes the newest version.
    pub fn update(&self, update: &Update<'_>) -> Result<Updated, OwnError> {
        let (home, pinned) = self.place()?;
        let old = old_source(&home, pinned.as_ref(), update)?;
        let from = update.typed.from.clone().or(old.as_ref().map(|old| old.from.clone())).ok_or(OwnError::NoSource)?;
        home.make()?;
        if let Some(entrance) = self.newer_copy(&home, &State::read_or_begin(&home)?) {
            return Ok(Updated::Enter(entrance));
        }
        let _held = home.hold(&mut |_| update.wait)?;
        let source = old.unwrap_or_else(|| Source::new(from, update.root_key.map(RootKey::sum))).with(&update.typed);
        let objects = (self.open)(&source.from, source.ca_file.as_deref()).map_err(OwnError::Open)?;
        let key = pinned.as_ref().map(|pinned| &pinned.root_key).or(update.root_key);
        let trusted = self.follow(&home, key, &*objects, update.warn)?;
        if pinned.is_none() {
            source.keep_in(&home)?;
        }
        self.decide(&Known { home: &home, source: &source, trusted: &trusted, objects: &*objects }, update)
    }

    fn follow(
        &self,
        home: &Home,
        root_key: Option<&RootKey>,
        objects: &dyn Objects,
        warn: &dyn Fn(String),
    ) -> Result<Trusted, OwnError> {
        let trust = Trust::at(home.trust());
        let freshness = Freshness::Required;
        Ok(Follow { trust: &trust, root_key, now: self.now, freshness, keeps: true, warn }.follow(objects)?)
    }

    /// What is done with what there is, and what is known from now on.
    fn decide(&self, known: &Known<'_>, update: &Update<'_>) -> Result<Updated, OwnError> {
        let tools = tools(client::files(known.trusted), self.platform);
        let mut state = State::read_or_begin(known.home)?;
        let channel = known.source.channel.as_str();
        let wish = Wish { tools: &tools, channel, version: self.version, state: &state, again: update.again };
        let (next, newest, last) = (wish.next(), wish.newest(), wish.last());
        let is_more = next.is_some_and(|next| Wish { version: &next.version, ..wish }.next().is_some());
        state.asked = Some(self.now.seconds());
        let done = match (next, newest, last) {
            (.., None) => Err(OwnError::Empty { channel: channel.to_owned(), platform: self.platform.to_owned() }),
            (_, None, Some(last)) if last.version > *self.version => Ok(Updated::Stays(last.version.clone())),
            (_, None, _) => Ok(Updated::Nothing(channel.to_owned())),
            (_, Some(newest), _) if update.check => Ok(Updated::Available(newest.version.clone())),
            (None, Some(newest), _) => {
                let (version, wants) = (newest.version.clone(), newest.wants.clone());
                Ok(Updated::OutOfReach { wants: wants.unwrap_or_else(|| version.clone()), version })
            }
            (Some(tool), ..) => self.fetch(known, &mut state, tool, update).map(|sha256| {
                let next = is_more.then(|| self.entrance(known.home, sha256));
                let next = next.filter(|entrance| entrance.before.may_enter(sha256));
                Updated::Taken { version: tool.version.clone(), sha256, next }
            }),
        };
        state.keep(known.home)?;
        done
    }

    /// Fetches a version, and takes it.
    fn fetch(
        &self,
        known: &Known<'_>,
        state: &mut State,
        tool: &Tool,
        update: &Update<'_>,
    ) -> Result<Digest, OwnError> {
        let telling = (update.listener, update.cancel);
        let path = look::fetch_with(known.home, known.trusted, tool, known.objects, telling)?;
        self.take(known.home, state, tool, &path).map(|()| tool.file.sha256)
    }

    fn take(&self, home: &Home, state: &mut State, tool: &Tool, path: &Path) -> Result<(), OwnError> {
        let (digest, version) = (tool.file.sha256, &tool.version);
        if let Err(error) = copies::install(home, path, digest, version) {
            copies::hear(home, state, (path, digest, version), &error)?;
            return Err(error);
        }
        entering::forget(home, digest);
        state.take(digest, version);
        state.keep(home)?;
        audit::note(
            home,
            self.now,
            self.version,
            "taken",
            json!({ "version": version.to_string(), "sha256": digest }),
        )?;
        copies::collect(home, state)
    }

    /// Goes back to the copy before, or to the installed program. Gives the version that was in use, and the one that is now; none
    /// is the installed one.
    pub fn rollback(&self, wait: bool) -> Result<(Version, Option<Version>), OwnError> {
        let (home, _) = self.place()?;
        if !home.is_ours()? {
            return Err(OwnError::NothingBefore);
        }
        let _held = home.hold(&mut |_| wait)?;
        let mut state = State::read(&home)?;
        let (digest, version) = state.current().ok_or(OwnError::NothingBefore)?;
        let before = state.previous.and_then(|previous| state.copy(previous));
        state.left.insert(digest, version.to_string());
        state.current = before.as_ref().map(|(digest, _)| *digest);
        state.previous = None;
        state.fetching = None;
        state.keep(&home)?;
        let to = before.map(|(_, version)| version);
        let facts =
            json!({ "from": version.to_string(), "sha256": digest, "to": to.as_ref().map(ToString::to_string) });
        audit::note(&home, self.now, self.version, "rollback", facts)?;
        copies::collect(&home, &mut state)?;
        state.keep(&home)?;
        Ok((version, to))
    }

    /// What is done of its own accord, and changes it.
    pub fn policy(&self, policy: Option<Policy>) -> Result<Policy, OwnError> {
        let (home, pinned) = self.place()?;
        if let Some(pinned) = pinned {
            return if policy.is_some() { Err(OwnError::OfProject(pinned.file)) } else { Ok(pinned.policy) };
        }
        let mut source = Source::read(&home)?.ok_or(OwnError::NoSource)?;
        if let Some(policy) = policy {
            home.make()?;
            source.policy = policy;
            source.keep_in(&home)?;
        }
        Ok(source.policy)
    }
}

/// Where versions came from so far. A root that is named again must be the one that trust began with.
fn old_source(home: &Home, pinned: Option<&Pinned>, update: &Update<'_>) -> Result<Option<Source>, OwnError> {
    if let Some(pinned) = pinned {
        let is_typed = update.typed.from.is_some() || update.typed.channel.is_some() || update.root_key.is_some();
        return if is_typed { Err(OwnError::OfProject(pinned.file.clone())) } else { Ok(Some(Source::of(pinned))) };
    }
    let old = Source::read(home)?;
    if let (Some(here), Some(key)) = (old.as_ref().and_then(|old| old.root_key), update.root_key) {
        let (typed, trust) = (key.sum(), home.trust());
        if here != typed && !matches!(Trust::at(trust.clone()).read(), Ok(None)) {
            return Err(OwnError::OtherRoot { here, typed, trust });
        }
    }
    Ok(old)
}
