//! One bit for each piece.

/// A fixed number of bits; outside of it all are clear.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Bits(Vec<u8>);

impl Bits {
    pub fn new(count: u32) -> Self {
        Self(vec![0; count.div_ceil(8) as usize])
    }

    /// From as many bytes as [`new`](Self::new) would take.
    pub fn from_bytes(bytes: &[u8], count: u32) -> Option<Self> {
        (bytes.len() == count.div_ceil(8) as usize).then(|| Self(bytes.to_vec()))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn get(&self, bit: u32) -> bool {
        self.0
            .get(bit as usize / 8)
            .is_some_and(|byte| byte & mask(bit) != 0)
    }

    /// Sets a bit; `true` where it was clear.
    pub fn set(&mut self, bit: u32) -> bool {
        let Some(byte) = self.0.get_mut(bit as usize / 8) else {
            return false;
        };
        let clear = *byte & mask(bit) == 0;
        *byte |= mask(bit);
        clear
    }
}

const fn mask(bit: u32) -> u8 {
    0x80 >> (bit % 8)
}
