//! The update itself, step by step.

use super::audit::Audit;
use super::build::Build;
use super::error::UpdateError;
use super::here::Here;
use super::moved::installed_for;
use super::offered;
use super::policy::Policy;
use super::source::{Source, Typed};
use super::trial::{Trial, Verdict};
use super::wish::{Outcome, Report, Summary, Task, Wish};
use crate::base::write::Parents;
use crate::client::{Fetch, Follow, RootKey, Trust};
use crate::live::{Held, Known, LiveError, Root, Serial, State};
use crate::objects::Objects;
use crate::preflight;
use crate::release::{Choice, Hooks, Never, Offer, Release, Way, choose};
use crate::tuf::Trusted;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Does it.
pub fn update(wish: &Wish<'_>) -> Result<Report, UpdateError> {
    if wish.task == Task::DryRun {
        // What is not there yet is as good as empty.
        let Ok(root) = Root::open(wish.root) else { return Run { wish, root: Root::planned(wish.root) }.look() };
        return Run { wish, root }.look();
    }
    Parents::make(&wish.root.join("any"))?.keep();
    let root = Root::open(wish.root)?;
    let mut held = root.hold(wish.wait)?;
    let run = Run { wish, root };
    if wish.task == Task::Check {
        return run.look();
    }
    let audit = Audit::of(&run.root, wish.clock, wish.tool);
    let done = settle(&mut held, &audit).and_then(|()| run.update(&mut held, &audit));
    done.inspect_err(|error| audit.failed("update", error))
}

pub(super) struct Run<'a> {
    pub(super) wish: &'a Wish<'a>,
    pub(super) root: Root,
}

/// What is trusted, and where it came from.
pub(super) struct Followed {
    pub(super) trusted: Trusted,
    pub(super) source: Source,
    pub(super) objects: Box<dyn Objects>,
}

