//! Reads the memory of a stopped program: path texts and small structures. Every address is hostile.

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::io::IoSliceMut;

/// PATH_MAX: the kernel takes no longer path, its NUL included.
const PATH_MAX: usize = 4096;
/// A page: what lies behind its end may not be mapped.
const PAGE: usize = 4096;

/// Reads a NUL-terminated path. ENAMETOOLONG where there is no NUL within PATH_MAX bytes, EFAULT where the kernel would
/// say so too, another error where this process may not be looked into.
pub(super) fn path(tid: Pid, address: u64) -> Result<Vec<u8>, Errno> {
    let mut text = Vec::new();
    while text.len() < PATH_MAX {
        let piece = piece(tid, address.checked_add(text.len() as u64).ok_or(Errno::EFAULT)?, PATH_MAX - text.len())?;
        let end = piece.iter().position(|byte| *byte == 0);
        text.extend_from_slice(&piece[..end.unwrap_or(piece.len())]);
        if end.is_some() {
            return Ok(text);
        }
    }
    Err(Errno::ENAMETOOLONG)
}

/// Reads exactly `len` bytes (at most a page).
pub(super) fn exactly(tid: Pid, address: u64, len: usize) -> Result<Vec<u8>, Errno> {
    let len = len.min(PAGE);
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let next = address.checked_add(bytes.len() as u64).ok_or(Errno::EFAULT)?;
        bytes.extend(piece(tid, next, len - bytes.len())?);
    }
    Ok(bytes)
}

/// Reads up to `limit` bytes, at least one, not beyond the end of a page.
fn piece(tid: Pid, address: u64, limit: usize) -> Result<Vec<u8>, Errno> {
    let base = usize::try_from(address).map_err(|_| Errno::EFAULT)?;
    let len = limit.min(PAGE - base % PAGE);
    let mut bytes = vec![0; len];
    match process_vm_readv(tid, &mut [IoSliceMut::new(&mut bytes)], &[RemoteIoVec { base, len }]) {
        Ok(0) => Err(Errno::EFAULT),
        Ok(count) => {
            bytes.truncate(count);
            Ok(bytes)
        }
        // Container profiles that allow ptrace do not all allow this newer call.
        Err(Errno::EPERM | Errno::ENOSYS) => word(tid, base).map(|word| {
            let start = base % size_of::<usize>();
            word[start..word.len().min(start + len)].to_vec()
        }),
        Err(error) => Err(error),
    }
}

/// Reads the aligned word that holds `address`.
fn word(tid: Pid, address: usize) -> Result<[u8; size_of::<usize>()], Errno> {
    let aligned = address - address % size_of::<usize>();
    match ptrace::read(tid, std::ptr::without_provenance_mut(aligned)) {
        Ok(word) => Ok(word.to_ne_bytes()),
        Err(Errno::EIO) => Err(Errno::EFAULT),
        Err(error) => Err(error),
    }
}
