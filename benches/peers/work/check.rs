//! A relocated tree read again: relocate proves it and looks for the old path in every spelling; grep looks for one spelling.

use super::{Entrant, Work, row};

/// The contest.
pub(crate) fn work() -> Work {
    Work {
        word: "check",
        title: "A tree read again",
        before: "\"$RELOCATE\" \"$ROOT\" -o \"$WORK/tree/\" --keep-la --no-tool -q $ALLOWED".to_owned(),
        registry: false,
        conda: false,
        entrants: vec![
            Entrant::new("relocate check", "\"$RELOCATE\" check \"$WORK/tree\" -q $ALLOWED"),
            Entrant::new("grep -rlF PREFIX", "grep -rlF \"$PREFIX\" \"$WORK/tree\"").ending(&[0, 1]),
            Entrant::new("find -type f", "find \"$WORK/tree\" -type f"),
        ],
        rows: vec![
            row("check", "relocate check", "grep -rlF PREFIX", Some(1.0)),
            row("check", "relocate check", "find -type f", None),
        ],
    }
}
