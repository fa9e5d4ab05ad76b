//! Random numbers: a generator for each use of a seed.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What draws: each use has streams of its own, so that a change in one leaves what the others draw as it was.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    Trees,
    Landmarks,
    Weights,
    Batches,
    Bootstrap,
    Conformal,
    RandomSplits,
}

/// The generator of one (seed, use, number), the number being that of a tree, a replicate or a row.
pub(crate) fn generator(seed: u64, usage: Use, number: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((usage as u64) << 48) | number as u64);
    rng
}
