//! Random generators: one for each purpose and number, so that neither threads nor other draws can change a draw.

use rand_chacha::ChaCha8Rng;
use stats::seed::{nth, stream};

/// What is drawn.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// Which groups share a fold.
    Folds,
    /// A tree of a forest.
    Tree,
    /// Bootstrap resamples.
    Bootstrap,
    /// Start vectors of the search for principal directions.
    Directions,
}

/// The generator of draw `number` for `purpose`.
pub(crate) fn generator(seed: u64, purpose: Purpose, number: u64) -> ChaCha8Rng {
    stream(nth(seed, number), purpose as u64)
}
