//! Here-documents (POSIX.1-2017, Shell Command Language, 2.7.4): a delimiter now, the text behind the line's end.

use super::reader::{Frame, Quoting, Reader, Unclear};

/// A here-document whose text has not begun.
pub(super) struct Pending {
    delimiter: Vec<u8>,
    quoted: bool,
    tabs: bool,
}

/// More here-documents in one line no script has.
const MOST: usize = 50;

impl Reader<'_> {
    /// Reads the delimiter of a here-document.
    pub(super) fn delimiter(&mut self) -> Result<(), Unclear> {
        self.at += 2;
        let tabs = self.bytes.get(self.at) == Some(&b'-');
        self.at += usize::from(tabs);
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let mut delimiter = Vec::new();
        let mut quoted = false;
        let start = self.at;
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'\'' | b'"' => {
                    let Some(len) = memchr::memchr(*byte, &self.bytes[self.at + 1..]) else { return self.unclear() };
                    let inside = &self.bytes[self.at + 1..self.at + 1 + len];
                    if memchr::memchr2(b'\\', b'\n', inside).is_some() {
                        return self.unclear();
                    }
                    delimiter.extend_from_slice(inside);
                    quoted = true;
                    self.at += len + 2;
                }
                b'\\' => {
                    delimiter.extend(self.bytes.get(self.at + 1));
                    quoted = true;
                    self.at += 2;
                }
                b'$' | b'`' => return self.unclear(),
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')' => break,
                byte => {
                    delimiter.push(*byte);
                    self.at += 1;
                }
            }
        }
        if self.at == start || self.pending.len() >= MOST {
            return self.unclear();
        }
        self.pending.push(Pending { delimiter, quoted, tabs });
        Ok(())
    }

    /// Begins the next here-document, if one is due at this line.
    pub(super) fn here(&mut self) -> Result<(), Unclear> {
        while !self.pending.is_empty() {
            let Some(end) = self.here_end() else { return self.unclear() };
            if !self.pending[0].quoted {
                return self.push(Frame::Here { end });
            }
            while let Some(next) = self.found.get(self.told.len()).filter(|next| next.offset < end) {
                if next.offset < self.at {
                    return self.unclear();
                }
                self.told.push(Quoting::Verbatim);
            }
            self.at = end;
            self.skip_delimiter();
        }
        Ok(())
    }

    /// Where the line with the delimiter starts.
    fn here_end(&self) -> Option<usize> {
        let pending = self.pending.first()?;
        let mut start = self.at;
        while start < self.bytes.len() {
            let line = self.bytes[start..].split(|byte| *byte == b'\n').next()?;
            let tabs = if pending.tabs { line.iter().take_while(|byte| **byte == b'\t').count() } else { 0 };
            // A backslash at the end of the line before joins the two, unless the delimiter is quoted.
            let joined = !pending.quoted && start > self.at && self.bytes[..start].ends_with(b"\\\n");
            if line[tabs..] == pending.delimiter[..] && !joined {
                return Some(start);
            }
            start += line.len() + 1;
        }
        None
    }

    fn skip_delimiter(&mut self) {
        if !self.pending.is_empty() {
            self.pending.remove(0);
        }
        self.at += memchr::memchr(b'\n', self.rest()).map_or(self.rest().len(), |newline| newline + 1);
        self.word = None;
        self.command = true;
    }

    /// Ends the here-document that ends at `end`.
    pub(super) fn end_here(&mut self, end: usize) -> Result<(), Unclear> {
        if self.top() != (Frame::Here { end }) || self.at != end {
            return self.unclear();
        }
        self.frames.pop();
        self.skip_delimiter();
        self.here()
    }
}
