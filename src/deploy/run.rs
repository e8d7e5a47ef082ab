//! One request from what was asked to what became of it.

use super::caller::Caller;
use super::docs::Docs;
use super::error::DeployError;
use super::git::Repository;
use super::journal::Journal;
use super::policy::{App, Policy};
use super::record;
use super::request::Request;
use super::tree::{Base, draft, is_free};
use super::wanted::Wanted;
use crate::base::child::Cancel;
use crate::base::event::Listener;
use crate::base::host;
use crate::base::path::Prefix;
use crate::base::write::{self, Parents};
use crate::live::{Held, Known, Root, Serial, Wait};
use crate::preflight::Machine;
use crate::tuf::Moment;
use crate::update::{Failed, Local, Taken};
use serde_json::{Map, Value, json};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// With what requests are served.
pub struct Serve<'a> {
    /// Who may deploy what.
    pub policy: &'a Policy,
    /// Who asks.
    pub caller: &'a Caller,
    /// Is told what is being done, line by line.
    pub say: &'a (dyn Fn(&str) + Sync),
    /// Tells the time.
    pub clock: &'a dyn Fn() -> Moment,
    /// The version of this program.
    pub tool: &'a str,
    /// The machine, for the label of files.
    pub machine: &'a Machine,
    /// Is told of progress.
    pub listener: &'a dyn Listener,
    /// Asked to stop.
    pub cancel: &'a Cancel,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The application.
    pub app: String,
    /// The full name of what was asked for; none for a commit id.
    pub reference: Option<String>,
    /// The commit.
    pub commit: String,
    /// The release; none where nothing was to be done.
    pub serial: Option<Serial>,
    /// The one that was current before.
    pub before: Option<Serial>,
    /// What became of it.
    pub outcome: Outcome,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is current.
    Current,
    /// It was not well, and this one is current again.
    Returned(Option<Serial>, Failed),
    /// It would have been done.
    Planned,
}

/// Serves one request.
pub fn serve(serve: &Serve<'_>, request: &Request) -> Result<Deployed, DeployError> {
    let mut found = None;
    let journal = serve.journal();
    let done = Wanted::of(serve.policy, serve.caller, request).and_then(|wanted| {
        journal.note("begun", request, json!({}))?;
        serve.deploy(request, &wanted, &mut found)
    });
    match &done {
        Ok(deployed) => {
            let result = match deployed.outcome {
                Outcome::Current => "deployed",
                Outcome::Returned(..) => "returned",
                Outcome::Planned => "planned",
            };
            let facts = json!({ "commit": deployed.commit, "to": deployed.serial, "before": deployed.before });
            journal.note(result, request, facts)?;
        }
        Err(error) => {
            let result = if matches!(error, DeployError::Denied { .. }) { "refused" } else { "failed" };
            let mut facts = Map::from_iter([("why".to_owned(), json!(error.to_string()))]);
            facts.extend(found.map(|commit: String| ("commit".to_owned(), json!(commit))));
            // The error it is about is the one to hear of.
            let _ = journal.note(result, request, Value::Object(facts));
        }
    }
    done
}

