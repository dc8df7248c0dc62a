//! The simulator's random numbers (`SplitMix64`, Steele, Lea and Flood 2014): every one follows from the seed of the run.

/// A generator. Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The generator of one purpose (`stream`) within the run that `seed` names.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random
    }

    /// The next 64 random bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound` (0 where the bound is 0).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number above 0 whose mean is 1 (exponential).
    pub(crate) fn wait(&mut self) -> f64 {
        -logarithm(1.0 - self.unit())
    }
}

/// The natural logarithm of a number in (0, 1]. The one of the standard library is the platform's, and runs have to be
/// the same on each: here are only operations that IEEE 754 rounds in one way.
fn logarithm(mut number: f64) -> f64 {
    let mut halvings = 0.0;
    while number < 0.5 {
        number *= 2.0;
        halvings += 1.0;
    }
    let ratio = (number - 1.0) / (number + 1.0);
    let square = ratio * ratio;
    let mut sum = 0.0;
    for odd in (0..20).rev() {
        sum = sum * square + 1.0 / f64::from(2 * odd + 1);
    }
    2.0 * ratio * sum - halvings * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_one() {
        for number in [1.0, 0.999, 0.7, 0.5, 0.499, 0.1, 1e-9, 2e-16] {
            assert!(
                (logarithm(number) - f64::ln(number)).abs() < 1e-14 * number.ln().abs().max(1.0)
            );
        }
        let mut random = Random::new(1, 1);
        let mean = (0..10_000).map(|_| random.wait()).sum::<f64>() / 10_000.0;
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
    }

    #[test]
    fn numbers_follow_from_seed_and_stream_and_stay_in_bounds() {
        let draw = |seed, stream| {
            let mut random = Random::new(seed, stream);
            (0..50).map(|_| random.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
        let mut random = Random::new(3, 0);
        assert!((0..1000).all(|_| random.below(10) < 10 && random.unit() < 1.0));
        assert_eq!(random.below(0), 0);
    }
}
