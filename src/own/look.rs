//! The repository is asked, and a newer version fetched, in a thread of its own that nobody has to wait for.
//!
//! Whatever it hangs in (a name that nobody looks up, a server that drips), who waits goes on when the time is over. The thread goes
//! on fetching for as long as the process has other work, and never does more than that: what came is installed by the next
//! start. It holds the lock for as long.

use super::choose;
use super::error::OwnError;
use super::home::Home;
use super::source::{Policy, Source};
use super::state::State;
use crate::base::child::Cancel;
use crate::base::deadline::Deadline;
use crate::base::event::Silent;
use crate::client::{self, ClientError, Fetch, Follow, RootKey, Trust};
use crate::objects::Objects;
use crate::release::{Tool, Version, tools};
use crate::tuf::{Freshness, Moment, Trusted, Why, recall};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Opens the place that a repository is at, with the certificates that alone are believed.
pub type Open = dyn Fn(&str, Option<&Path>) -> Result<Box<dyn Objects>, String> + Send + Sync;

/// What is looked for.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) home: Home,
    pub(super) source: Source,
    /// How trust begins, where a project says it.
    pub(super) root_key: Option<RootKey>,
    /// The version of this program.
    pub(super) version: Version,
    pub(super) platform: String,
    pub(super) state: State,
    pub(super) now: Moment,
    pub(super) open: Arc<Open>,
    /// Whether what was found the last time is gone on with, and nothing else asked.
    pub(super) resumes: bool,
}

/// How far it is.
pub(super) enum Step {
    /// This is there; what was let pass.
    Known(Vec<Tool>, Vec<String>),
    /// This one is fetched, to this place.
    Fetched(Box<Tool>, PathBuf),
    /// It ended so.
    Failed(OwnError),
}

/// What comes of it, until the time is over.
pub(super) struct Looking {
    steps: Receiver<Step>,
    until: Deadline,
}

/// Nothing more comes.
pub(super) enum Over {
    /// The time is.
    Time,
    /// It has ended.
    Done,
}

impl Looking {
    /// The next step.
    pub(super) fn next(&self) -> Result<Step, Over> {
        self.steps.recv_timeout(self.until.left()).map_err(|error| match error {
            RecvTimeoutError::Timeout => Over::Time,
            RecvTimeoutError::Disconnected => Over::Done,
        })
    }
}

impl Look {
    /// Begins to look; the lock is held until it is done.
    pub(super) fn begin(self, held: Arc<File>, until: Deadline) -> Result<Looking, OwnError> {
        let (say, steps) = channel();
        let work = move || {
            let done = self.work(&say);
            // First of all: who hears that it is done may begin anew.
            drop(held);
            if let Err(error) = done {
                // Nobody waits any more, perhaps.
                let _ = say.send(Step::Failed(error));
            }
        };
        let started = thread::Builder::new().name("newer".to_owned()).spawn(work);
        started.map_err(|error| OwnError::Open(format!("no thread can be started: {error}")))?;
        Ok(Looking { steps, until })
    }

    fn work(&self, say: &Sender<Step>) -> Result<(), OwnError> {
        let objects = (self.open)(&self.source.from, self.source.ca_file.as_deref()).map_err(OwnError::Open)?;
        let warnings = Mutex::new(Vec::new());
        let warn = |text: String| warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        let trusted = if self.resumes { self.recall()? } else { self.follow(&*objects, &warn)? };
        let tools = tools(client::files(&trusted), &self.platform);
        let warnings = warnings.into_inner().unwrap_or_else(PoisonError::into_inner);
        let _ = say.send(Step::Known(tools.clone(), warnings));
        let wish = choose::Wish {
            tools: &tools,
            channel: &self.source.channel,
            version: &self.version,
            state: &self.state,
            again: false,
        };
        if self.source.policy == Policy::Auto
            && let Some(tool) = wish.near()
        {
            let path = fetch(&self.home, &trusted, tool, &*objects)?;
            let _ = say.send(Step::Fetched(Box::new(tool.clone()), path));
        }
        Ok(())
    }

    fn follow(&self, objects: &dyn Objects, warn: &dyn Fn(String)) -> Result<Trusted, OwnError> {
        let trust = Trust::at(self.home.trust());
        let follow = Follow {
            trust: &trust,
            root_key: self.root_key.as_ref(),
            now: self.now,
            freshness: Freshness::Required,
            keeps: true,
            warn,
        };
        Ok(follow.follow(objects)?)
    }

    /// What was trusted a while ago, where it is still fresh: nothing that expired comes without asking.
    fn recall(&self) -> Result<Trusted, OwnError> {
        remembered(&self.home, self.now, Freshness::Required)?.ok_or(OwnError::Client(ClientError::NoRootKey))
    }
}

/// What is trusted, without asking anybody; none where nobody was ever asked.
pub(super) fn remembered(home: &Home, now: Moment, freshness: Freshness) -> Result<Option<Trusted>, OwnError> {
    let kept = Trust::at(home.trust()).read().map_err(ClientError::Damaged)?;
    let Some(kept) = kept else { return Ok(None) };
    let recalled = recall(&kept, now, freshness).map_err(|refused| ClientError::Trust(refused.why))?;
    Ok(Some(recalled))
}

/// Fetches a version; where it is.
pub(super) fn fetch(home: &Home, trusted: &Trusted, tool: &Tool, objects: &dyn Objects) -> Result<PathBuf, OwnError> {
    fetch_with(home, trusted, tool, objects, (&Silent, &Cancel::default()))
}

/// The same; is told how far it is, and stopped.
pub(super) fn fetch_with(
    home: &Home,
    trusted: &Trusted,
    tool: &Tool,
    objects: &dyn Objects,
    (listener, cancel): (&dyn crate::base::event::Listener, &Cancel),
) -> Result<PathBuf, OwnError> {
    let name = &tool.file.name;
    let missing = || ClientError::Trust(Why::Missing { file: name.clone() });
    let target = trusted.target(name).ok_or_else(missing)?;
    let cache = home.cache();
    Ok(Fetch { objects, cache: &cache, listener, cancel }.fetch(target)?)
}
