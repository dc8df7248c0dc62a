//! Which instructions hash many streams at once: chosen once, when first needed.

use std::sync::OnceLock;

use crate::processor;

/// A way to hash many streams at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// One stream after the other, with what the `sha1` and `sha2` crates find (SHA-NI, `ARMv8` SHA, or plain code).
    Portable,
    /// Two to four streams interleaved, with the SHA instructions of x86.
    ShaNi,
    /// Eight lanes.
    Avx2,
    /// Sixteen lanes, and interleaved SHA instructions (or eight lanes) where only few streams are left.
    Avx512,
    /// Four lanes.
    Neon,
    /// Streams interleaved, with the SHA instructions of `ARMv8`.
    Armv8,
}

impl Backend {
    /// All of them, the one without needs first.
    pub const ALL: [Self; 6] = [
        Self::Portable,
        Self::ShaNi,
        Self::Avx2,
        Self::Avx512,
        Self::Neon,
        Self::Armv8,
    ];

    /// The fastest that this processor has, or the one that the environment variable `P2PCORE_HASH` names
    /// (`portable`, `sha-ni`, `avx2`, `avx512`, `neon`, `armv8`), where the processor has it.
    pub fn best() -> Self {
        static BEST: OnceLock<Backend> = OnceLock::new();
        *BEST.get_or_init(|| {
            let named = std::env::var("P2PCORE_HASH").unwrap_or_default();
            let forced = Self::ALL.into_iter().find(|one| one.name() == named);
            let usable = |one: &Self| one.is_available();
            // The SHA instructions are faster than few lanes, so AVX2 and NEON are for processors without them.
            let order = [
                Self::Avx512,
                Self::ShaNi,
                Self::Avx2,
                Self::Armv8,
                Self::Neon,
            ];
            let fastest = order.into_iter().find(usable);
            forced.filter(usable).or(fastest).unwrap_or(Self::Portable)
        })
    }

    /// The name in `P2PCORE_HASH`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::ShaNi => "sha-ni",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
            Self::Armv8 => "armv8",
        }
    }

    /// Whether this processor has what it needs.
    pub fn is_available(self) -> bool {
        self == Self::Portable || processor::has(self)
    }

    pub(crate) fn or_portable(self) -> Self {
        if self.is_available() {
            self
        } else {
            Self::Portable
        }
    }
}
