//! Random generators: one for each purpose of a seed.

use rand_chacha::ChaCha8Rng;

/// What is drawn. Each purpose has streams of its own, so that a change in one leaves the draws of the others unchanged.
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

/// The generator of one (seed, use, number), where the number is that of a tree, a resample or a row.
pub(crate) fn generator(seed: u64, usage: Use, number: usize) -> ChaCha8Rng {
    stats::seed::stream(seed, ((usage as u64) << 48) | number as u64)
}
