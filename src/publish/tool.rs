//! A version of the tool: one program, put into the repository as it is and listed for a channel.
//!
//! Takes the program's file, and what it said of itself when it was tried, from whoever tried it. Files never change: what is
//! published once under a version stays that. The same program is not listed twice.

use super::desk::{Desk, State};
use super::error::PublishError;
use super::listed::{file, highest, target};
use super::publication::{is_word, put};
use super::repack::Piece;
use super::sums;
use crate::base::bytes::{self, FileBytes, ReadAt as _};
use crate::base::digest::Digest;
use crate::base::write::WriteError;
use crate::release::{Custom, File, Kind, Name, Part, TOOL, Tool, Version, tools};
use crate::tuf::Target;
use std::collections::BTreeSet;
use std::path::Path;

/// What is to be published.
#[derive(Debug, Clone, Copy)]
pub struct ToolPublication<'a> {
    /// The program; nobody changes it meanwhile.
    pub program: &'a Path,
    /// Its version, as it says itself.
    pub version: &'a Version,
    /// Who is to have it.
    pub channel: &'a str,
    /// What it runs on, such as `x86_64-linux`.
    pub platform: &'a str,
    /// The oldest version that can take it; none where any can.
    pub wants: Option<&'a Version>,
    /// Whether nothing is published.
    pub dry_run: bool,
}

/// What was published.
#[derive(Debug)]
pub struct PublishedTool {
    /// The tool, as the list has it.
    pub file: File,
    /// Where it is in the repository.
    pub place: String,
    /// Whether it was there already, and nothing was done.
    pub was_there: bool,
    /// What the repository holds now.
    pub state: State,
}

/// Publishes a version of the tool.
pub fn publish_tool(desk: &Desk<'_>, wish: &ToolPublication<'_>) -> Result<PublishedTool, PublishError> {
    for (what, text) in [("a channel", wish.channel), ("a platform", wish.platform)] {
        if !is_word(text) {
            return Err(PublishError::Wish(format!("'{text}' is no name for {what}"), None));
        }
    }
    let state = if wish.dry_run { desk.look()? } else { desk.settle()? };
    let piece = piece(wish.program)?;
    let all = tools(state.trusted.targets().iter().filter_map(file), wish.platform);
    if let Some(there) = all.iter().find(|tool| tool.version == *wish.version) {
        return same(there, wish, desk, state, &piece);
    }
    let listed = listed(wish, &state, &piece)?;
    let target = target(&listed)?;
    let place = target.place();
    if wish.dry_run {
        return Ok(PublishedTool { file: listed, place, was_there: false, state });
    }
    put(desk, &target, &piece)?;
    let targets: Vec<Target> = state.trusted.targets().iter().cloned().chain([target]).collect();
    let state = desk.list_then(&state, &targets, || sums::write(desk.objects, &targets))?;
    Ok(PublishedTool { file: listed, place, was_there: false, state })
}

fn piece(program: &Path) -> Result<Piece, PublishError> {
    let failed = |source| WriteError::io("read", program)(source);
    let open = bytes::open(program).and_then(FileBytes::new).map_err(failed)?;
    let sha256 = Digest::read(&open).map_err(failed)?;
    Ok(Piece { path: program.to_owned(), size: open.size(), sha256 })
}

/// The version is listed already: nothing is to be done where it is this very program, for this channel.
fn same(
    there: &Tool,
    wish: &ToolPublication<'_>,
    desk: &Desk<'_>,
    state: State,
    piece: &Piece,
) -> Result<PublishedTool, PublishError> {
    let (version, custom) = (&there.version, &there.file.custom);
    if there.file.sha256 != piece.sha256 {
        let why = format!("version {version} is published already, and it is another program");
        let help = "what is published never changes: give this one another version".to_owned();
        return Err(PublishError::Wish(why, Some(help)));
    }
    if !custom.channels.contains(wish.channel) {
        let why = format!("version {version} is published already, and it is not for {}", wish.channel);
        let (serial, channel) = (custom.serial, wish.channel);
        let help =
            format!("'relocate promote REPO --app {TOOL} --serial {serial} --channel {channel}' gives it to them");
        return Err(PublishError::Wish(why, Some(help)));
    }
    if !wish.dry_run {
        sums::write(desk.objects, state.trusted.targets())?;
    }
    let place = target(&there.file)?.place();
    Ok(PublishedTool { file: there.file.clone(), place, was_there: true, state })
}

fn listed(wish: &ToolPublication<'_>, state: &State, piece: &Piece) -> Result<File, PublishError> {
    let highest = highest(state.trusted.targets(), TOOL);
    let none_left = || PublishError::Wish(format!("{TOOL} has no serial left after {highest}"), None);
    let serial = highest.checked_add(1).ok_or_else(none_left)?;
    let custom = Custom {
        app: TOOL.to_owned(),
        serial,
        version: wish.version.to_string(),
        channels: BTreeSet::from([wish.channel.to_owned()]),
        platform: wish.platform.to_owned(),
        kind: Kind::Tool,
        base_serial: None,
        capacity: None,
        installed_bytes: piece.size,
        installed_entries: 1,
        min_tool: wish.wants.map(ToString::to_string),
        hooks: None,
    };
    let name = Name { app: TOOL.to_owned(), serial, part: Part::Tool }.to_string();
    Ok(File { name, length: piece.size, sha256: piece.sha256, custom })
}
