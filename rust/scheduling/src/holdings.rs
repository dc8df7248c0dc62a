//! Which pieces a peer has. A peer that has everything, or nothing, costs no bitmap.

use crate::bitfield::Bitfield;

/// A peer's pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holdings {
    /// Nothing (or nothing said yet).
    Nothing,
    /// Something, but not everything.
    Some(Bitfield),
    /// So many, but which is not kept (memory is short): nothing is asked of such a peer.
    Counted(u32),
    /// Everything.
    All,
}

impl Holdings {
    /// The smallest form of a bitmap.
    pub(crate) fn from_bits(bits: Bitfield) -> Self {
        if bits.is_full() {
            Self::All
        } else if bits.is_empty() {
            Self::Nothing
        } else {
            Self::Some(bits)
        }
    }

    /// Whether a piece (in range) is among them.
    pub(crate) fn contains(&self, piece: u32) -> bool {
        match self {
            Self::Nothing | Self::Counted(_) => false,
            Self::Some(bits) => bits.contains(piece),
            Self::All => true,
        }
    }

    /// The bitmap, where one is kept.
    pub(crate) fn bits(&self) -> Option<&Bitfield> {
        match self {
            Self::Some(bits) => Some(bits),
            Self::Nothing | Self::Counted(_) | Self::All => None,
        }
    }

    /// Everything is there.
    pub(crate) fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// How many pieces, of `total`.
    pub(crate) fn count(&self, total: u32) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::Some(bits) => bits.count(),
            Self::Counted(count) => *count,
            Self::All => total,
        }
    }

    /// Those that are in a bitmap, too.
    pub(crate) fn within(&self, limit: &Bitfield) -> Self {
        match self {
            Self::Nothing | Self::Counted(_) => Self::Nothing,
            Self::Some(bits) => {
                let mut both = bits.clone();
                both.keep_only(limit);
                Self::from_bits(both)
            }
            Self::All => Self::from_bits(limit.clone()),
        }
    }

    /// Puts them into a bitmap, as far as they are known.
    pub(crate) fn add_to(&self, all: &mut Bitfield) {
        match self {
            Self::Nothing | Self::Counted(_) => {}
            Self::Some(bits) => all.add_all(bits),
            Self::All => *all = Bitfield::full(all.len()),
        }
    }

    /// How many of `needed` are among them.
    pub(crate) fn count_common(&self, needed: &Bitfield) -> u32 {
        match self {
            Self::Nothing | Self::Counted(_) => 0,
            Self::Some(bits) => bits.count_common(needed),
            Self::All => needed.count(),
        }
    }
}
