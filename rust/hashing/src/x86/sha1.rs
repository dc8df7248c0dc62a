//! SHA-1's rounds over lanes (FIPS 180-4, 6.1.2).

use super::vector::{Vector, gather, scatter};
use crate::lanes::BLOCK;

/// Takes `blocks` blocks of each lane.
///
/// # Safety
/// The processor has the feature of `V`; `states` and `data` are LANES long, and each lane has the blocks.
#[inline(always)]
pub(super) unsafe fn run<V: Vector>(states: &mut [[u32; 5]], data: &[&[u8]], blocks: usize) {
    // SAFETY: as the caller says.
    unsafe {
        let mut state: [V; 5] = gather(states);
        for block in 0..blocks {
            let words = V::message(data, block * BLOCK);
            let after = rounds(state, words);
            state = std::array::from_fn(|i| state[i].add(after[i]));
        }
        scatter(state, states);
    }
}

#[inline(always)]
unsafe fn rounds<V: Vector>([mut a, mut b, mut c, mut d, mut e]: [V; 5], mut w: [V; 16]) -> [V; 5] {
    // SAFETY: as the caller says.
    unsafe {
        // Written out, so that the words stay in registers.
        macro_rules! round {
            ($t:expr, $constant:expr, $mix:expr) => {
                if $t >= 16 {
                    let mixed = w[($t + 13) & 15].xor3(w[($t + 8) & 15], w[($t + 2) & 15]);
                    w[$t & 15] = mixed.xor(w[$t & 15]).rotate::<1, 31>();
                }
                let sum = e.add($constant).add(w[$t & 15]).add($mix(b, c, d));
                (e, d, c, b) = (d, c, b.rotate::<30, 2>(), a);
                a = a.rotate::<5, 27>().add(sum);
            };
        }
        macro_rules! twenty {
            ($from:expr, $constant:expr, $mix:expr) => {
                let constant = V::splat($constant);
                ten!($from, constant, $mix);
                ten!($from + 10, constant, $mix);
            };
        }
        macro_rules! ten {
            ($from:expr, $constant:expr, $mix:expr) => {
                round!($from, $constant, $mix);
                round!($from + 1, $constant, $mix);
                round!($from + 2, $constant, $mix);
                round!($from + 3, $constant, $mix);
                round!($from + 4, $constant, $mix);
                round!($from + 5, $constant, $mix);
                round!($from + 6, $constant, $mix);
                round!($from + 7, $constant, $mix);
                round!($from + 8, $constant, $mix);
                round!($from + 9, $constant, $mix);
            };
        }
        twenty!(0, 0x5a82_7999, |b: V, c, d| b.choose(c, d));
        twenty!(20, 0x6ed9_eba1, |b: V, c, d| b.xor3(c, d));
        twenty!(40, 0x8f1b_bcdc, |b: V, c, d| b.majority(c, d));
        twenty!(60, 0xca62_c1d6, |b: V, c, d| b.xor3(c, d));
        [a, b, c, d, e]
    }
}
