//! The system calls that the standard library does not have, each with what to do where a system lacks it.

use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a file can be read without waiting for a disk.
#[derive(Debug)]
pub(super) enum Instant {
    /// It is in memory (tmpfs, which has no `RWF_NOWAIT`): any read will do.
    Memory,
    /// By asking for cached bytes only; `false` once the file system said that it cannot.
    Cached(AtomicBool),
}

impl Instant {
    /// Asks the file system what it is.
    #[cfg(target_os = "linux")]
    pub fn of(file: &File) -> Self {
        const TMPFS: u64 = 0x0102_1994;
        const RAMFS: u64 = 0x8584_58f6;
        let kind = rustix::fs::fstatfs(file).map(|stat| stat.f_type.cast_unsigned());
        match kind {
            Ok(TMPFS | RAMFS) => Self::Memory,
            _ => Self::Cached(AtomicBool::new(true)),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub fn of(_file: &File) -> Self {
        Self::Cached(AtomicBool::new(false))
    }

    /// Fills `out` if that takes no waiting; `false` where it would, or where the file ends too early.
    pub fn read(&self, file: &File, out: &mut [u8], offset: u64) -> bool {
        match self {
            Self::Memory => file.read_exact_at(out, offset).is_ok(),
            Self::Cached(able) => {
                able.load(Ordering::Relaxed) && read_cached(file, able, out, offset)
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn read_cached(file: &File, able: &AtomicBool, out: &mut [u8], offset: u64) -> bool {
    use rustix::io::{Errno, ReadWriteFlags};
    let wanted = out.len();
    let mut parts = [io::IoSliceMut::new(out)];
    match rustix::io::preadv2(file, &mut parts, offset, ReadWriteFlags::NOWAIT) {
        Ok(count) => count == wanted,
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            able.store(false, Ordering::Relaxed);
            false
        }
        Err(_) => false,
    }
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_file: &File, _able: &AtomicBool, _out: &mut [u8], _offset: u64) -> bool {
    false
}

/// Writes all parts one after the other from `offset` on, many to a system call.
pub(super) fn write_all_at(
    file: &File,
    mut parts: &mut [IoSlice<'_>],
    mut offset: u64,
) -> io::Result<()> {
    IoSlice::advance_slices(&mut parts, 0); // skips empty ones
    while !parts.is_empty() {
        let now = &parts[..parts.len().min(MOST_PARTS)];
        match rustix::io::pwritev(file, now, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                offset += count as u64;
                IoSlice::advance_slices(&mut parts, count);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reserves room for the whole file; where the file system cannot, only sets its size.
pub(super) fn reserve(file: &File, size: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        loop {
            match fallocate(file, FallocateFlags::empty(), 0, size) {
                Ok(()) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    file.set_len(size)
}

/// The runs of a sparse file that have bytes, in order; `None` where the file system does not say.
#[cfg(target_os = "linux")]
pub(super) fn data_runs(file: &File) -> Option<Vec<Range<u64>>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    let mut runs = Vec::new();
    let mut at = 0;
    loop {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(Errno::NXIO) => return Some(runs),
            Err(_) => return None,
        };
        at = seek(file, SeekFrom::Hole(start)).ok()?;
        runs.push(start..at);
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn data_runs(_file: &File) -> Option<Vec<Range<u64>>> {
    None
}

/// Flushes the whole file system that `file` is on; `false` where the system has no such call.
pub(super) fn sync_file_system(file: impl std::os::fd::AsFd) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        rustix::fs::syncfs(file)?;
        Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        Ok(false)
    }
}

/// `IOV_MAX` on the systems that we know.
const MOST_PARTS: usize = 1024;
