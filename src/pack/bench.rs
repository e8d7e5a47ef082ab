//! What compressing one block needs, to be used again: taking the memory anew takes time, and keeps the kernel busy.

use libdeflater::Compressor as Deflater;
use zstd::bulk::Compressor as Zstd;

/// The tools of one who compresses. What was done before with them does not show in the bytes.
#[derive(Default)]
pub(super) struct Bench {
    pub(super) deflate: Option<Deflater>,
    pub(super) zstd: Option<Zstd<'static>>,
    /// What they have made, one after the other.
    pub(super) made: [Vec<u8>; 2],
}
