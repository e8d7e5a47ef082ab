//! An archive's bytes, decompressed and counted. Tells gzip, zstd, bzip2, xz and plain tar apart by their first bytes, never
//! by name.
//!
//! Several gzip members, zstd frames, bzip2 or xz streams are read as one. Other compressors are refused by their name. The count is
//! what stops a bomb: the reader above is given an allowance before it may read, in time for a header that claims a long
//! name of gigabytes.

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;

/// How much a reader of the decompressed bytes has had and may still have.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Compressed bytes read.
    pub(super) taken: Cell<u64>,
    /// Decompressed bytes given.
    pub(super) given: Cell<u64>,
    /// Decompressed bytes it may still give.
    pub(super) allowance: Cell<u64>,
}

/// The error of a reader that has used up its allowance.
#[derive(Debug)]
pub(super) struct Exhausted;

impl std::fmt::Display for Exhausted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a header is larger than any real one")
    }
}

impl std::error::Error for Exhausted {}

/// What an xz stream may ask for, in KiB: `xz -9` asks for 65 MiB, and a header alone may claim 4 GiB.
const XZ_MEMORY: u32 = 256 << 10;

/// Compressors and archives that are not read, by their first bytes.
const OTHERS: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a zip file"),
    (b"\x04\x22\x4d\x18", "an lz4 file"),
    (b"LZIP", "an lzip file"),
    (b"\x1f\x9d", "a compress (.Z) file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z file"),
    (b"!<arch>\n", "an ar archive or .deb"),
    (b"\xed\xab\xee\xdb", "an rpm package"),
];

/// Opens the decompressed stream. Fails with the name of the format where it is one that is not read.
pub(super) fn open<'a>(raw: impl Read + 'a, meter: &Rc<Meter>) -> io::Result<Result<Box<dyn Read + 'a>, &'static str>> {
    let counted = Counted { raw, meter: Rc::clone(meter) };
    let mut start = BufReader::with_capacity(256 * 1024, counted);
    let magic = start.fill_buf()?;
    if magic.is_empty() {
        return Ok(Err("an empty file"));
    }
    if let Some((_, name)) = OTHERS.iter().find(|(other, _)| magic.starts_with(other)) {
        return Ok(Err(name));
    }
    let gzip = magic.starts_with(b"\x1f\x8b");
    let skippable = matches!(magic.get(..4), Some([0x50..=0x5f, 0x2a, 0x4d, 0x18]));
    let zstd = magic.starts_with(b"\x28\xb5\x2f\xfd") || skippable;
    let meter = Rc::clone(meter);
    Ok(Ok(if gzip {
        Box::new(Metered { inner: MultiGzDecoder::new(start), meter })
    } else if zstd {
        Box::new(Metered { inner: zstd::stream::read::Decoder::with_buffer(start)?, meter })
    } else if magic.starts_with(b"BZh") {
        Box::new(Metered { inner: MultiBzDecoder::new(start), meter })
    } else if magic.starts_with(b"\xfd7zXZ\0") {
        Box::new(Metered { inner: XzReader::new_mem_limit(start, true, XZ_MEMORY), meter })
    } else {
        Box::new(Metered { inner: start, meter })
    }))
}

struct Counted<R> {
    raw: R,
    meter: Rc<Meter>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.raw.read(bytes)?;
        self.meter.taken.set(self.meter.taken.get() + len as u64);
        Ok(len)
    }
}

struct Metered<R> {
    inner: R,
    meter: Rc<Meter>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Meter { given, allowance, .. } = &*self.meter;
        let room = allowance.get().min(bytes.len() as u64) as usize;
        if room == 0 && !bytes.is_empty() {
            return Err(io::Error::other(Exhausted));
        }
        let len = self.inner.read(&mut bytes[..room])?;
        allowance.set(allowance.get() - len as u64);
        given.set(given.get() + len as u64);
        Ok(len)
    }
}
