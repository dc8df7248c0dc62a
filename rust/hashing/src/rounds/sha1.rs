//! SHA-1's rounds over lanes (FIPS 180-4, 6.1.2).

use super::Vector;

/// The state after a block, whose words are `w`.
#[inline(always)]
pub(crate) fn block<V: Vector>(state: [V; 5], mut w: [V; 16]) -> [V; 5] {
    let [mut a, mut b, mut c, mut d, mut e] = state;
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
            let constant = a.splat($constant);
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
    twenty!(0, K[0], |b: V, c, d| b.choose(c, d));
    twenty!(20, K[1], |b: V, c, d| b.xor3(c, d));
    twenty!(40, K[2], |b: V, c, d| b.majority(c, d));
    twenty!(60, K[3], |b: V, c, d| b.xor3(c, d));
    let after = [a, b, c, d, e];
    std::array::from_fn(|i| state[i].add(after[i]))
}

/// What each twenty rounds add.
pub(crate) const K: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];
