//! Mutations without libFuzzer: the same every time, for the test run.

/// A tiny generator (xorshift64*): good enough to break files with, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator; the seed must not be zero.
    pub const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `bound`; 0 where that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        (number % (bound.max(1) as u64)) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// Changes a file in one to four places; `other` is a file to take parts from.
pub fn mutate(file: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut data = file.to_vec();
    for _ in 0..=random.below(4) {
        change(&mut data, other, random);
    }
    data
}

/// Bytes and runs that parsers stumble over.
const TOKENS: &[&[u8]] = &[
    b"e",
    b"d",
    b"l",
    b"i",
    b"de",
    b"le",
    b"i0e",
    b"i-1e",
    b"i-0e",
    b"0:",
    b"1:",
    b"99999999999:",
    b"2:..",
    b"1:.",
    b"1:/",
    b"9223372036854775807",
    b"9223372036854775808",
    b"4294967296",
    b"-",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\0\0\0\x01",
    b"\0\0\0\x0d\x06",
    b"\0\0\x40\x09\x07",
    b"%",
    b"&",
    b"=",
    b"?xt=urn:",
    b"%00",
    b"%ff",
];

fn change(data: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(data.len() + 1);
    let longest = if random.below(4) == 0 { data.len() } else { 8 };
    let length = random.below(longest + 1);
    let end = (at + length).min(data.len());
    match random.below(8) {
        0 | 1 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => replace_digit(data, at, random),
        3 => data.truncate(at),
        4 => drop(data.drain(at..end)),
        5 => {
            let copy = data.get(at..end).unwrap_or_default().to_vec();
            data.splice(at..at, copy);
        }
        6 => {
            let token = random.pick(TOKENS).copied().unwrap_or_default();
            let upto = if random.below(2) == 0 {
                at
            } else {
                (at + token.len()).min(data.len())
            };
            data.splice(at..upto, token.iter().copied());
        }
        _ => {
            let from = random.below(other.len() + 1);
            let part = other
                .get(from..(from + length).min(other.len()))
                .unwrap_or_default();
            data.splice(at..end, part.iter().copied());
        }
    }
}

/// Numbers decide most in bencode: changes the next digit.
fn replace_digit(data: &mut [u8], at: usize, random: &mut Random) {
    let next = data.iter_mut().skip(at).find(|byte| byte.is_ascii_digit());
    if let Some(digit) = next {
        *digit = b'0' + random.below(10) as u8;
    }
}
