//! Files that are too large to be made whole in memory, read by a thread of their own.
//!
//! The thread that keeps the order would else read them, digest them and have them judged itself, while those that
//! compress have nothing to do. What is ahead of it is bounded; the thread here waits for it and for nobody else.

use super::batch;
use super::{PackError, Tree};
use crate::base::digest::Digest;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, Scope};

/// How many bytes are handed over at a time.
const PIECE: usize = 64 * 1024;
/// How many pieces are read ahead.
const AHEAD: usize = 64;

enum Part {
    Bytes(Vec<u8>),
    /// All bytes were given, and the file was judged; or why not.
    End(Result<Digest, PackError>),
}

/// Large files on their way, in order.
pub(super) struct Large {
    parts: Receiver<Part>,
    /// Takes back the memory of pieces that were handed on.
    spent: Sender<Vec<u8>>,
    /// The file all of whose bytes came and that has no digest yet.
    open: Option<usize>,
}

impl Large {
    /// Starts to read the file items `indices`.
    pub(super) fn start<'scope, 'env: 'scope>(
        scope: &'scope Scope<'scope, '_>,
        tree: &'env Tree<'env>,
        indices: Vec<usize>,
    ) -> io::Result<Self> {
        let (sender, parts) = mpsc::sync_channel(AHEAD);
        let (spent, spare) = mpsc::channel();
        thread::Builder::new().spawn_scoped(scope, move || {
            // A file that nobody takes ends it: whoever kept the order has failed.
            let _ = indices.into_iter().try_for_each(|index| read(tree, index, &sender, &spare));
        })?;
        Ok(Self { parts, spent, open: None })
    }

    /// Hands on the bytes of the next file, which is `index` and has `size` bytes. Its digest comes later, while others
    /// are written.
    pub(super) fn take(
        &mut self,
        (index, size): (usize, u64),
        digests: &mut [Option<Digest>],
        sink: &mut dyn FnMut(&[u8]) -> Result<(), PackError>,
    ) -> Result<(), PackError> {
        self.settle(digests)?;
        let mut left = size;
        while left > 0 {
            match self.part()? {
                Part::Bytes(bytes) => {
                    left = left.saturating_sub(bytes.len() as u64);
                    sink(&bytes)?;
                    // Nobody wants it where all files were read.
                    let _ = self.spent.send(bytes);
                }
                Part::End(result) => return result.and_then(|_| Err(gone())),
            }
        }
        self.open = Some(index);
        Ok(())
    }

    /// Waits for the digest of the file before.
    pub(super) fn settle(&mut self, digests: &mut [Option<Digest>]) -> Result<(), PackError> {
        let Some(index) = self.open.take() else { return Ok(()) };
        match self.part()? {
            Part::End(result) => digests[index] = Some(result?),
            Part::Bytes(_) => return Err(gone()),
        }
        Ok(())
    }

    fn part(&self) -> Result<Part, PackError> {
        self.parts.recv().map_err(|_| gone())
    }
}

fn gone() -> PackError {
    PackError::Compress(io::Error::other("a thread panicked"))
}

/// Reads one file; fails where nobody takes it.
fn read(tree: &Tree<'_>, index: usize, sender: &SyncSender<Part>, spare: &Receiver<Vec<u8>>) -> Result<(), ()> {
    let end = batch::stream(tree, index, &mut |bytes| {
        let mut pieces = bytes.chunks(PIECE).map(|piece| {
            let mut memory = spare.try_recv().unwrap_or_default();
            memory.clear();
            memory.extend_from_slice(piece);
            memory
        });
        pieces.try_for_each(|piece| sender.send(Part::Bytes(piece))).map_err(|_| gone())
    });
    sender.send(Part::End(end)).map_err(drop)
}
