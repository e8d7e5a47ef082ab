//! CMake files (`*.cmake`): paths below the old prefix become a variable that is computed from where the file lies.
//!
//! The variable is set before the first command and carries the file's name, because files include each other and packages
//! of several trees meet in one project. Refuses paths in bracket arguments, which are not expanded, and in the bodies of
//! functions and macros, which run where the variable may be another's or none. Comments are left.

use super::draft::{Draft, ends_with, line_of, up, way_up};
use super::{Answer, Class, Subject};

/// The class.
pub struct Cmake;

const COMPUTED: &str = "computed from where the file lies";

/// What stands at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Comment,
    Bracket,
    Function,
    Expanded,
}

impl Class for Cmake {
    fn name(&self) -> &'static str {
        "cmake"
    }

    fn rewrite(&self, file: &Subject<'_>) -> Answer {
        if !ends_with(file.path, b".cmake") {
            return Answer::NotMine;
        }
        rewrite(file).unwrap_or_else(Answer::Refused)
    }
}

fn rewrite(file: &Subject<'_>) -> Result<Answer, String> {
    let mut reader = Reader::new(file.bytes);
    let mut draft = Draft::new(file.bytes);
    let variable = variable(file);
    let mut computed = false;
    for found in file.occurrences() {
        let place = reader.place(found.offset).map_err(|offset| unclear(file, offset))?;
        let line = || line_of(file.bytes, found.offset);
        match place {
            Place::Comment => continue,
            Place::Bracket => {
                return Err(format!(
                    "line {} names the prefix in a bracket argument, where nothing is expanded",
                    line()
                ));
            }
            Place::Function => {
                return Err(format!(
                    "line {} names the prefix inside a function or macro, which runs elsewhere",
                    line()
                ));
            }
            Place::Expanded => {}
        }
        if file.bytes[..found.offset].ends_with(b"\\") || file.bytes[..found.offset].ends_with(b"$") {
            return Err(unclear(file, found.offset));
        }
        if !computed {
            way_up(file)?;
            draft.replace(reader.first..reader.first, &computation(file, &variable), COMPUTED);
            computed = true;
        }
        draft.replace(found.offset..found.end(), &[b"${", variable.as_slice(), b"}"].concat(), COMPUTED);
    }
    Ok(draft.answer())
}

fn unclear(file: &Subject<'_>, offset: usize) -> String {
    format!("line {} cannot be read as CMake's language with certainty", line_of(file.bytes, offset))
}

/// `_relocate_` and the file's name, as far as a variable can be called so.
fn variable(file: &Subject<'_>) -> Vec<u8> {
    let name = file.path.name().iter().map(|byte| if byte.is_ascii_alphanumeric() { *byte } else { b'_' });
    b"_relocate_".iter().copied().chain(name).collect()
}

/// The commands that set the variable. REALPATH: the file may be found through symlinks.
fn computation(file: &Subject<'_>, variable: &[u8]) -> Vec<u8> {
    let way = up(file.directory().depth() + 1);
    let set = [b"get_filename_component(", variable].concat();
    [
        set.as_slice(),
        b" \"${CMAKE_CURRENT_LIST_FILE}\" REALPATH)\n",
        &set,
        b" \"${",
        variable,
        b"}/",
        &way,
        b"\" ABSOLUTE)\n",
    ]
    .concat()
}

/// Reads CMake's language (cmake-language(7)) as far as it takes to tell what stands where.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Start of the line of the first command.
    first: usize,
    parentheses: usize,
    functions: usize,
    fresh: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Self { bytes, at: 0, first: 0, parentheses: 0, functions: 0, fresh: true };
        while let Some(byte) = bytes.get(reader.at) {
            match byte {
                b'#' => reader.at = reader.comment_end().unwrap_or(bytes.len()),
                byte if byte.is_ascii_whitespace() => reader.at += 1,
                _ => break,
            }
        }
        reader.first = bytes[..reader.at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        // A bracket comment may end in the line of the first command.
        if bytes[reader.first..reader.at].iter().any(|byte| !byte.is_ascii_whitespace()) {
            reader.first = reader.at;
        }
        reader
    }

    /// What stands at `offset`, which must not be before the last one asked for. Fails with the offset of what is not
    /// understood.
    fn place(&mut self, offset: usize) -> Result<Place, usize> {
        if offset < self.first {
            return Ok(Place::Comment);
        }
        while self.at <= offset {
            let Some(byte) = self.bytes.get(self.at) else { break };
            let start = self.at;
            let bracket = if *byte == b'[' && self.fresh { self.bracket(start) } else { None };
            let (end, inside) = match (byte, bracket) {
                (_, Some((from, close))) => (self.closed(from, &close).ok_or(start)?, Some(Place::Bracket)),
                (b'#', _) => (self.comment_end().ok_or(start)?, Some(Place::Comment)),
                (b'"', _) => (self.quote_end().ok_or(start)?, None),
                (b'\\', _) => (start + 2, None),
                _ => {
                    self.step(*byte)?;
                    (start + 1, None)
                }
            };
            if offset < end {
                // Stay before it: another one may be asked for in the same argument.
                self.at = start;
                let code = if self.functions > 0 { Place::Function } else { Place::Expanded };
                return if byte == &b'\\' && offset > start { Err(offset) } else { Ok(inside.unwrap_or(code)) };
            }
            self.fresh = matches!(byte, b'(' | b')' | b';') || byte.is_ascii_whitespace();
            self.at = end;
        }
        Err(offset)
    }

    fn step(&mut self, byte: u8) -> Result<(), usize> {
        match byte {
            b'(' => {
                if self.parentheses == 0 {
                    self.command();
                }
                self.parentheses += 1;
            }
            b')' => self.parentheses = self.parentheses.checked_sub(1).ok_or(self.at)?,
            _ => {}
        }
        Ok(())
    }

    /// Notes functions and macros by the command that stands before this parenthesis.
    fn command(&mut self) {
        let before = self.bytes[..self.at].trim_ascii_end();
        let name = before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        match before[before.len() - name..].to_ascii_lowercase().as_slice() {
            b"function" | b"macro" => self.functions += 1,
            b"endfunction" | b"endmacro" => self.functions = self.functions.saturating_sub(1),
            _ => {}
        }
    }

    fn comment_end(&self) -> Option<usize> {
        if let Some((from, close)) = self.bracket(self.at + 1) {
            return self.closed(from, &close);
        }
        Some(memchr::memchr(b'\n', &self.bytes[self.at..]).map_or(self.bytes.len(), |newline| self.at + newline))
    }

    fn quote_end(&self) -> Option<usize> {
        let mut at = self.at + 1;
        loop {
            match self.bytes.get(at)? {
                b'"' => return Some(at + 1),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    /// The offset behind `[==[` at `start`, and what closes it; `None` where nothing opens.
    fn bracket(&self, start: usize) -> Option<(usize, Vec<u8>)> {
        let rest = self.bytes.get(start..)?.strip_prefix(b"[")?;
        let equals = rest.iter().take_while(|byte| **byte == b'=').count();
        let inside = rest[equals..].strip_prefix(b"[")?;
        Some((self.bytes.len() - inside.len(), [b"]".as_slice(), &vec![b'='; equals], b"]"].concat()))
    }

    fn closed(&self, from: usize, close: &[u8]) -> Option<usize> {
        memchr::memmem::find(&self.bytes[from..], close).map(|at| from + at + close.len())
    }
}
