//! A new release: its pack, its record and what leads to it from older ones are put into the repository, and then it is listed.
//!
//! Files have their digest in their names, so what is there already is not written again, and a run that was killed is finished by
//! the same command. The same archive is not published twice in a row.

use super::deltas::{self, Deltas};
use super::desk::{Desk, State};
use super::error::PublishError;
use super::listed::{releases, target};
use super::repack::{Making, Piece, Repacked, repack};
use super::sums;
use crate::base::event::{Event, Listener, Stage};
use crate::base::path::RelPath;
use crate::manifest;
use crate::objects::{Put, When};
use crate::pack::Limits;
use crate::release::{Custom, File, Hooks, Kind, Name, Part, Program, Release, is_app};
use crate::tuf::{ReadTarget, Target, open_target};
use crate::web::Content;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// Serials have at most so many digits where it is said how long a path may be.
const DIGITS: u64 = 6;
/// The longest version and the longest name of a channel or platform, in bytes.
const LONGEST_WORD: usize = 128;

/// What is to be published.
#[derive(Debug, Clone)]
pub struct Publication<'a> {
    /// The archive.
    pub archive: &'a Path,
    /// The application.
    pub app: &'a str,
    /// Its version as people say it; its serial where there is none.
    pub version: Option<&'a str>,
    /// Who is to have it.
    pub channel: &'a str,
    /// What it runs on, such as `x86_64-linux`.
    pub platform: &'a str,
    /// The number that orders releases; the next one where there is none.
    pub serial: Option<u32>,
    /// From how many of the last releases of the channel deltas lead to it.
    pub deltas: usize,
    /// How much archives may unpack to.
    pub limits: &'a Limits,
    /// The compression of the pack, 1 to 19.
    pub level: i32,
    /// How many threads compress.
    pub jobs: usize,
    /// What machines are to run when it becomes current.
    pub hooks: Option<&'a Hooks>,
    /// Whether everything is made and nothing published.
    pub dry_run: bool,
}

/// What was published.
#[derive(Debug)]
pub struct Published {
    /// The release, as the list has it.
    pub release: Release,
    /// The longest path that a machine can have its releases below, in bytes; none where nothing limits it.
    pub longest_root: Option<u64>,
    /// Whether it was there already, and nothing was done.
    pub was_there: bool,
    /// Files that had to be written, and how many bytes.
    pub written: (usize, u64),
    /// Deltas that were not made, and why.
    pub passed_over: Vec<String>,
    /// What the repository holds now.
    pub state: State,
}

/// The longest path that releases of this room can lie below, with `/r/` and a serial of six digits behind it.
pub fn longest_root(capacity: Option<u64>) -> Option<u64> {
    capacity.map(|capacity| capacity.saturating_sub("/r/".len() as u64 + DIGITS))
}

/// Whether a version, channel or platform may be called so.
pub fn is_word(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+~-".contains(&byte));
    first && plain && text.len() <= LONGEST_WORD
}

/// Publishes a release.
pub fn publish(desk: &Desk<'_>, wish: &Publication<'_>, listener: &dyn Listener) -> Result<Published, PublishError> {
    check(wish)?;
    let state = if wish.dry_run { desk.look()? } else { desk.settle()? };
    let making = Making { limits: wish.limits, level: wish.level, jobs: wish.jobs };
    let made = repack(wish.archive, &making, listener)?;
    let all = releases(state.trusted.targets()).releases;
    let before: Vec<&Release> = all.iter().filter(|old| is_before(old, wish)).collect();
    let newest = before.last().copied();
    wish.hooks.map_or(Ok(()), |hooks| are_there(hooks, &made))?;
    let is_same = |newest: &&Release| {
        newest.full.sha256 == made.full.sha256 && newest.manifest.custom.hooks.as_ref() == wish.hooks
    };
    if let Some(newest) = newest.filter(is_same) {
        return same(newest, wish, desk, state, &made);
    }
    let custom = custom(wish, newest, &state, &made)?;
    let bases = bases(&before, wish);
    let deltas = deltas::make(desk.objects, &bases, (&made, custom.serial), wish.limits, listener)?;
    let (release, pieces) = release(&custom, &made, &deltas)?;
    let (longest_root, passed_over) = (longest_root(release.custom.capacity), deltas.passed_over.clone());
    let mut published = Published { release, longest_root, was_there: false, written: (0, 0), passed_over, state };
    if wish.dry_run {
        return Ok(published);
    }
    published.written = put_all(desk, &pieces, listener)?;
    let new: Vec<Target> = pieces.into_iter().map(|(target, _)| target).collect();
    let targets: Vec<Target> = published.state.trusted.targets().iter().cloned().chain(new).collect();
    published.state = desk.list_then(&published.state, &targets, || sums::write(desk.objects, &targets))?;
    Ok(published)
}

