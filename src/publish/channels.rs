//! Who is to have a release: a channel gets one that is there, a release is taken back, and what nobody needs any more is removed.
//!
//! Lists change, files stay: machines that read the old list a moment ago still find what it names. [`gc`] removes them later.

use super::desk::{Desk, State};
use super::error::PublishError;
use super::listed::file;
use super::publication::is_word;
use super::sums;
use crate::release::Custom;
use crate::tuf::Target;
use std::collections::BTreeSet;

/// A release by its application and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Which<'a> {
    /// The application.
    pub app: &'a str,
    /// The release.
    pub serial: u32,
}

/// What became of a release.
#[derive(Debug)]
pub struct Changed {
    /// Whether anything had to be done.
    pub is_new: bool,
    /// Who has it now.
    pub channels: BTreeSet<String>,
    /// The channels that have no release any more.
    pub emptied: Vec<String>,
    /// What the repository holds now.
    pub state: State,
}

/// Gives a release to a channel, besides those that have it.
pub fn promote(desk: &Desk<'_>, which: Which<'_>, channel: &str, dry_run: bool) -> Result<Changed, PublishError> {
    if !is_word(channel) {
        return Err(PublishError::Wish(format!("'{channel}' is no name for a channel"), None));
    }
    change(desk, which, dry_run, |channels| {
        channels.insert(channel.to_owned());
    })
}

/// Takes a release from a channel, or from all. Machines that run it go on; no other one gets it.
pub fn retire(
    desk: &Desk<'_>,
    which: Which<'_>,
    channel: Option<&str>,
    dry_run: bool,
) -> Result<Changed, PublishError> {
    change(desk, which, dry_run, |channels| {
        channels.retain(|held| channel.is_some_and(|channel| held != channel));
    })
}

fn change(
    desk: &Desk<'_>,
    which: Which<'_>,
    dry_run: bool,
    edit: impl Fn(&mut BTreeSet<String>),
) -> Result<Changed, PublishError> {
    let state = if dry_run { desk.look()? } else { desk.settle()? };
    let before = state.trusted.targets();
    let mut channels = None;
    let after = before.iter().map(|target| {
        let Some(found) = file(target).filter(|file| is(&file.custom, which)) else { return Ok(target.clone()) };
        let mut file = found;
        edit(&mut file.custom.channels);
        channels.get_or_insert_with(|| file.custom.channels.clone());
        edited(target, &file.custom)
    });
    let after = after.collect::<Result<Vec<_>, PublishError>>()?;
    let channels = channels.ok_or_else(|| unknown(&state, which))?;
    let of = |targets: &[Target]| -> BTreeSet<String> {
        let all = targets.iter().filter_map(file).filter(|file| file.custom.app == which.app);
        all.flat_map(|file| file.custom.channels).collect()
    };
    let emptied = of(before).difference(&of(&after)).cloned().collect();
    let is_new = after != before;
    let state = if is_new && !dry_run { desk.list(&state, &after)? } else { state };
    Ok(Changed { is_new, channels, emptied, state })
}

fn is(custom: &Custom, which: Which<'_>) -> bool {
    custom.app == which.app && custom.serial == which.serial
}

/// The same file with other channels; what a newer version of the tool signed beside it stays.
fn edited(old: &Target, custom: &Custom) -> Result<Target, PublishError> {
    let mut fields = old.custom().clone();
    fields.extend(super::listed::fields(custom).into_iter().filter(|(name, _)| name == "channels"));
    let wrong = || PublishError::Wish(format!("'{}' is no name for a file of a repository", old.name()), None);
    Target::new(old.name(), old.length(), old.digest(), fields).ok_or_else(wrong)
}

fn unknown(state: &State, which: Which<'_>) -> PublishError {
    let all = state.trusted.targets().iter().filter_map(file);
    let serials: BTreeSet<_> = all.filter(|file| file.custom.app == which.app).map(|file| file.custom.serial).collect();
    let serials: Vec<_> = serials.iter().map(u32::to_string).collect();
    let help = match serials.as_slice() {
        [] => "the repository has no release of it; 'relocate repo status' lists what there is".to_owned(),
        serials => format!("there are {}", serials.join(", ")),
    };
    PublishError::Wish(format!("there is no release {} of {}", which.serial, which.app), Some(help))
}

/// Releases by application and number.
pub type Serials = Vec<(String, u32)>;

/// Takes releases that no channel has out of the list, with the deltas that lead from them. The newest of each application stays, so
/// that no number is given twice.
pub fn unlist(desk: &Desk<'_>, dry_run: bool) -> Result<Serials, PublishError> {
    let state = if dry_run { desk.look()? } else { desk.settle()? };
    let files: Vec<_> = state.trusted.targets().iter().map(|target| (target, file(target))).collect();
    let newest = |app: &str| {
        let of_app = files.iter().filter_map(|(_, file)| file.as_ref()).filter(|file| file.custom.app == app);
        of_app.map(|file| file.custom.serial).max()
    };
    let is_gone = |custom: &Custom| custom.channels.is_empty() && newest(&custom.app) != Some(custom.serial);
    let gone = files.iter().filter_map(|(_, file)| file.as_ref()).filter(|file| is_gone(&file.custom));
    let unlisted: BTreeSet<_> = gone.map(|file| (file.custom.app.clone(), file.custom.serial)).collect();
    let is_unlisted = |app: &str, serial: u32| unlisted.contains(&(app.to_owned(), serial));
    let stays = |custom: &Custom| {
        !is_unlisted(&custom.app, custom.serial)
            && custom.base_serial.is_none_or(|base| !is_unlisted(&custom.app, base))
    };
    let kept = files.iter().filter(|(_, file)| file.as_ref().is_none_or(|file| stays(&file.custom)));
    let kept: Vec<Target> = kept.map(|(target, _)| (*target).clone()).collect();
    let unlisted: Vec<_> = unlisted.into_iter().collect();
    if unlisted.is_empty() || dry_run {
        return Ok(unlisted);
    }
    desk.list_then(&state, &kept, || sums::write(desk.objects, &kept))?;
    Ok(unlisted)
}
