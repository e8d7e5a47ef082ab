//! The one ordered stream: bytes in, blocks of a fixed size compressed in parallel, out in order.
//!
//! Where a block begins depends on its place in the stream alone, and each is compressed without a memory of others on
//! the same thread, so the bytes do not depend on the jobs.

use super::bench::Bench;
use super::crew::{Crew, Pending};
use super::deflate;
use super::frame::frame;
use super::{Format, PackError};
use crate::base::digest::{Digest, Digester};
use crc32fast::Hasher;
use std::collections::VecDeque;
use std::io::{self, Write};

/// The uncompressed bytes of one zstd frame, by the level. Independent frames let a reader seek and threads work; what one costs is the memory
/// of what came before it: at level 2, frames of 2 MiB make 1.1 % more than those of 4. High levels look further back and need far more
/// memory of their own, so theirs are longer.
fn frame_size(level: i32) -> usize {
    let mebibytes = match level {
        ..=4 => 2,
        5..=12 => 8,
        _ => 16,
    };
    mebibytes << 20
}

/// How many uncompressed bytes are written at a time.
const PIECE: usize = 256 * 1024;

/// One block compressed.
struct Squeezed {
    /// Has made the bytes.
    bench: Bench,
    sum: Hasher,
    /// The memory of the block itself.
    spent: Vec<u8>,
}

/// A stream of the archive's bytes on its way into a sink.
pub(super) struct Squeezer<'a, 'scope> {
    crew: &'a Crew<'scope>,
    sink: &'a mut dyn Write,
    format: Format,
    level: i32,
    window: usize,
    /// The block in the making.
    block: Vec<u8>,
    pending: VecDeque<Pending<io::Result<Squeezed>>>,
    /// Tools to be used again: that keeps the peak where it is, and taking their memory anew would cost time.
    spare: Vec<Bench>,
    sum: Hasher,
    len: u64,
    digest: Digester,
    written: u64,
}

impl<'a, 'scope> Squeezer<'a, 'scope> {
    /// Begins the stream.
    pub(super) fn start(
        crew: &'a Crew<'scope>,
        sink: &'a mut dyn Write,
        (format, level): (Format, i32),
        jobs: usize,
    ) -> Result<Self, PackError> {
        let window = match format {
            Format::TarZst if level <= 4 => crew.window(jobs + 1),
            Format::TarZst => crew.window(jobs),
            Format::Tar | Format::TarGz => crew.window(2 * jobs + 1),
        };
        let mut stream = Self {
            crew,
            sink,
            format,
            level,
            window,
            block: Vec::new(),
            pending: VecDeque::new(),
            spare: Vec::new(),
            sum: Hasher::new(),
            len: 0,
            digest: Digester::default(),
            written: 0,
        };
        if format == Format::TarGz {
            stream.emit(&deflate::header(level))?;
        }
        Ok(stream)
    }

    /// How many bytes were pushed.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), PackError> {
        self.len += bytes.len() as u64;
        while !bytes.is_empty() {
            let room = self.block_size() - self.block.len();
            if room == 0 {
                // Only now is it known that this block is not the last one.
                self.cut(false)?;
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.block.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Ends the stream and tells the digest and the length of what the sink got.
    pub(super) fn finish(mut self) -> Result<(Digest, u64), PackError> {
        self.cut(true)?;
        while let Some(squeezed) = self.wait()? {
            self.write(squeezed)?;
        }
        if self.format == Format::TarGz {
            self.emit(&deflate::trailer(&self.sum, self.len))?;
        }
        self.sink.flush().map_err(PackError::Sink)?;
        Ok((self.digest.finish(), self.written))
    }

    fn block_size(&self) -> usize {
        match self.format {
            Format::Tar => PIECE,
            Format::TarGz => deflate::PAIR,
            Format::TarZst => frame_size(self.level),
        }
    }

    fn cut(&mut self, last: bool) -> Result<(), PackError> {
        if self.format == Format::Tar {
            let block = std::mem::take(&mut self.block);
            self.emit(&block)?;
            self.block = block;
            self.block.clear();
            return Ok(());
        }
        let mut done = None;
        if self.pending.len() >= self.window {
            done = self.wait()?;
        }
        // The next block gets the memory of the oldest at once, so that threads compress while the oldest is written.
        let next = done.as_mut().map(|done| std::mem::take(&mut done.spent));
        let size = self.block_size();
        let block = std::mem::replace(&mut self.block, next.unwrap_or_else(|| Vec::with_capacity(size)));
        let bench = self.spare.pop().unwrap_or_default();
        let (format, level) = (self.format, self.level);
        self.pending.push_back(self.crew.run(move || match format {
            Format::TarGz => gzip_block(level, block, last, bench),
            Format::Tar | Format::TarZst => zstd_frame(level, block, bench),
        }));
        done.map_or(Ok(()), |done| self.write(done))
    }

    /// Waits for the oldest block.
    fn wait(&mut self) -> Result<Option<Squeezed>, PackError> {
        let oldest = self.pending.pop_front().map(|oldest| oldest.wait().and_then(|result| result));
        oldest.transpose().map_err(PackError::Compress)
    }

    fn write(&mut self, squeezed: Squeezed) -> Result<(), PackError> {
        self.sum.combine(&squeezed.sum);
        for bytes in &squeezed.bench.made {
            self.emit(bytes)?;
        }
        self.spare.push(squeezed.bench);
        Ok(())
    }

    fn emit(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.digest.update(bytes);
        self.written += bytes.len() as u64;
        self.sink.write_all(bytes).map_err(PackError::Sink)
    }
}

fn gzip_block(level: i32, mut block: Vec<u8>, last: bool, mut bench: Bench) -> io::Result<Squeezed> {
    let mut sum = Hasher::new();
    sum.update(&block);
    deflate::blocks(&mut bench, level, &block, last)?;
    block.clear();
    Ok(Squeezed { bench, sum, spent: block })
}

fn zstd_frame(level: i32, mut block: Vec<u8>, mut bench: Bench) -> io::Result<Squeezed> {
    frame(&mut bench, level, &block)?;
    block.clear();
    Ok(Squeezed { bench, sum: Hasher::new(), spent: block })
}
