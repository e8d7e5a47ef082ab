//! What the program does before its work: it enters a newer copy of itself, or looks whether there is one.
//!
//! Takes the arguments and the environment; gives a copy to enter, and what a person should hear. Nothing configured: nothing is
//! asked, made or said. Whatever goes wrong, the present version does the work.

use super::choose::Wish;
use super::copies;
use super::entering::{self, Entered, Entrance};
use super::error::OwnError;
use super::home::{self, Home, Variable};
use super::look::{Look, Looking, Open, Over, Step};
use super::pinned::Pinned;
use super::source::{Policy, Source};
use super::state::{Found, State};
use super::suspect::{self, Verdict};
use crate::base::deadline::Deadline;
use crate::base::digest::Digest;
use crate::base::enter::has_borrowed_rights;
use crate::client::ClientError;
use crate::release::{Tool, Version};
use crate::tuf::Moment;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long looking for a newer version may take, all in all.
pub const LIMIT: Duration = Duration::from_secs(5);
/// More often than that nothing is chosen anew in one start.
const ROUNDS: usize = 8;

/// A start as it is.
pub struct Begin<'a> {
    /// The whole command line, the name first.
    pub arguments: &'a [OsString],
    /// The environment.
    pub variable: &'a Variable<'a>,
    /// The version of this program.
    pub version: &'a Version,
    /// What it runs on, such as `x86_64-linux`.
    pub platform: &'a str,
    /// The number of this process.
    pub pid: u32,
    /// Tells the time.
    pub clock: &'a dyn Fn() -> Moment,
    /// Opens the repository.
    pub open: Arc<Open>,
    /// How long looking may take.
    pub limit: Duration,
}

/// What a person should hear, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Something is as it should not be.
    Warning(String),
    /// Something is to be known.
    Notice(String),
}

/// What comes before the work.
#[derive(Debug, Default)]
pub struct Begun {
    /// A copy to be entered.
    pub enter: Option<Entrance>,
    /// What a person should hear.
    pub notes: Vec<Note>,
}

/// What a command line lets the program do for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// Nothing: it must be fast, must not change under somebody's timing, or is about this very program.
    Nothing,
    /// To enter a copy that is there.
    Enter,
    /// To look for a newer version, too.
    Look,
}

fn scope(arguments: &[OsString]) -> Scope {
    match arguments.get(1).map(|first| first.to_string_lossy()).as_deref() {
        Some("self" | "exec" | "serve-deploy" | "--self-test" | "--version" | "-V") => Scope::Nothing,
        None | Some("--help" | "-h" | "help") => Scope::Enter,
        Some(_) => Scope::Look,
    }
}

/// Where versions are, and what a project says of them; none where nothing is to be done at all.
pub(super) fn place(variable: &Variable<'_>) -> Result<Option<(Home, Option<Pinned>)>, OwnError> {
    let Some(home) = home::home(variable) else { return Ok(None) };
    let Some(file) = variable("RELOCATE_WRAPPER").filter(|file| !file.is_empty()) else {
        return Ok(Some((Home::at(home.join("tool")), None)));
    };
    // A project that pins a program alone has that one and no other.
    let Some(pinned) = Pinned::read(Path::new(&file))? else { return Ok(None) };
    let key = Digest::of(format!("{}\n{}\n", pinned.from, pinned.root_key.sum()).as_bytes());
    Ok(Some((Home::at(home.join("tool-of").join(key.to_string())), Some(pinned))))
}

/// Decides what comes before the work.
pub fn begin(begin: &Begin<'_>) -> Begun {
    let mut begun = Begun::default();
    let entered = Entered::read((begin.variable)(entering::VARIABLE).as_deref(), begin.pid);
    let scope = scope(begin.arguments);
    if scope == Scope::Nothing && entered.now().is_none() {
        return begun;
    }
    if has_borrowed_rights() {
        entered.shut(begin.pid);
        return begun;
    }
    if let Err(error) = started(begin, &mut begun, entered, scope) {
        begun.notes.push(Note::Warning(failed(begin.version, &error)));
    }
    begun
}

/// One line, whatever an error says.
fn failed(version: &Version, error: &OwnError) -> String {
    let why = error.to_string().replace(['\n', '\r'], " ");
    format!("could not look for a newer relocate, and {version} goes on: {why}")
}

/// Says that the copy has arrived that this process is; whether that could be told. Its mark is closed in any case: what this
/// process starts must not have it.
fn arrive(entered: &Entered, pid: u32) -> bool {
    let home = entered.home(pid).filter(|home| matches!(home.is_ours(), Ok(true)));
    match &home {
        Some(home) => entered.arrive(home, pid),
        None => entered.shut(pid),
    }
    home.is_some()
}