/// What machines are likely to have: the last releases of the channel, and the newest of each other, since what is for a few today is
/// for all tomorrow, and comes then from what those have. Sorted by serial.
fn bases<'r>(before: &[&'r Release], wish: &Publication<'_>) -> Vec<&'r Release> {
    if wish.deltas == 0 {
        return Vec::new();
    }
    let of_channel = before.iter().rev().filter(|old| old.custom.channels.contains(wish.channel));
    let mut found: BTreeMap<u32, &Release> =
        of_channel.take(wish.deltas).map(|old| (old.custom.serial, *old)).collect();
    let channels: BTreeSet<&String> = before.iter().flat_map(|old| &old.custom.channels).collect();
    let newest = |channel: &String| before.iter().rev().find(|old| old.custom.channels.contains(channel));
    found.extend(channels.into_iter().filter_map(newest).map(|old| (old.custom.serial, *old)));
    found.into_values().collect()
}

fn check(wish: &Publication<'_>) -> Result<(), PublishError> {
    let wrong = |what: &str, text: &str, help: &str| {
        Err(PublishError::Wish(format!("'{text}' is no name for {what}"), Some(help.to_owned())))
    };
    if !is_app(wish.app) {
        return wrong("an application", wish.app, "use small letters, digits, '.', '_' and '-', at most 64 of them");
    }
    for (what, text) in
        [("a version", wish.version.unwrap_or("0")), ("a channel", wish.channel), ("a platform", wish.platform)]
    {
        if !is_word(text) {
            return wrong(what, text, "use letters, digits, '.', '_', '+', '~' and '-', a letter or digit first");
        }
    }
    Ok(())
}

fn is_before(release: &Release, wish: &Publication<'_>) -> bool {
    release.custom.app == wish.app && release.custom.platform == wish.platform
}

/// Every program of the release that is to be run must be there, and be one.
fn are_there(hooks: &Hooks, made: &Repacked) -> Result<(), PublishError> {
    let find = |path: &RelPath| {
        let entries = &made.manifest.entries;
        entries.binary_search_by(|entry| entry.path.cmp(path)).ok().map(|at| &entries[at])
    };
    for command in hooks.commands() {
        let Some(Program::Release(path)) = command.program() else { continue };
        let why = match find(&path).map(|entry| (&entry.kind, entry.mode)) {
            // A link or another name leads to one; machines see whether it can be started.
            Some((manifest::Kind::Symlink { .. } | manifest::Kind::HardLink { .. }, _)) => continue,
            Some((manifest::Kind::File { .. }, mode)) if mode & 0o111 != 0 => continue,
            Some(_) => "is no program",
            None => "is not in the archive",
        };
        let help = "name programs as they lie in the archive, such as bin/check, and those of machines by their absolute paths";
        return Err(PublishError::Wish(format!("the hooks run '{path}', which {why}"), Some(help.to_owned())));
    }
    Ok(())
}

/// The newest release is this very one: a run that was killed had come far enough, or somebody asks twice.
fn same(
    newest: &Release,
    wish: &Publication<'_>,
    desk: &Desk<'_>,
    state: State,
    made: &Repacked,
) -> Result<Published, PublishError> {
    if !newest.custom.channels.contains(wish.channel) {
        let serial = newest.custom.serial;
        let why = format!("this is release {serial} already, and it is not for {}", wish.channel);
        let help = format!("'relocate promote' gives it to {}", wish.channel);
        return Err(PublishError::Wish(why, Some(help)));
    }
    if !wish.dry_run {
        sums::write(desk.objects, state.trusted.targets())?;
    }
    let longest_root = longest_root(made.manifest.about.capacity);
    Ok(Published {
        release: newest.clone(),
        longest_root,
        was_there: true,
        written: (0, 0),
        passed_over: Vec::new(),
        state,
    })
}

