//! Which version is next: pure.

use super::state::State;
use crate::release::{Tool, Version};

/// What there is to choose from, for a program of some version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'t, 'a> {
    /// All versions for this platform, sorted.
    pub(super) tools: &'t [Tool],
    pub(super) channel: &'a str,
    /// The version of this program.
    pub(super) version: &'a Version,
    pub(super) state: &'a State,
    /// Whether what was bad or gone back from may come.
    pub(super) again: bool,
}

impl<'t> Wish<'t, '_> {
    /// The newest version of the channel, where it is newer and may come.
    pub(super) fn newest(&self) -> Option<&'t Tool> {
        self.newer().next_back()
    }

    /// The newest that this program can take.
    pub(super) fn next(&self) -> Option<&'t Tool> {
        self.newer().rfind(|tool| tool.is_for(self.version))
    }

    /// The newest that it can take of its own accord.
    pub(super) fn near(&self) -> Option<&'t Tool> {
        self.newer().rfind(|tool| tool.is_for(self.version) && self.version.is_near(&tool.version))
    }

    /// The newest of the channel, whatever is known of it.
    pub(super) fn last(&self) -> Option<&'t Tool> {
        self.of_channel().next_back()
    }

    fn of_channel(&self) -> impl DoubleEndedIterator<Item = &'t Tool> {
        self.tools.iter().filter(|tool| tool.file.custom.channels.contains(self.channel))
    }

    fn newer(&self) -> impl DoubleEndedIterator<Item = &'t Tool> {
        let Self { version, state, again, .. } = *self;
        let left = state.left.values().filter_map(|left| Version::parse(left)).max();
        self.of_channel().filter(move |tool| {
            let is_after = left.as_ref().is_none_or(|left| tool.version > *left);
            let may_come = again || (is_after && !state.bad.contains_key(&tool.file.sha256));
            tool.version > *version && may_come
        })
    }
}
