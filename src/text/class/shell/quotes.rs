//! Quotes, backslashes and what a dollar begins (POSIX.1-2017, Shell Command Language, 2.2, 2.5 and 2.6).

use super::reader::{Frame, Quoting, Reader, Unclear};

impl Reader<'_> {
    /// Within double quotes and the like.
    pub(super) fn in_expanded(&mut self) -> Result<(), Unclear> {
        match (self.bytes[self.at], self.top()) {
            (b'$', _) => return self.dollar(true),
            (b'`', _) => return self.backquote(),
            (b'\'', Frame::Parameter { pattern: true, .. }) => return self.single(),
            (b'"', Frame::Parameter { .. }) => {
                self.at += 1;
                return self.push(Frame::Double);
            }
            (b'\\', _) => self.escape(),
            (b'"', Frame::Double) | (b'}', Frame::Parameter { .. }) => {
                self.frames.pop();
                self.at += 1;
            }
            _ => self.at += 1,
        }
        Ok(())
    }

    pub(super) fn escape(&mut self) {
        // Backquotes take one layer of backslashes away first: `\\'` inside them is an escaped quote.
        let doubled = self.frames.contains(&Frame::Backquotes) && self.rest().starts_with(b"\\\\");
        self.at += match self.rest() {
            [_, _, b'\\', b'\\' | b'$' | b'`', ..] if doubled => 4,
            _ if doubled => 3,
            _ => 2,
        };
    }

    pub(super) fn single(&mut self) -> Result<(), Unclear> {
        let Some(len) = memchr::memchr(b'\'', &self.bytes[self.at + 1..]) else { return self.unclear() };
        let end = self.at + 1 + len;
        self.quoted(end, Quoting::Single)
    }

    /// Goes to the closing quote at `end` and tells of what is named before it.
    pub(super) fn quoted(&mut self, end: usize, quoting: Quoting) -> Result<(), Unclear> {
        if self.frames.contains(&Frame::Backquotes) {
            let inside = &self.bytes[self.at..end];
            if memchr::memchr_iter(b'`', inside).any(|at| !inside[..at].ends_with(b"\\")) {
                return self.unclear();
            }
        }
        while let Some(next) = self.found.get(self.told.len()).filter(|next| next.offset < end) {
            // A prefix with a quote in it; quotes within what is itself quoted.
            let nested = self.backquotes_in_quotes() || matches!(self.top(), Frame::Parameter { expanded: true, .. });
            if next.end() > end || next.offset < self.at || nested {
                return self.unclear();
            }
            self.told.push(quoting);
        }
        self.at = end + 1;
        Ok(())
    }

    pub(super) fn dollar(&mut self, expanded: bool) -> Result<(), Unclear> {
        let rest = self.rest();
        if rest.starts_with(b"$((") {
            self.at += 3;
            return self.push(Frame::Arithmetic { open: 2 });
        }
        match rest.get(1) {
            Some(b'(') => {
                self.at += 2;
                return self.commands(true);
            }
            Some(b'{') => {
                let name = rest[2..].iter().skip(1).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
                let pattern = rest.get(3 + name.count()).is_some_and(|byte| b"#%/".contains(byte));
                self.at += if rest.get(2) == Some(&b'}') { 2 } else { 3 };
                return self.push(Frame::Parameter { expanded, pattern });
            }
            Some(b'\'') if !expanded => return self.dollar_single(),
            // `$$`, `$#` and the like; the character that follows is no start of anything.
            Some(byte) if b"$#?!-@*".contains(byte) => self.at += 2,
            _ => self.at += 1,
        }
        Ok(())
    }

    /// `$'...'`: POSIX.1-2017 has none; where the two readings differ, only an extended shell is certain.
    pub(super) fn dollar_single(&mut self) -> Result<(), Unclear> {
        let mut end = self.at + 2;
        loop {
            match self.bytes.get(end) {
                None => return self.unclear(),
                Some(b'\'') => break,
                Some(b'\\') if !self.extended => return self.unclear(),
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
            }
        }
        self.at += 1;
        self.quoted(end, if self.extended { Quoting::Dollar } else { Quoting::Single })
    }

    pub(super) fn backquote(&mut self) -> Result<(), Unclear> {
        if self.frames.contains(&Frame::Backquotes) {
            if self.top() != Frame::Backquotes {
                return self.unclear();
            }
            self.frames.pop();
            self.word = Some(self.at);
            self.command = false;
            self.at += 1;
            return Ok(());
        }
        self.at += 1;
        self.push(Frame::Backquotes)?;
        self.word = None;
        self.command = true;
        Ok(())
    }
}
