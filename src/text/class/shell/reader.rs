//! Reads the language of `sh` as far as it takes to tell how text at an offset is quoted (POSIX.1-2017, Shell Command
//! Language, 2.2 to 2.7 and 2.10).
//!
//! It knows quotes, comments, here-documents, substitutions, arithmetic and the parentheses of `case`. It does not know what
//! commands mean. Where it cannot be certain it says so; a file that ends inside something open is not certain either.

use super::here::Pending;
use crate::text::occurrence::Occurrence;

/// How the text at an offset is quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    /// In a comment.
    Comment,
    /// Not at all: quotes can be put around it.
    Open,
    /// Expanded, and quotes cannot be put around it: in double quotes, in a here-document.
    Expanded,
    /// In single quotes.
    Single,
    /// In `$'...'`.
    Dollar,
    /// In a here-document whose delimiter is quoted.
    Verbatim,
    /// In an arithmetic expression.
    Arithmetic,
}

/// The offset from which on the text is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclear(pub(super) usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// The file itself at the bottom, `(...)`, or `$(...)`, which may have more of the same word behind it.
    Commands {
        cases: usize,
        in_word: bool,
    },
    Backquotes,
    Double,
    /// `${...}`; `expanded` within double quotes or a here-document, `pattern` where single quotes quote even there.
    Parameter {
        expanded: bool,
        pattern: bool,
    },
    /// `$((...))` with so many parentheses open.
    Arithmetic {
        open: usize,
    },
    /// A here-document that ends before this offset.
    Here {
        end: usize,
    },
}

/// Tells the quoting of each occurrence (sorted, not overlapping). `extended`: bash's and ksh's `((...))` and `$'...'`.
pub(super) fn read(bytes: &[u8], found: &[Occurrence], extended: bool) -> Result<Vec<Quoting>, Unclear> {
    let mut reader = Reader {
        bytes,
        found,
        extended,
        at: 0,
        frames: vec![Frame::Commands { cases: 0, in_word: false }],
        word: None,
        command: true,
        pending: Vec::new(),
        told: Vec::with_capacity(found.len()),
    };
    while reader.at < bytes.len() || reader.top_is_here() {
        reader.step()?;
    }
    reader.end_word();
    let closed = matches!(reader.frames[..], [Frame::Commands { cases: 0, .. }]) && reader.pending.is_empty();
    if closed && reader.told.len() == found.len() { Ok(reader.told) } else { Err(Unclear(bytes.len())) }
}

pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) found: &'a [Occurrence],
    pub(super) extended: bool,
    pub(super) at: usize,
    pub(super) frames: Vec<Frame>,
    /// Where the word that is being read starts.
    pub(super) word: Option<usize>,
    /// Whether a reserved word would be one here.
    pub(super) command: bool,
    pub(super) pending: Vec<Pending>,
    pub(super) told: Vec<Quoting>,
}

/// Deeper nesting than that is no program.
const DEEPEST: usize = 200;

impl Reader<'_> {
    pub(super) fn top(&self) -> Frame {
        self.frames.last().copied().unwrap_or(Frame::Commands { cases: 0, in_word: false })
    }

    pub(super) fn top_is_here(&self) -> bool {
        matches!(self.top(), Frame::Here { .. })
    }

    pub(super) fn unclear<T>(&self) -> Result<T, Unclear> {
        Err(Unclear(self.at))
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.at.min(self.bytes.len())..]
    }

    pub(super) fn push(&mut self, frame: Frame) -> Result<(), Unclear> {
        if self.frames.len() >= DEEPEST {
            return self.unclear();
        }
        self.frames.push(frame);
        Ok(())
    }

    pub(super) fn set_top(&mut self, frame: Frame) {
        if let Some(top) = self.frames.last_mut() {
            *top = frame;
        }
    }

    /// Reads one piece.
    pub(super) fn step(&mut self) -> Result<(), Unclear> {
        let ends =
            self.frames.iter().filter_map(|frame| if let Frame::Here { end } = frame { Some(*end) } else { None });
        if let Some(end) = ends.min()
            && self.at >= end
        {
            return self.end_here(end);
        }
        if let Some(next) = self.found.get(self.told.len())
            && self.at >= next.offset
        {
            return self.tell(*next);
        }
        match self.top() {
            Frame::Double | Frame::Here { .. } | Frame::Parameter { expanded: true, .. } => self.in_expanded(),
            _ => self.in_open(),
        }
    }

    /// Notes how an occurrence is quoted and goes on behind it.
    pub(super) fn tell(&mut self, next: Occurrence) -> Result<(), Unclear> {
        let before = &self.bytes[..next.offset];
        if self.at > next.offset || before.ends_with(b"$") {
            return Err(Unclear(next.offset));
        }
        let quoting = match self.top() {
            Frame::Arithmetic { .. } => Quoting::Arithmetic,
            Frame::Double | Frame::Here { .. } | Frame::Parameter { expanded: true, .. } => Quoting::Expanded,
            _ if self.backquotes_in_quotes() => Quoting::Expanded,
            _ => Quoting::Open,
        };
        self.word.get_or_insert(next.offset);
        self.told.push(quoting);
        self.at = next.end();
        Ok(())
    }

    /// Whether double quotes would be inside backquotes inside double quotes, which POSIX leaves undefined (2.2.3).
    pub(super) fn backquotes_in_quotes(&self) -> bool {
        let backquotes = self.frames.iter().rposition(|frame| *frame == Frame::Backquotes);
        backquotes.is_some_and(|at| {
            let around = &self.frames[..at];
            around.iter().any(|frame| {
                matches!(frame, Frame::Double | Frame::Here { .. } | Frame::Parameter { expanded: true, .. })
            })
        })
    }
}
