//! An archive that has no name yet, and the only ways to give it one.

use super::PackError;
use crate::base::digest::{Digest, Digester};
use crate::base::write::{Looks, NewFile, WriteError, remove};
use crate::verify::judge::Verified;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A whole archive in a file without a name. Dropped, it is gone.
#[derive(Debug)]
pub struct Packed {
    pub(super) file: NewFile,
    pub(super) sha256: Digest,
    pub(super) size: u64,
    pub(super) digests: Vec<Option<Digest>>,
}

/// An archive that has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Where it is.
    pub path: PathBuf,
    /// Where its digest is, in the format of sha256sum(1).
    pub sha256_path: PathBuf,
    /// Its digest.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
}

impl Packed {
    /// The digest of the archive.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// The length of the archive in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digests of the files as they were written, one place for each item.
    pub fn digests(&self) -> &[Option<Digest>] {
        &self.digests
    }

    /// The archive itself, for reading back; its file position means nothing.
    pub fn file(&self) -> &File {
        self.file.file()
    }

    /// Gives a proven archive its name.
    pub fn publish(self, _proof: &Verified) -> Result<Archive, WriteError> {
        self.name()
    }

    /// Gives an archive that could not be proven its name, which must say so.
    pub fn publish_unproven(self) -> Result<Archive, WriteError> {
        self.name()
    }

    /// Gives the archive and its digest their names, OUT and OUT.sha256.
    ///
    /// Both are written and durable before either has a name. Then an older OUT.sha256 goes, OUT is renamed, OUT.sha256 is
    /// renamed, each step durable before the next. So at every moment OUT is whole, old or new, and an OUT.sha256 that is
    /// there belongs to it; a reader who finds none in between must wait or refuse, and never finds a wrong one. Should
    /// the last step fail, OUT without its digest stays and the error says so.
    fn name(self) -> Result<Archive, WriteError> {
        let path = self.file.path().to_owned();
        let sha256_path = digest_beside(&path);
        let mut digest = NewFile::create(&sha256_path)?;
        let line = digest_line(self.sha256, path.file_name().unwrap_or_default());
        digest.write_all(&line).map_err(WriteError::io("write", &sha256_path))?;
        digest.sync()?;
        self.file.sync()?;
        remove(&sha256_path)?;
        self.file.commit()?;
        digest.commit()?;
        Ok(Archive { path, sha256_path, sha256: self.sha256, size: self.size })
    }

    /// Writes the archive to a pipe instead of giving it a name.
    pub fn pour(self, sink: &mut dyn Write) -> Result<(), PackError> {
        let mut buffer = vec![0; 256 * 1024];
        let mut at = 0;
        while at < self.size {
            let len = (self.size - at).min(buffer.len() as u64) as usize;
            self.file().read_exact_at(&mut buffer[..len], at).map_err(PackError::Sink)?;
            sink.write_all(&buffer[..len]).map_err(PackError::Sink)?;
            at += len as u64;
        }
        sink.flush().map_err(PackError::Sink)
    }
}

/// Copies a whole archive to another name, with its digest beside it, in the same order.
pub fn copied(from: &Path, to: &Path) -> Result<Archive, WriteError> {
    let mut source = File::open(from).map_err(WriteError::io("read", from))?;
    let mut file = NewFile::create(to)?;
    let (mut digester, mut size, mut block) = (Digester::default(), 0, vec![0; 256 * 1024]);
    loop {
        let length = source.read(&mut block).map_err(WriteError::io("read", from))?;
        let Some(part) = block.get(..length).filter(|part| !part.is_empty()) else { break };
        digester.update(part);
        file.write_all(part).map_err(WriteError::io("write", to))?;
        size += length as u64;
    }
    file.looks(Looks { mode: 0o644, mtime: None })?;
    Packed { file, sha256: digester.finish(), size, digests: Vec::new() }.name()
}

/// Where the digest of an archive is: its name with `.sha256` behind it.
pub fn digest_beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sha256");
    PathBuf::from(name)
}

/// One line of sha256sum(1); a name with a newline or backslash is escaped and the line begins with a backslash.
fn digest_line(digest: Digest, name: &OsStr) -> Vec<u8> {
    let escaped: Vec<u8> = name
        .as_bytes()
        .iter()
        .flat_map(|byte| match byte {
            b'\\' => b"\\\\".to_vec(),
            b'\n' => b"\\n".to_vec(),
            b'\r' => b"\\r".to_vec(),
            byte => vec![*byte],
        })
        .collect();
    let mark: &[u8] = if escaped == name.as_bytes() { b"" } else { b"\\" };
    [mark, digest.to_string().as_bytes(), b"  ", &escaped, b"\n"].concat()
}