/// What is signed of the release. The serial is above all others of the application, on whatever platform.
fn custom(
    wish: &Publication<'_>,
    newest: Option<&Release>,
    state: &State,
    made: &Repacked,
) -> Result<Custom, PublishError> {
    let highest = super::listed::highest(state.trusted.targets(), wish.app);
    let highest = highest.max(newest.map_or(0, |newest| newest.custom.serial));
    let none_left = || PublishError::Wish(format!("{} has no serial left after {highest}", wish.app), None);
    let serial = match wish.serial {
        Some(serial) if serial > highest => serial,
        Some(serial) => {
            let why = format!("serial {serial} would not be after {highest}, and machines never go back");
            return Err(PublishError::Wish(why, Some("leave --serial out to take the next one".to_owned())));
        }
        None => highest.checked_add(1).ok_or_else(none_left)?,
    };
    Ok(Custom {
        app: wish.app.to_owned(),
        serial,
        version: wish.version.map_or_else(|| serial.to_string(), str::to_owned),
        channels: BTreeSet::from([wish.channel.to_owned()]),
        platform: wish.platform.to_owned(),
        kind: Kind::Full,
        base_serial: None,
        capacity: made.manifest.about.capacity,
        installed_bytes: made.installed_bytes,
        installed_entries: made.installed_entries,
        min_tool: Some(env!("CARGO_PKG_VERSION").to_owned()),
        hooks: wish.hooks.cloned(),
    })
}

/// A file for the list, and where its bytes are.
type Ready<'m> = (Target, &'m Piece);

/// Names the files of a release.
fn release<'m>(
    custom: &Custom,
    made: &'m Repacked,
    deltas: &'m Deltas,
) -> Result<(Release, Vec<Ready<'m>>), PublishError> {
    let file = |kind: Kind, part: Part, piece: &Piece| {
        let base_serial = if let Part::Delta { base } = part { Some(base) } else { None };
        let hooks = custom.hooks.clone().filter(|_| kind == Kind::Manifest);
        let custom = Custom { kind, base_serial, hooks, ..custom.clone() };
        let name = Name { app: custom.app.clone(), serial: custom.serial, part }.to_string();
        File { name, length: piece.size, sha256: piece.sha256, custom }
    };
    let manifest = file(Kind::Manifest, Part::Manifest, &made.record);
    let full = file(Kind::Full, Part::Full, &made.full);
    let mut pieces = vec![(target(&full)?, &made.full)];
    let mut release = Release { custom: manifest.custom.clone(), manifest, full, deltas: BTreeMap::new() };
    for (base, piece) in &deltas.made {
        let delta = file(Kind::Delta, Part::Delta { base: *base }, piece);
        pieces.push((target(&delta)?, piece));
        release.deltas.insert(*base, delta);
    }
    pieces.push((target(&release.manifest)?, &made.record));
    Ok((release, pieces))
}

/// Puts files that are not there yet where clients will look for them; tells how many and how many bytes.
fn put_all(desk: &Desk<'_>, pieces: &[Ready<'_>], listener: &dyn Listener) -> Result<(usize, u64), PublishError> {
    let bytes = pieces.iter().map(|(_, piece)| piece.size).sum();
    listener.event(&Event::Begin { stage: Stage::Write, files: pieces.len() as u64, bytes });
    let mut written = (0, 0);
    for (target, piece) in pieces {
        if put(desk, target, piece)? {
            written = (written.0 + 1, written.1 + piece.size);
        }
        let path = RelPath::new(target.name().as_bytes()).unwrap_or_default();
        listener.event(&Event::File { path: &path, bytes: piece.size });
    }
    listener.event(&Event::End(Stage::Write));
    Ok(written)
}

/// Writes one file. One that is there is read: a server may have kept the beginning of one that broke off.
pub(super) fn put(desk: &Desk<'_>, target: &Target, piece: &Piece) -> Result<bool, PublishError> {
    let (place, content) = (target.place(), Content::File(&piece.path));
    if desk.objects.put(&place, content, When::New)? == Put::Done {
        return Ok(true);
    }
    let mut found: ReadTarget = open_target(desk.objects, target)?;
    if io::copy(&mut found, &mut io::sink()).is_ok() {
        return Ok(false);
    }
    desk.objects.put(&place, content, When::Always)?;
    Ok(true)
}
