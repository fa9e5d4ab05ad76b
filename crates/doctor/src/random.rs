//! Randomness from what it is for: each purpose, and each number under it, has a generator of its own, so that neither
//! threads nor what else is drawn can change a draw.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What is drawn.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Which groups share a fold.
    Folds,
    /// A tree of a forest.
    Tree,
    /// Groups drawn anew.
    Bootstrap,
    /// Where the search for principal directions begins.
    Directions,
}

/// The generator of draw `number` for `purpose`.
pub(crate) fn generator(seed: u64, purpose: Purpose, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(mixed(seed, number));
    random.set_stream(purpose as u64);
    random
}

/// A seed of its own for part `number` of what `seed` stands for (the finaliser of splitmix64).
pub(crate) fn mixed(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