impl Run<'_> {
    /// Says what there is, and changes nothing.
    fn look(&self) -> Result<Report, UpdateError> {
        let followed = self.follow()?;
        let offer = offered::offer(&followed.trusted, &followed.source.app, self.wish.platform);
        let here = Here::of(&self.root, self.wish.retry)?;
        self.warn_if_moved(here.current);
        let outcome = match choose(&offer, &followed.source.channel, &here.have()) {
            Choice::Nothing => Outcome::Nothing,
            Choice::Never(why) => never(why, &followed.source, here.current)?,
            Choice::Update { release, way } => {
                self.fits(release)?;
                Outcome::Available(summary(release, way))
            }
        };
        Ok(self.report(followed.source, here.current.map(Serial), outcome))
    }

    /// Makes the newest release the current one.
    fn update(&self, held: &mut Held, audit: &Audit<'_>) -> Result<Report, UpdateError> {
        let trial = Trial { audit, cancel: self.wish.cancel, warn: self.wish.warn };
        if let Some(report) = self.finish(held, &trial)? {
            return Ok(report);
        }
        let followed = self.follow()?;
        followed.source.keep_in(&self.root.records())?;
        let source = &followed.source;
        let offer = offered::offer(&followed.trusted, &source.app, self.wish.platform);
        let here = Here::of(&self.root, self.wish.retry)?;
        self.warn_if_moved(here.current);
        let before = here.current.map(Serial);
        let release = match choose(&offer, &source.channel, &here.have()) {
            Choice::Nothing => return Ok(self.report(followed.source, before, Outcome::Nothing)),
            Choice::Never(why) => {
                let outcome = never(why, source, here.current)?;
                return Ok(self.report(followed.source, before, outcome));
            }
            Choice::Update { release, .. } => release,
        };
        self.fits(release)?;
        if let Some(hooks) = self.hooks(release) {
            Policy::read(self.root.path())?.permits(hooks, self.root.path())?;
        }
        let way = self.build(held, &followed, &offer, here)?;
        let serial = Serial(release.custom.serial);
        if way != Way::Installed
            && let Err(why) = preflight::label(self.wish.machine, &self.root.release(serial))
        {
            (self.wish.warn)(format!("release {serial} keeps the SELinux label that its files were made with: {why}"));
        }
        self.activate(held, (release, way), source, audit)?;
        let outcome = match self.tried(held, &trial)? {
            Verdict::Returned(to, failed) => Outcome::Returned { serial, to, failed },
            Verdict::Passed => {
                let collected = held.collect(source.keep)?;
                self.fetch_in(&*followed.objects, &self.cache()).clear(None)?;
                Outcome::Updated { release: summary(release, way), gone: collected.gone, leased: collected.leased }
            }
        };
        Ok(self.report(followed.source, before, outcome))
    }

    /// Goes on with a trial that an earlier run left; tells of it where that release was not well.
    fn finish(&self, held: &mut Held, trial: &Trial<'_>) -> Result<Option<Report>, UpdateError> {
        let State { trial: tried, returning, .. } = held.state();
        let serial = tried.map(|(_, serial)| serial).or(returning.map(|(serial, _)| serial));
        let Some(serial) = serial else { return Ok(None) };
        let Verdict::Returned(to, failed) = self.tried(held, trial)? else { return Ok(None) };
        let source = Source::read(&self.root.records())?;
        let source = source.ok_or_else(|| UpdateError::NoSource(self.root.path().to_owned()))?;
        Ok(Some(self.report(source, Some(serial), Outcome::Returned { serial, to, failed })))
    }

    /// Makes a release current that was built a moment ago.
    fn activate(
        &self,
        held: &mut Held,
        (release, way): (&Release, Way),
        source: &Source,
        audit: &Audit<'_>,
    ) -> Result<(), UpdateError> {
        let (serial, version) = (Serial(release.custom.serial), release.custom.version.clone());
        let installed = held.state().releases.get(&serial).map(|known| known.installed);
        let installed = installed.unwrap_or_else(|| (self.wish.clock)().seconds());
        let known = Known { version, installed, hooks: self.hooks(release).cloned() };
        // Whoever built it compared every byte.
        let built = held.built(serial, known, |_| Ok::<(), LiveError>(()))?;
        held.forgive(serial)?;
        let active = held.activate(built)?;
        let facts = json!({
            "result": "done", "from": active.before, "to": serial, "version": release.custom.version,
            "way": word(way), "fetched": bytes(way), "repository": crate::web::shown_url(&source.from),
        });
        audit.note("update", facts)
    }

    /// What a release wants to be run, where that is done.
    fn hooks<'r>(&self, release: &'r Release) -> Option<&'r Hooks> {
        release.manifest.custom.hooks.as_ref().filter(|_| self.wish.hooks)
    }

    /// What becomes of a release that is on trial, as an earlier run may have left one.
    fn tried(&self, held: &mut Held, trial: &Trial<'_>) -> Result<Verdict, UpdateError> {
        if self.wish.hooks {
            return trial.hold(held);
        }
        Trial::waive(held)?;
        Ok(Verdict::Passed)
    }

    /// A directory that was moved has releases whose files name the old path; the next release will name the new one.
    fn warn_if_moved(&self, current: Option<u32>) {
        let Some(current) = current.map(Serial) else { return };
        if let Some(at) = installed_for(&self.root.release(current)) {
            let now = self.root.release(current);
            (self.wish.warn)(format!("release {current} was installed for '{at}' and is at '{}' now", now.display()));
        }
    }

    pub(super) fn follow(&self) -> Result<Followed, UpdateError> {
        let wish = self.wish;
        let old = Source::read(&self.root.records())?;
        let trust = Trust::at(self.root.records().join("trust"));
        if let (Some(old), Some(key)) = (&old, wish.root_key) {
            self.same_root(old, key, &trust)?;
        }
        let from = wish.typed.from.as_deref().or(old.as_ref().map(|old| old.from.as_str()));
        let from = from.ok_or_else(|| UpdateError::NoSource(self.root.path().to_owned()))?.to_owned();
        let ca_file = wish.typed.ca_file.as_deref().or(old.as_ref().and_then(|old| old.ca_file.as_deref()));
        let objects = (wish.open)(&from, ca_file)?;
        let follow = Follow {
            trust: &trust,
            root_key: wish.root_key,
            now: (wish.clock)(),
            freshness: wish.freshness,
            keeps: wish.task != Task::DryRun,
            warn: wish.warn,
        };
        let trusted = follow.follow(&*objects)?;
        let source = if let Some(mut old) = old {
            old.root_key = wish.root_key.map(RootKey::sum).or(old.root_key);
            let from = wish.typed.from.clone().filter(|_| !wish.once);
            old.with(&Typed { from, ..wish.typed.clone() })?
        } else {
            let app = offered::app(&trusted, wish.typed.app.as_deref(), wish.platform)?;
            Source::new(from, app, wish.root_key.map(RootKey::sum)).with(&wish.typed)?
        };
        Ok(Followed { trusted, source, objects })
    }

    /// A root that is named again must be the one that trust began with, or there must be no trust.
    fn same_root(&self, old: &Source, key: &RootKey, trust: &Trust) -> Result<(), UpdateError> {
        let typed = key.sum();
        let here = old.root_key.unwrap_or(typed);
        if here == typed || matches!(trust.read(), Ok(None)) {
            return Ok(());
        }
        Err(UpdateError::OtherRoot { here, typed, trust: self.root.records().join("trust") })
    }

    /// The release whose turn it is, built whole in its place; by which way it came.
    fn build(&self, held: &mut Held, followed: &Followed, offer: &Offer, mut here: Here) -> Result<Way, UpdateError> {
        let cache = self.cache();
        let fetch = self.fetch_in(&*followed.objects, &cache);
        let build = Build { root: &self.root, trusted: &followed.trusted, fetch: &fetch, wish: self.wish };
        loop {
            let Choice::Update { release, way } = choose(offer, &followed.source.channel, &here.have()) else {
                // It was chosen a moment ago; only fewer ways to it are known since.
                return Err(UpdateError::Live(LiveError::NoCurrent));
            };
            match build.build(held, release, way)? {
                None => return Ok(way),
                Some(useless) => here.installed.retain(|serial| *serial != useless.0),
            }
        }
    }

    fn fetch_in<'a>(&'a self, objects: &'a dyn Objects, cache: &'a Path) -> Fetch<'a> {
        Fetch { objects, cache, listener: self.wish.listener, cancel: self.wish.cancel }
    }

    fn cache(&self) -> PathBuf {
        self.root.records().join("cache")
    }

    pub(super) fn fits(&self, release: &Release) -> Result<(), UpdateError> {
        let (serial, have) = (release.custom.serial, self.wish.tool);
        match &release.custom.min_tool {
            Some(wants) if !offered::is_at_least(have, wants) => {
                Err(UpdateError::Tool { serial, wants: wants.clone(), have: have.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn report(&self, source: Source, before: Option<Serial>, outcome: Outcome) -> Report {
        let Source { app, channel, .. } = source;
        Report { root: self.root.path().to_owned(), app, channel, before, outcome }
    }
}

/// Finishes what a killed run left.
fn settle(held: &mut Held, audit: &Audit<'_>) -> Result<(), UpdateError> {
    held.settle()?.finished.map_or(Ok(()), |to| audit.note("finished", json!({ "to": to })))
}

/// Why the newest one does not come: an error, or all is well as it is.
fn never(why: Never, source: &Source, current: Option<u32>) -> Result<Outcome, UpdateError> {
    match why {
        Never::Bad { .. } | Never::Older { .. } if current.is_some() => Ok(Outcome::Stays(why)),
        why => Err(UpdateError::Never { why, channel: source.channel.clone() }),
    }
}

pub(super) fn summary(release: &Release, way: Way) -> Summary {
    Summary { serial: release.custom.serial, version: release.custom.version.clone(), way }
}

/// A way in one word.
pub(super) fn word(way: Way) -> &'static str {
    match way {
        Way::Installed => "installed",
        Way::Delta { .. } => "delta",
        Way::Full { .. } => "full",
    }
}

fn bytes(way: Way) -> u64 {
    match way {
        Way::Installed => 0,
        Way::Delta { bytes, .. } | Way::Full { bytes } => bytes,
    }
}