fn started(begin: &Begin<'_>, begun: &mut Begun, entered: Entered, scope: Scope) -> Result<(), OwnError> {
    // Before anything is read that may be wrong: it has arrived, whatever comes of the rest.
    let has_arrived = arrive(&entered, begin.pid);
    let Some((home, pinned)) = place(begin.variable)? else { return Ok(()) };
    let is_there = match home.is_ours() {
        Ok(is_there) => is_there,
        // Under sudo with the home of somebody else: what they have is theirs.
        Err(OwnError::Foreign(_)) => return Ok(()),
        // Where nothing is followed, or that is not for this user to see, there is nothing to say.
        Err(_) if pinned.is_none() && !Source::is_there(&home) => return Ok(()),
        Err(error) => return Err(error),
    };
    if !is_there && pinned.is_none() {
        return Ok(());
    }
    if !has_arrived {
        // Without /proc.
        entered.arrive(&home, begin.pid);
    }
    if scope == Scope::Nothing {
        return Ok(());
    }
    let source = match &pinned {
        Some(pinned) => Some(Source::of(pinned)),
        None => Source::read(&home)?,
    };
    let Some(source) = source else { return Ok(()) };
    if !is_there {
        if source.policy == Policy::Off || scope != Scope::Look {
            return Ok(());
        }
        home.make()?;
    }
    let state = State::read(&home)?;
    let mut start = Start { begin, begun, home, pinned, source, state, entered };
    start.arrived();
    start.enter();
    if start.begun.enter.is_none() && scope == Scope::Look && start.source.policy != Policy::Off {
        start.look()?;
        start.enter();
    }
    Ok(())
}

/// A start under way.
struct Start<'a, 'b> {
    begin: &'a Begin<'b>,
    begun: &'a mut Begun,
    home: Home,
    pinned: Option<Pinned>,
    source: Source,
    state: State,
    entered: Entered,
}

impl Start<'_, '_> {
    fn warn(&mut self, text: String) {
        let note = Note::Warning(text);
        // What is met before the look is met after it.
        if !self.begun.notes.contains(&note) {
            self.begun.notes.push(note);
        }
    }

    /// Chooses the copy to enter, if there is a newer one and it is what it was.
    fn enter(&mut self) {
        for _ in 0..ROUNDS {
            let current = self.state.current().filter(|(_, version)| version > self.begin.version);
            let Some((digest, version)) = current.filter(|(digest, _)| self.entered.may_enter(*digest)) else { return };
            let known = self.state.copies.get(&digest).and_then(|copy| copy.stamp.clone());
            match copies::look(&self.home, digest, known.as_deref()) {
                copies::Found::Right(stamp) => {
                    if !self.is_well(digest, &version) {
                        continue;
                    }
                    if stamp.is_some() {
                        self.change(|state| {
                            if let Some(copy) = state.copies.get_mut(&digest) {
                                copy.stamp.clone_from(&stamp);
                            }
                        });
                    }
                    let program = copies::program(&self.home, digest);
                    let (home, before) = (self.home.clone(), self.entered.clone());
                    self.begun.enter = Some(Entrance { home, digest, program, before });
                    return;
                }
                copies::Found::Wrong(why) => {
                    self.warn(format!("the copy of relocate {version} is not what it was, and not used: {why}"));
                    self.change(|state| state.lose(digest));
                }
                copies::Found::Unread(error) => {
                    self.warn(format!("the copy of relocate {version} cannot be read, and is not used now: {error}"));
                    self.state.lose(digest);
                }
            }
        }
    }

    /// Whether nothing is known against a copy that is what it was; else it is not entered by this start.
    fn is_well(&mut self, digest: Digest, version: &Version) -> bool {
        match suspect::judge(&self.home, digest, version) {
            Verdict::Well => return true,
            Verdict::Bad(why) => self.warn(format!("relocate {version} is not used any more: {why}")),
            Verdict::Unsure(Some(why)) => self.warn(format!("relocate {version} is not used now: {why}")),
            Verdict::Unsure(None) => {}
        }
        self.state.lose(digest);
        false
    }

    /// The copy that this process is has arrived: what was thought of it is over.
    fn arrived(&mut self) {
        let copy = |state: &State, digest| state.copies.get(&digest).is_some_and(|copy| copy.acquitted);
        let Some(digest) = self.entered.now().filter(|digest| copy(&self.state, *digest)) else { return };
        self.change(|state| {
            if let Some(copy) = state.copies.get_mut(&digest) {
                copy.acquitted = false;
            }
        });
    }

    /// Changes what is known, for this start, and for others where nobody else is at it: they find it out themselves.
    fn change(&mut self, change: impl Fn(&mut State)) {
        change(&mut self.state);
        let Ok(_held) = self.home.hold(&mut |_| false) else { return };
        let Ok(mut state) = State::read(&self.home) else { return };
        change(&mut state);
        let _ = state.keep(&self.home);
    }

