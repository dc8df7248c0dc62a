//! A fuzz input as a script: numbers for what to do next, read until there are none.

use p2pcore_protocol::BLOCK;

/// The bytes not yet read.
pub(crate) struct Script<'d>(pub(crate) &'d [u8]);

impl Script<'_> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    /// A small number; 0 where the script is over.
    pub(crate) fn small(&mut self, bound: u32) -> u32 {
        u32::from(self.byte().unwrap_or_default()) % bound.max(1)
    }

    /// Yes or no; no where the script is over.
    pub(crate) fn yes(&mut self) -> bool {
        self.small(2) == 1
    }

    /// A number of two bytes.
    pub(crate) fn wide(&mut self) -> u16 {
        u16::from_be_bytes([(); 2].map(|()| self.byte().unwrap_or_default()))
    }

    /// A number that is small, or now and then giant.
    pub(crate) fn number(&mut self) -> u32 {
        match self.byte().unwrap_or_default() {
            255 => u32::MAX,
            254 => 1 << 31,
            253 => 3 * BLOCK,
            byte if byte >= 128 => u32::from(byte - 128) * BLOCK,
            byte => u32::from(byte),
        }
    }
}
