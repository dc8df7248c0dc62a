//! Buffers that begin where a page of memory does.
//!
//! Copies in and out of the kernel are one `rep movsb` on new processors, and on some (AMD's Zen 3) that takes up to five
//! times as long where the target's place in its page is a few bytes behind the source's. What a file's cache holds lies
//! at the start of a page, and what the allocator gives for a large buffer 16 bytes behind one.

use std::ops::{Deref, DerefMut};

/// Bytes that begin at a page, if they are more than one.
#[derive(Debug, Default)]
pub struct PageBuffer {
    bytes: Vec<u8>,
    start: usize,
}

impl PageBuffer {
    /// So many zeros.
    pub fn new(length: usize) -> Self {
        if length <= PAGE {
            let bytes = vec![0; length];
            return Self { bytes, start: 0 };
        }
        let mut bytes = vec![0; length + PAGE - 1];
        let start = bytes.as_ptr().align_offset(PAGE).min(PAGE - 1);
        bytes.truncate(start + length);
        Self { bytes, start }
    }

    /// Makes it at least so long; what it held stays.
    pub fn grow(&mut self, length: usize) {
        if self.len() < length {
            let mut longer = Self::new(length);
            longer[..self.len()].copy_from_slice(self);
            *self = longer;
        }
    }
}

impl Deref for PageBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl DerefMut for PageBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }
}

/// As long as pages are on most machines; where they are longer, the processor counts in these all the same.
const PAGE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_buffers_begin_at_a_page_and_keep_what_they_held() {
        let mut buffer = PageBuffer::new(3);
        buffer.copy_from_slice(b"abc");
        for length in [PAGE, PAGE + 1, 100_000, 1 << 20] {
            buffer.grow(length);
            assert_eq!(buffer.len(), length);
            assert_eq!((&buffer[..3], buffer[length - 1]), (&b"abc"[..], 0));
            assert!(length <= PAGE || buffer.as_ptr().addr().is_multiple_of(PAGE));
        }
        buffer.grow(5);
        assert_eq!(buffer.len(), 1 << 20);
    }
}
