//! A file whose bytes go to the disk while the next ones are made, so that making them durable at the end takes little time of its own.

use crate::base::write::NewFile;
use std::io::{self, Write};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, Scope, ScopedJoinHandle};

/// After how many bytes the disk is asked for those there are.
const PIECE: u64 = 16 << 20;

/// The file, and the thread that waits for the disk; with one job there is none.
pub(super) struct Settling<'a, 'scope> {
    file: &'a mut NewFile,
    disk: Option<Disk<'scope>>,
    since: u64,
}

/// The thread, and how it is told that there is something to do.
struct Disk<'scope> {
    ask: SyncSender<()>,
    thread: ScopedJoinHandle<'scope, io::Result<()>>,
}

impl<'a, 'scope> Settling<'a, 'scope> {
    /// Starts the thread; it ends when this is dropped.
    pub(super) fn new(scope: &'scope Scope<'scope, '_>, file: &'a mut NewFile, jobs: usize) -> io::Result<Self> {
        if jobs <= 1 {
            return Ok(Self { file, disk: None, since: 0 });
        }
        let (ask, asked) = mpsc::sync_channel(1);
        let copy = file.file().try_clone()?;
        let wait = move || asked.iter().try_for_each(|()| copy.sync_data());
        let thread = thread::Builder::new().spawn_scoped(scope, wait)?;
        Ok(Self { file, disk: Some(Disk { ask, thread }), since: 0 })
    }
}

impl Write for Settling<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.since += written as u64;
        if self.since >= PIECE
            && let Some(disk) = &self.disk
        {
            // Where it is still at the last piece, the next one takes these along.
            let _ = disk.ask.try_send(());
            self.since = 0;
        }
        Ok(written)
    }

    /// Waits for the thread. What the disk refused is told to one fsync(2) alone, so it must not be lost here.
    fn flush(&mut self) -> io::Result<()> {
        if let Some(Disk { ask, thread }) = self.disk.take() {
            drop(ask);
            thread.join().map_err(|_| io::Error::other("a thread panicked"))??;
        }
        self.file.flush()
    }
}
