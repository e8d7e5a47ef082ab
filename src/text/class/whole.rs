//! What classes ask and promise of a whole file.

use super::{Answer, Subject};
use crate::base::path::RelPath;

/// The file's directory; fails where it has hard links in others, from which the ways differ.
pub(super) fn only_directory(file: &Subject<'_>) -> Result<RelPath, String> {
    let directory = file.directory();
    match file.around.names(file.path).into_iter().find(|name| name.parent().unwrap_or_default() != directory) {
        Some(other) => Err(format!("it is also called {other}, from where the ways are others")),
        None => Ok(directory),
    }
}

/// The answer, or a refusal where the result still names an old prefix. That is what becomes of a path that has the prefix
/// twice: `/p/root/p/root/x` means `p/root/x` in the tree, and then reads like the prefix again.
pub(super) fn nothing_left(file: &Subject<'_>, answer: Result<Answer, String>) -> Answer {
    match answer {
        Ok(Answer::New(new)) if !file.with(&new.bytes).occurrences().is_empty() => {
            Answer::Refused("a path in it goes on with the old prefix".to_owned())
        }
        Ok(answer) => answer,
        Err(why) => Answer::Refused(why),
    }
}
