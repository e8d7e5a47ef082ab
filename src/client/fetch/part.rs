//! `NAME.part` while it grows, and what the storage calls the state of the file that its bytes are from.

use super::super::error::ClientError;
use super::error::Wrong;
use crate::base::digest::Digester;
use crate::base::write::WriteError;
use crate::tuf::Target;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A tag longer than this is not kept.
const LONGEST_TAG: u64 = 1024;

/// Where the tag of a part is kept.
pub(super) fn tag_of(part: &Path) -> PathBuf {
    part.with_extension("tag")
}

/// How far a file is.
pub(super) struct Part<'a> {
    /// What is to come.
    pub(super) target: &'a Target,
    pub(super) path: PathBuf,
    file: File,
    digester: Digester,
    /// How many bytes are here.
    pub(super) done: u64,
    /// What the storage called the state of the file that the bytes are from.
    pub(super) tag: Option<String>,
}

impl<'a> Part<'a> {
    /// Takes up what an earlier run left.
    pub(super) fn open(target: &'a Target, path: PathBuf) -> Result<Self, ClientError> {
        let failed = |doing| failed(doing, &path);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.map_err(failed("write"))?;
        let mut digester = Digester::default();
        let mut buffer = vec![0; 1 << 16];
        let mut done = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    digester.update(&buffer[..read]);
                    done += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read")(error)),
            }
        }
        let mut tag = String::new();
        let read = File::open(tag_of(&path)).and_then(|file| file.take(LONGEST_TAG).read_to_string(&mut tag));
        let tag = read.is_ok().then_some(tag).filter(|tag| !tag.is_empty());
        let mut part = Self { target, path, file, digester, done, tag };
        // Without a tag nothing says that the rest would belong to it; a whole one speaks for itself.
        if part.done > target.length() || (part.tag.is_none() && part.done < target.length()) {
            part.restart()?;
        }
        Ok(part)
    }

    /// Begins anew.
    pub(super) fn restart(&mut self) -> Result<(), ClientError> {
        let again = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        again.map_err(failed("write", &self.path))?;
        (self.digester, self.done, self.tag) = (Digester::default(), 0, None);
        Ok(())
    }

    /// Notes what the storage calls this state of the file, so that the next run can go on. A weak tag tells nothing.
    pub(super) fn name(&mut self, tag: Option<String>) -> Result<(), ClientError> {
        let tag = tag.filter(|tag| !tag.starts_with("W/") && (tag.len() as u64) < LONGEST_TAG);
        if tag != self.tag {
            let place = tag_of(&self.path);
            // Of no worth without its part, so it need not be durable.
            fs::write(&place, tag.as_deref().unwrap_or_default()).map_err(failed("write", &place))?;
            self.tag = tag;
        }
        Ok(())
    }

    /// Adds bytes to its end.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.file.write_all(bytes).map_err(failed("write", &self.path))?;
        self.digester.update(bytes);
        self.done += bytes.len() as u64;
        Ok(())
    }

    /// What is wrong with the bytes that are here; none where they are those that were signed.
    pub(super) fn judged(&self) -> Option<Wrong> {
        let (signed, found) = (self.target.digest(), self.digester.clone().finish());
        (found != signed).then_some(Wrong::Bytes { signed, found })
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ClientError + use<> {
    let path = path.to_owned();
    move |source| ClientError::Write(WriteError::Io { doing, path, source })
}