impl Serve<'_> {
    fn journal(&self) -> Journal<'_> {
        Journal { path: &self.policy.audit, caller: self.caller, clock: self.clock, tool: self.tool }
    }

    /// Adds a line to the log for what is no request.
    pub fn refuse(&self, why: &DeployError) -> Result<(), DeployError> {
        self.journal().refused(why)
    }

    /// Does it, and says which commit that is as soon as it is known.
    fn deploy(
        &self,
        request: &Request,
        wanted: &Wanted<'_>,
        found: &mut Option<String>,
    ) -> Result<Deployed, DeployError> {
        let app = wanted.app;
        let warn = |text: String| (self.say)(&format!("warning: {text}"));
        let local =
            Local { clock: self.clock, tool: self.tool, machine: self.machine, warn: &warn, cancel: self.cancel };
        if !request.dry_run {
            Parents::make(&app.root.join("any"))?.keep();
        }
        let root = if request.dry_run {
            Root::open(&app.root).unwrap_or_else(|_| Root::planned(&app.root))
        } else {
            Root::open(&app.root)?
        };
        let wait = if request.wait { Wait::Yes } else { Wait::No };
        let mut held = if request.dry_run { None } else { Some(local.hold(&root, wait)?) };
        let git = Repository { git: &self.policy.git, path: &app.repository, cancel: self.cancel };
        git.owned(host::uid())?;
        if let Some(remote) = app.fetch.as_deref().filter(|_| !request.dry_run) {
            (self.say)(&format!("fetching from {remote}"));
            git.fetch(remote)?;
        }
        let (reference, commit) = wanted.commit(&git)?;
        *found = Some(commit.clone());
        (self.say)(&format!("{} is commit {commit}", reference.as_deref().unwrap_or("what was asked for")));
        let before = root.current()?;
        let mut deployed =
            Deployed { app: request.app.clone(), reference, commit, serial: None, before, outcome: Outcome::Planned };
        let Some(held) = &mut held else { return Ok(deployed) };
        let serial = Local::next(held)?;
        deployed.serial = Some(serial);
        self.build(request, app, &git, held, &deployed)?;
        let version = version(&deployed);
        let known = Known { version: version.clone(), installed: (self.clock)().seconds(), hooks: app.hooks.clone() };
        (self.say)(&format!("release {serial} becomes current"));
        let facts =
            json!({ "version": version, "commit": deployed.commit, "ref": deployed.reference, "caller": self.caller });
        deployed.outcome = match local.take(held, (serial, known), app.keep, &facts) {
            Ok(Taken::Current(_)) => Outcome::Current,
            Ok(Taken::Returned(to, failed)) => Outcome::Returned(to, failed),
            Err(error) => {
                // One that never became current is of no use to anybody.
                if held.root().current()? != Some(serial) {
                    let _ = held.discard(serial);
                }
                return Err(error.into());
            }
        };
        Ok(deployed)
    }

    /// Builds the release in its place, with its record. What fails leaves nothing there.
    fn build(
        &self,
        request: &Request,
        app: &App,
        git: &Repository<'_>,
        held: &mut Held,
        deployed: &Deployed,
    ) -> Result<(), DeployError> {
        let serial = deployed.serial.unwrap_or(Serial(0));
        let wrong = |why: String| DeployError::Policy { path: app.root.clone(), why };
        let (into, docs) = (app.checkout().map_err(wrong)?, app.documentation().map_err(wrong)?);
        for submodule in git.submodules(&deployed.commit)? {
            (self.say)(&format!("warning: '{submodule}' is a submodule, and is not checked out"));
        }
        // In a place that the next run writes to again, so that what a killed one left goes.
        let tar = held.root().records().join("commit.tar");
        git.archive(&deployed.commit, &tar)?;
        let place = held.root().release(serial);
        let dest = Prefix::new(place.as_os_str().as_bytes());
        let dest = dest.ok_or_else(|| wrong("releases cannot be at such a path".to_owned()))?;
        let base = app.base.as_deref().map(Base::at).transpose()?;
        if let Some(base) = &base {
            (self.say)(&format!("building release {serial} on {}", base.path.display()));
        }
        let draft = draft(base.as_ref(), &dest, &tar, &into, self.tool, self.listener);
        write::remove(&tar)?;
        let draft = draft?;
        if request.docs {
            is_free(&draft.manifest, &docs)?;
        }
        draft.new.commit()?;
        let finished = self.finish(request, app, git, held, deployed).and_then(|()| {
            let areas = if request.docs { vec![&into, &docs] } else { vec![&into] };
            record::write(&place, draft.manifest, &areas)
        });
        if finished.is_err() {
            // The next run would remove it as well.
            let _ = held.discard(serial);
        }
        finished
    }

    /// Builds the documentation in a release that has its final path, where that was asked for.
    fn finish(
        &self,
        request: &Request,
        app: &App,
        git: &Repository<'_>,
        held: &Held,
        deployed: &Deployed,
    ) -> Result<(), DeployError> {
        if !request.docs {
            return Ok(());
        }
        (self.say)("building the documentation");
        let wrong = |why: String| DeployError::Policy { path: app.root.clone(), why };
        let release = held.root().release(deployed.serial.unwrap_or(Serial(0)));
        let docs = Docs {
            release: &release,
            checkout: &app.checkout().map_err(wrong)?.under(&release),
            out: &app.documentation().map_err(wrong)?.under(&release),
            time: git.time(&deployed.commit)?,
            limit: Duration::from_secs(u64::from(app.docs_seconds)),
            log: &held.root().records().join("docs.log"),
            say: self.say,
            cancel: self.cancel,
        };
        docs.build(&app.docs)
    }
}

/// What a person calls a release: the name it was asked for by, and the commit in short.
fn version(deployed: &Deployed) -> String {
    let short = deployed.commit.get(..12).unwrap_or(&deployed.commit);
    let name = deployed.reference.as_deref().map(|name| name.splitn(3, '/').last().unwrap_or(name));
    name.map_or_else(|| short.to_owned(), |name| format!("{name}@{short}"))
}
