//! Would the newest release run here, and could it be installed? Asked of the machine and of the repository; nothing is kept.

use super::error::UpdateError;
use super::here::Here;
use super::offered;
use super::policy::Policy;
use super::room::Need;
use super::run::{Followed, Run, summary};
use super::source::Source;
use super::wish::{Summary, Wish};
use crate::base::finding::{Finding, Severity};
use crate::live::Root;
use crate::loader::floor::Floor;
use crate::manifest::About;
use crate::preflight::{self, Seen, Wants};
use crate::release::{Choice, Never, Release, Way, choose};
use crate::tuf::{Why, open_target};
use serde::Deserialize;
use std::io::{self, Read};
use std::path::PathBuf;

/// What is taken to be enough where no release is known, in bytes and entries.
const FLOOR: Need = Need { bytes: 256 << 20, entries: 4096 };
/// The longest compressed manifest that is read, and how much of what it says of the whole release, in bytes.
const LONGEST: u64 = 256 << 20;
const ABOUT: u64 = 16 << 20;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The directory of releases.
    pub root: PathBuf,
    /// The application and the channel, where they are known.
    pub follows: Option<(String, String)>,
    /// The release that an update would make current, or the one that is.
    pub newest: Option<Summary>,
    /// What was looked at, and what is wrong.
    pub seen: Seen,
}

/// Looks. Whatever is wrong is a finding; `wish.task` must be one that keeps nothing.
pub fn preflight(wish: &Wish<'_>) -> Preflight {
    let root = Root::open(wish.root).unwrap_or_else(|_| Root::planned(wish.root));
    let run = Run { wish, root };
    let path = run.root.path().to_owned();
    let mut learnt = Learnt::default();
    if let Err(error) = learnt.learn(&run) {
        let kind = match &error {
            UpdateError::Never { why: Never::TooLong { .. }, .. } => "path-too-long",
            UpdateError::Tool { .. } => "tool",
            _ => "repository",
        };
        learnt.error(kind, &error);
    }
    let now = (wish.clock)().seconds();
    let mut seen = preflight::look(wish.machine, &path, &learnt.wants, now);
    let there = preflight::nearest(&path);
    let what = if learnt.need.is_some() { "for the newest release" } else { "for a release of some size" };
    let need = learnt.need.unwrap_or(FLOOR);
    seen.rows.push(("room", format!("{} bytes and {} entries are needed {what}", need.bytes, need.entries)));
    if let Err(error) = need.check(&there) {
        let severity = if learnt.need.is_some() { Severity::Error } else { Severity::Warning };
        learnt.find(severity, "room", error.to_string(), error.help());
    }
    seen.findings.append(&mut learnt.findings);
    Preflight { root: path, follows: learnt.follows, newest: learnt.newest, seen }
}

/// What the repository says.
#[derive(Default)]
struct Learnt {
    findings: Vec<Finding>,
    follows: Option<(String, String)>,
    newest: Option<Summary>,
    need: Option<Need>,
    wants: Wants,
}

impl Learnt {
    fn find(&mut self, severity: Severity, kind: &str, found: String, help: Option<String>) {
        let finding = Finding::of_tree(severity, kind, found);
        self.findings.push(Finding { help, ..finding });
    }

    fn error(&mut self, kind: &str, error: &UpdateError) {
        self.find(Severity::Error, kind, error.to_string(), error.help());
    }

    fn learn(&mut self, run: &Run<'_>) -> Result<(), UpdateError> {
        let wish = run.wish;
        if wish.typed.from.is_none() && Source::read(&run.root.records())?.is_none() {
            let help = "name the repository with --from, and its --root-key, to see what its newest release needs";
            let found = "no repository was named: whether its releases fit here is not known".to_owned();
            self.find(Severity::Note, "no-repository", found, Some(help.to_owned()));
            return Ok(());
        }
        let followed = run.follow()?;
        let source = &followed.source;
        self.follows = Some((source.app.clone(), source.channel.clone()));
        let offer = offered::offer(&followed.trusted, &source.app, wish.platform);
        let here = Here::of(&run.root, wish.retry)?;
        let (release, way) = match choose(&offer, &source.channel, &here.have()) {
            Choice::Update { release, way } => (release, way),
            Choice::Nothing => match here.current.and_then(|serial| offer.releases.get(&serial)) {
                Some(release) => (release, Way::Installed),
                None => return Ok(()),
            },
            Choice::Never(why @ (Never::Bad { .. } | Never::Older { .. })) if here.current.is_some() => {
                self.find(Severity::Note, "stays", why.to_string(), None);
                return Ok(());
            }
            Choice::Never(why) => {
                return Err(UpdateError::Never { why, channel: source.channel.clone() });
            }
        };
        self.newest = Some(summary(release, way));
        if let Some(hooks) = &release.manifest.custom.hooks {
            self.wants.hooks = true;
            let may = Policy::read(run.root.path()).and_then(|policy| policy.permits(hooks, run.root.path()));
            may.unwrap_or_else(|error| self.error("policy", &error));
        }
        let (bytes, entries) = (release.custom.installed_bytes, release.custom.installed_entries);
        self.need = Some(match way {
            Way::Installed => Need::default(),
            Way::Delta { bytes: fetched, .. } | Way::Full { bytes: fetched } => Need::of(bytes, entries, fetched),
        });
        run.fits(release)?;
        self.wants.floor = floor(&followed, release)?;
        Ok(())
    }
}

/// What a release's objects demand, as its signed manifest says. Its opening is enough; the rest is read for its digest.
fn floor(followed: &Followed, release: &Release) -> Result<Floor, UpdateError> {
    let missing = || UpdateError::Trust(Why::Missing { file: release.manifest.name.clone() });
    let target = offered::target(&followed.trusted, &release.manifest).ok_or_else(missing)?;
    let failed = |source| UpdateError::Io { doing: "read", path: target.name().into(), source };
    if target.length() > LONGEST {
        return Err(failed(io::Error::other("it is too long for a manifest")));
    }
    let mut packed = Vec::new();
    let opened =
        open_target(&*followed.objects, target).map_err(|error| failed(io::Error::other(error.to_string())))?;
    opened.take(LONGEST).read_to_end(&mut packed).map_err(failed)?;
    let mut opening = Vec::new();
    let unpacked = zstd::stream::read::Decoder::new(packed.as_slice()).map_err(failed)?;
    unpacked.take(ABOUT).read_to_end(&mut opening).map_err(failed)?;
    let about = opening.strip_prefix(b"{\"about\": ").unwrap_or_default();
    let mut values = serde_json::Deserializer::from_slice(about).into_iter::<About>();
    let wrong = || failed(io::Error::other("it does not begin as a manifest does"));
    let about = values.next().and_then(Result::ok).ok_or_else(wrong)?;
    // A floor of another shape is one that a newer version wrote.
    Ok(Floor::deserialize(about.floor).unwrap_or_default())
}
