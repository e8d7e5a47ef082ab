//! One request from what was asked to what became of it.

use super::caller::Caller;
use super::docs::Docs;
use super::error::DeployError;
use super::git::Repository;
use super::policy::{App, Policy};
use super::record;
use super::request::{Request, is_commit};
use super::tree::{Base, draft, is_free};
use crate::base::child::Cancel;
use crate::base::event::Listener;
use crate::base::path::Prefix;
use crate::base::write::{self, Parents, Scratch};
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

/// Serves one request. `commit` is what a push just brought, in the place of what the name leads to now.
pub fn serve(serve: &Serve<'_>, request: &Request, commit: Option<&str>) -> Result<Deployed, DeployError> {
    let done = serve.permitted(request).and_then(|wanted| {
        serve.note("begun", request, json!({}))?;
        serve.deploy(request, &wanted, commit)
    });
    match &done {
        Ok(deployed) => {
            let result = match deployed.outcome {
                Outcome::Current => "deployed",
                Outcome::Returned(..) => "returned",
                Outcome::Planned => "planned",
            };
            let facts = json!({ "commit": deployed.commit, "to": deployed.serial, "before": deployed.before });
            serve.note(result, request, facts)?;
        }
        Err(error) => {
            let result = if matches!(error, DeployError::Denied { .. }) { "refused" } else { "failed" };
            // The error it is about is the one to hear of.
            let _ = serve.note(result, request, json!({ "why": error.to_string() }));
        }
    }
    done
}

/// An application, and what may be deployed of it for this request.
struct Wanted<'a> {
    app: &'a App,
    reference: Reference,
}

/// What was asked for.
enum Reference {
    /// Full names, one of which is meant.
    Names(Vec<String>),
    /// A commit, which a ref that is allowed must have.
    Commit(String),
    /// The branch that the repository calls its own.
    Head,
}

impl Serve<'_> {
    /// Adds a line to the log for what is no request.
    pub fn refuse(&self, why: &DeployError) -> Result<(), DeployError> {
        self.line("refused", json!({ "why": why.to_string() }))
    }

    fn note(&self, result: &str, request: &Request, facts: Value) -> Result<(), DeployError> {
        let mut line = json!({ "app": request.app, "ref": request.reference, "docs": request.docs });
        if let (Value::Object(line), Value::Object(facts)) = (&mut line, facts) {
            line.extend(facts);
        }
        self.line(result, line)
    }

    fn line(&self, result: &str, facts: Value) -> Result<(), DeployError> {
        let mut line = Map::new();
        line.insert("time".to_owned(), json!((self.clock)().to_string()));
        line.insert("result".to_owned(), json!(result));
        if let (Value::Object(facts), Value::Object(caller)) = (facts, json!(self.caller)) {
            line.extend(facts.into_iter().chain(caller));
        }
        line.insert("pid".to_owned(), json!(std::process::id()));
        line.insert("tool".to_owned(), json!(self.tool));
        Ok(write::append_line(&self.policy.audit, &Value::Object(line).to_string())?)
    }

    /// What the policy lets this caller deploy of what was asked for. Nothing is looked up before that is known.
    fn permitted(&self, request: &Request) -> Result<Wanted<'_>, DeployError> {
        request.check()?;
        let what = |reference: Option<&str>| {
            let docs = if request.docs { " with its documentation" } else { "" };
            reference.map_or_else(
                || format!("'{}'{docs}", request.app),
                |name| format!("'{}' from '{name}'{docs}", request.app),
            )
        };
        let denied = |reference| DeployError::Denied { caller: self.caller.to_string(), what: what(reference) };
        let app = self.policy.apps.get(&request.app).filter(|app| app.knows(self.caller));
        let app = app.ok_or_else(|| denied(None))?;
        let asked = request.reference.as_deref().or(app.reference.as_deref());
        let reference = match asked {
            None => Reference::Head,
            Some(id) if is_commit(id) => Reference::Commit(id.to_owned()),
            Some(name) => {
                let names = if name.starts_with("refs/") {
                    vec![name.to_owned()]
                } else {
                    vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")]
                };
                let names: Vec<_> =
                    names.into_iter().filter(|name| app.permits(self.caller, name, request.docs)).collect();
                if names.is_empty() {
                    return Err(denied(Some(name)));
                }
                Reference::Names(names)
            }
        };
        if request.docs && app.docs.is_empty() {
            return Err(DeployError::NoDocs { app: request.app.clone() });
        }
        Ok(Wanted { app, reference })
    }

    /// The commit that is meant, and the full name it goes by.
    fn commit(
        &self,
        request: &Request,
        wanted: &Wanted<'_>,
        git: &Repository<'_>,
    ) -> Result<(Option<String>, String), DeployError> {
        let none = |name: &str| DeployError::NoRef { reference: name.to_owned() };
        let denied = |name: &str| DeployError::Denied {
            caller: self.caller.to_string(),
            what: format!("'{}' from '{name}'", request.app),
        };
        match &wanted.reference {
            Reference::Head => {
                let head = git.head()?;
                if !wanted.app.permits(self.caller, &head, request.docs) {
                    return Err(denied(&head));
                }
                let commit = git.commit(&head)?.ok_or_else(|| none(&head))?;
                Ok((Some(head), commit))
            }
            Reference::Names(names) => {
                let mut found: Option<(Option<String>, String)> = None;
                for name in names {
                    let Some(commit) = git.commit(name)? else { continue };
                    match &found {
                        Some((_, other)) if *other != commit => {
                            return Err(DeployError::Ambiguous {
                                reference: request.reference.clone().unwrap_or_default(),
                            });
                        }
                        Some(_) => {}
                        None => found = Some((Some(name.clone()), commit)),
                    }
                }
                found.ok_or_else(|| {
                    none(request.reference.as_deref().or(names.first().map(String::as_str)).unwrap_or_default())
                })
            }
            Reference::Commit(id) => {
                let commit = git.commit(id)?;
                for name in git.refs()?.iter().filter(|name| wanted.app.permits(self.caller, name, request.docs)) {
                    if commit.as_ref().is_some_and(|commit| commit == id) && git.reaches(name, id)? {
                        return Ok((None, id.clone()));
                    }
                }
                // Whether a commit is there that may not be deployed is nobody's business.
                Err(denied(id))
            }
        }
    }

    fn deploy(&self, request: &Request, wanted: &Wanted<'_>, pushed: Option<&str>) -> Result<Deployed, DeployError> {
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
        if let Some(remote) = app.fetch.as_deref().filter(|_| !request.dry_run) {
            (self.say)(&format!("fetching from {remote}"));
            git.fetch(remote)?;
        }
        let (reference, commit) = self.commit(request, wanted, &git)?;
        let commit = match (pushed, &reference) {
            (Some(pushed), Some(name)) if git.reaches(name, pushed)? => pushed.to_owned(),
            _ => commit,
        };
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
        let scratch = Scratch::create("relocate-deploy.")?;
        let tar = scratch.path().join("commit.tar");
        git.archive(&deployed.commit, &tar)?;
        let place = held.root().release(serial);
        let dest = Prefix::new(place.as_os_str().as_bytes());
        let dest = dest.ok_or_else(|| wrong("releases cannot be at such a path".to_owned()))?;
        let base = app.base.as_deref().map(Base::at).transpose()?;
        if let Some(base) = &base {
            (self.say)(&format!("building release {serial} on {}", base.path.display()));
        }
        let draft = draft(base.as_ref(), &dest, &tar, &into, self.tool, self.listener)?;
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
