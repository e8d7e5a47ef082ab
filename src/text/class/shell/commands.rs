//! What stands outside quotes: words, comments, operators, parentheses, arithmetic (POSIX.1-2017, Shell Command Language, 2.3,
//! 2.4, 2.6.4 and 2.9).

use super::reader::{Frame, Quoting, Reader, Unclear};

impl Reader<'_> {
    /// Outside quotes.
    pub(super) fn in_open(&mut self) -> Result<(), Unclear> {
        let byte = self.bytes[self.at];
        let top = self.top();
        if let Frame::Arithmetic { open } = top {
            return self.in_arithmetic(byte, open);
        }
        if b"\\'\"$".contains(&byte) {
            self.word.get_or_insert(self.at);
        }
        match byte {
            b'\'' => return self.single(),
            b'"' => {
                self.at += 1;
                return self.push(Frame::Double);
            }
            b'$' => return self.dollar(false),
            b'`' => return self.backquote(),
            b'\\' => self.escape(),
            _ if matches!(top, Frame::Parameter { .. }) => {
                if byte == b'}' {
                    self.frames.pop();
                }
                self.at += 1;
            }
            b'#' if self.word.is_none() => self.comment(),
            b'<' | b'>' => return self.redirection(byte),
            b'(' => return self.open_parenthesis(),
            b')' => return self.close_parenthesis(),
            b'\n' | b';' | b'&' | b'|' => {
                self.end_word();
                self.command = true;
                self.at += 1;
                if byte == b'\n' {
                    return self.here();
                }
            }
            b' ' | b'\t' | b'\r' => {
                self.end_word();
                self.at += 1;
            }
            _ => {
                self.word.get_or_insert(self.at);
                self.at += 1;
            }
        }
        Ok(())
    }

    pub(super) fn in_arithmetic(&mut self, byte: u8, open: usize) -> Result<(), Unclear> {
        match byte {
            b'\'' => return self.single(),
            b'"' => {
                self.at += 1;
                return self.push(Frame::Double);
            }
            b'$' => return self.dollar(false),
            b'`' => return self.backquote(),
            b'\\' => {
                self.escape();
                return Ok(());
            }
            b'(' => self.set_top(Frame::Arithmetic { open: open + 1 }),
            b')' if open == 1 => {
                self.frames.pop();
            }
            b')' => self.set_top(Frame::Arithmetic { open: open - 1 }),
            _ => {}
        }
        self.at += 1;
        Ok(())
    }

    pub(super) fn commands(&mut self, in_word: bool) -> Result<(), Unclear> {
        self.push(Frame::Commands { cases: 0, in_word })?;
        self.word = None;
        self.command = true;
        Ok(())
    }

    pub(super) fn open_parenthesis(&mut self) -> Result<(), Unclear> {
        if self.extended && self.command && self.word.is_none() && self.rest().starts_with(b"((") {
            self.at += 2;
            return self.push(Frame::Arithmetic { open: 2 });
        }
        self.end_word();
        self.at += 1;
        self.commands(false)
    }

    pub(super) fn close_parenthesis(&mut self) -> Result<(), Unclear> {
        self.end_word();
        self.at += 1;
        self.command = true;
        match self.top() {
            Frame::Commands { cases: 0, in_word } if self.frames.len() > 1 => {
                self.frames.pop();
                self.command = !in_word;
                self.word = in_word.then_some(self.at);
                Ok(())
            }
            Frame::Commands { cases: 0, .. } => self.unclear(),
            // The end of a pattern of `case`.
            _ => Ok(()),
        }
    }

    pub(super) fn comment(&mut self) {
        let rest = self.rest();
        let mut len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        if self.frames.contains(&Frame::Backquotes) {
            len = memchr::memchr(b'`', &rest[..len]).unwrap_or(len);
        }
        let end = self.at + len;
        while self.found.get(self.told.len()).is_some_and(|next| next.offset < end) {
            self.told.push(Quoting::Comment);
        }
        self.at = end;
    }

    pub(super) fn end_word(&mut self) {
        let Some(start) = self.word.take() else { return };
        let Frame::Commands { cases, in_word } = self.top() else {
            self.command = false;
            return;
        };
        let end = self.at.min(self.bytes.len());
        let word = &self.bytes[start.min(end)..end];
        let reserved = self.command;
        self.command = false;
        match word {
            b"case" if reserved => self.set_top(Frame::Commands { cases: cases + 1, in_word }),
            b"esac" if reserved => self.set_top(Frame::Commands { cases: cases.saturating_sub(1), in_word }),
            b"if" | b"then" | b"else" | b"elif" | b"do" | b"while" | b"until" | b"{" | b"!" | b"time" if reserved => {
                self.command = true;
            }
            // `case x in esac` and `for i in`: what follows `in` may be `esac`.
            b"in" => self.command = cases > 0,
            _ => {}
        }
    }

    pub(super) fn redirection(&mut self, byte: u8) -> Result<(), Unclear> {
        let rest = self.rest();
        let opens = rest.get(1) == Some(&b'(');
        let here = rest.starts_with(b"<<") && !rest.starts_with(b"<<<");
        let len = if rest.starts_with(b"<<<") { 3 } else { 1 };
        self.end_word();
        if opens {
            // Process substitution, `<(...)`.
            self.at += 2;
            return self.commands(true);
        }
        if byte == b'<' && here {
            return self.delimiter();
        }
        self.at += len;
        Ok(())
    }
}
