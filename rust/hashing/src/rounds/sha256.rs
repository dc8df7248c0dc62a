//! SHA-256's rounds over lanes (FIPS 180-4, 6.2.2).

use super::Vector;

/// The state after a block, whose words are `w`.
#[inline(always)]
pub(crate) fn block<V: Vector>(state: [V; 8], w: [V; 16]) -> [V; 8] {
    rounds(state, Schedule(w))
}

/// The state after the padding that ends a message of one block.
#[inline(always)]
pub(crate) fn padding<V: Vector>(state: [V; 8]) -> [V; 8] {
    rounds(state, Padding)
}

/// The constant and the word of each round. Asked in order of the rounds.
trait Words<V> {
    /// Adds both to `h`.
    fn add(&mut self, t: usize, h: V) -> V;
}

/// The words of a message, of which sixteen are remembered.
struct Schedule<V>([V; 16]);

impl<V: Vector> Words<V> for Schedule<V> {
    #[inline(always)]
    fn add(&mut self, t: usize, h: V) -> V {
        let w = &mut self.0;
        if t >= 16 {
            let (early, late) = (w[(t + 1) & 15], w[(t + 14) & 15]);
            let sigma0 = early.rotate::<25, 7>();
            let sigma0 = sigma0.xor3(early.rotate::<14, 18>(), early.shift::<3>());
            let sigma1 = late.rotate::<15, 17>();
            let sigma1 = sigma1.xor3(late.rotate::<13, 19>(), late.shift::<10>());
            w[t & 15] = w[t & 15].add(w[(t + 9) & 15]).add(sigma0.add(sigma1));
        }
        h.add(h.splat(K[t])).add(w[t & 15])
    }
}

/// The words of [`PADDING`], with the constants.
struct Padding;

impl<V: Vector> Words<V> for Padding {
    #[inline(always)]
    fn add(&mut self, t: usize, h: V) -> V {
        h.add(h.splat(PADDING[t]))
    }
}

#[inline(always)]
fn rounds<V: Vector>(state: [V; 8], mut words: impl Words<V>) -> [V; 8] {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
    // Written out, so that the words stay in registers.
    macro_rules! round {
        ($t:expr) => {
            let added = words.add($t, h);
            let sum1 = e.rotate::<26, 6>();
            let sum1 = sum1.xor3(e.rotate::<21, 11>(), e.rotate::<7, 25>());
            let sum0 = a.rotate::<30, 2>();
            let sum0 = sum0.xor3(a.rotate::<19, 13>(), a.rotate::<10, 22>());
            let first = added.add(e.choose(f, g)).add(sum1);
            let second = sum0.add(a.majority(b, c));
            (h, g, f, e) = (g, f, e, d.add(first));
            (d, c, b, a) = (c, b, a, first.add(second));
        };
    }
    macro_rules! eight {
        ($($from:expr),+) => { $(
            round!($from);
            round!($from + 1);
            round!($from + 2);
            round!($from + 3);
            round!($from + 4);
            round!($from + 5);
            round!($from + 6);
            round!($from + 7);
        )+ };
    }
    eight!(0, 8, 16, 24, 32, 40, 48, 56);
    let after = [a, b, c, d, e, f, g, h];
    std::array::from_fn(|i| state[i].add(after[i]))
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
#[rustfmt::skip]
pub(crate) const K: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// What the rounds add over the padding of a message of one block: the sums of its schedule and the constants.
pub(crate) const PADDING: [u32; 64] = {
    // A one bit, zeros, and the length of 512 bits.
    let mut w = [0; 64];
    w[0] = 0x8000_0000;
    w[15] = 512;
    let mut t = 16;
    while t < 64 {
        let (early, late): (u32, u32) = (w[t - 15], w[t - 2]);
        let sigma0 = early.rotate_right(7) ^ early.rotate_right(18) ^ (early >> 3);
        let sigma1 = late.rotate_right(17) ^ late.rotate_right(19) ^ (late >> 10);
        let sum = sigma0.wrapping_add(sigma1);
        w[t] = sum.wrapping_add(w[t - 16]).wrapping_add(w[t - 7]);
        t += 1;
    }
    let mut sums = K;
    let mut t = 0;
    while t < 64 {
        sums[t] = K[t].wrapping_add(w[t]);
        t += 1;
    }
    sums
};