    /// Asks the repository where that is due, and takes what may be taken.
    fn look(&mut self) -> Result<(), OwnError> {
        let now = (self.begin.clock)();
        if !self.wants(now) {
            return Ok(());
        }
        let held = match self.home.hold(&mut |_| false) {
            Ok(held) => Arc::new(held),
            Err(OwnError::Busy(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        // Somebody else may have looked a moment ago.
        self.state = State::read(&self.home)?;
        if !self.wants(now) {
            return Ok(());
        }
        let resumes = self.source.policy == Policy::Auto && !self.state.is_due(now);
        // Before anybody is asked: what ends us on the way is not met again at once.
        let noted = if resumes { &mut self.state.resumed } else { &mut self.state.asked };
        *noted = Some(now.seconds());
        self.state.keep(&self.home)?;
        let look = Look {
            home: self.home.clone(),
            source: self.source.clone(),
            root_key: self.pinned.as_ref().map(|pinned| pinned.root_key.clone()),
            version: self.begin.version.clone(),
            platform: self.begin.platform.to_owned(),
            state: self.state.clone(),
            now,
            open: self.begin.open.clone(),
            resumes,
        };
        let looking = look.begin(held.clone(), Deadline::after(self.begin.limit))?;
        let done = self.follow(&looking, resumes);
        drop(held);
        done
    }

    fn wants(&self, now: Moment) -> bool {
        self.state.is_due(now) || (self.source.policy == Policy::Auto && self.state.wants_more(now))
    }

    fn follow(&mut self, looking: &Looking, resumes: bool) -> Result<(), OwnError> {
        let (mut coming, mut is_known) = (None, false);
        loop {
            match looking.next() {
                Ok(Step::Known(tools, warnings)) => {
                    (coming, is_known) = (self.known(&tools)?, true);
                    if let Some(first) = warnings.into_iter().next() {
                        self.warn(first.replace('\n', " "));
                    }
                }
                Ok(Step::Fetched(tool, path)) => return self.take(&tool, &path),
                Ok(Step::Failed(error)) => {
                    let is_of_file =
                        matches!(&error, OwnError::Client(ClientError::Fetch(error)) if error.is_of_file());
                    // What is not trusted any more without asking waits for the day's look.
                    if is_of_file || (resumes && !is_known) {
                        self.state.fetching = None;
                        self.state.keep(&self.home)?;
                    }
                    return Err(error);
                }
                Err(Over::Done) => return Ok(()),
                Err(Over::Time) => {
                    let seconds = self.begin.limit.as_secs();
                    return match coming {
                        Some(version) => {
                            let text = format!("relocate {version} is being fetched, and used when it is here");
                            self.begun.notes.push(Note::Notice(text));
                            Ok(())
                        }
                        None if is_known => Ok(()),
                        None => Err(OwnError::Open(format!(
                            "{} gave no answer within {seconds} seconds",
                            crate::web::shown_url(&self.source.from)
                        ))),
                    };
                }
            }
        }
    }

    /// Notes what there is, and tells it where it does not come by itself; gives what comes.
    fn known(&mut self, tools: &[Tool]) -> Result<Option<Version>, OwnError> {
        let wish = Wish {
            tools,
            channel: &self.source.channel,
            version: self.begin.version,
            state: &self.state,
            again: false,
        };
        let near = if self.source.policy == Policy::Auto { wish.near() } else { None };
        let newest = wish.newest();
        let (next, told) = (near.map(|tool| tool.version.clone()), newest.filter(|newest| near != Some(*newest)));
        let text = told.map(|tool| format!("relocate {} is available; 'relocate self update' takes it", tool.version));
        self.state.fetching = near.map(Found::of);
        self.state.keep(&self.home)?;
        // Where one comes now, the one after it is told by that.
        if next.is_none() {
            self.begun.notes.extend(text.map(Note::Notice));
        }
        Ok(next)
    }

    /// Makes a copy of what came.
    fn take(&mut self, tool: &Tool, path: &Path) -> Result<(), OwnError> {
        let (digest, version) = (tool.file.sha256, &tool.version);
        if let Err(error) = copies::install(&self.home, path, digest, version) {
            copies::hear(&self.home, &mut self.state, (path, digest, version), &error)?;
            return Err(error);
        }
        self.state.take(digest, version);
        // The copy looks at once: it may be able to take what this one cannot.
        self.state.asked = None;
        self.state.keep(&self.home)?;
        copies::collect(&self.home, &mut self.state)?;
        self.state.keep(&self.home)?;
        let text = format!("relocate {version} takes the place of {}", self.begin.version);
        self.begun.notes.push(Note::Notice(text));
        Ok(())
    }
}
