//! What the rounds need of a vector that has one 32-bit word for each lane.

/// A word for each lane. Its methods need the processor feature of the type.
pub(super) trait Vector: Copy {
    const LANES: usize;

    unsafe fn splat(word: u32) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn xor(self, other: Self) -> Self;
    /// Rotates to the left by `LEFT`; `RIGHT` is 32 less it, for types that must shift twice.
    unsafe fn rotate<const LEFT: i32, const RIGHT: i32>(self) -> Self;
    /// Shifts to the right.
    unsafe fn shift<const RIGHT: i32>(self) -> Self;
    /// Where a bit of `self` is set that of `yes`, else that of `no`.
    unsafe fn choose(self, yes: Self, no: Self) -> Self;
    /// The bit that most of the three have.
    unsafe fn majority(self, b: Self, c: Self) -> Self;
    unsafe fn xor3(self, b: Self, c: Self) -> Self;
    /// A word for each lane, from `words`, which has as many.
    unsafe fn load(words: &[u32]) -> Self;
    unsafe fn store(self, words: &mut [u32]);
    /// The 16 big-endian words of each lane's 64 bytes from `offset` on, one vector for each word.
    unsafe fn message(data: &[&[u8]], offset: usize) -> [Self; 16];
}

/// One vector for each word of the state.
#[inline(always)]
pub(super) unsafe fn gather<V: Vector, const W: usize>(states: &[[u32; W]]) -> [V; W] {
    std::array::from_fn(|word| {
        let mut lanes = [0; 16];
        for (lane, state) in lanes.iter_mut().zip(states) {
            *lane = state[word];
        }
        // SAFETY: the caller has the feature; `lanes` has LANES words.
        unsafe { V::load(&lanes[..V::LANES]) }
    })
}

/// The reverse of `gather`.
#[inline(always)]
pub(super) unsafe fn scatter<V: Vector, const W: usize>(vectors: [V; W], states: &mut [[u32; W]]) {
    for (word, vector) in vectors.into_iter().enumerate() {
        let mut lanes = [0; 16];
        // SAFETY: the caller has the feature; `lanes` has LANES words.
        unsafe { vector.store(&mut lanes[..V::LANES]) };
        for (lane, state) in lanes.iter().zip(states.iter_mut()) {
            state[word] = *lane;
        }
    }
}
