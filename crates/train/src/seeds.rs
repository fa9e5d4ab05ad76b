//! One seed a purpose: what one part of a run draws never depends on what another part draws.

use augment::seed_for;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are drawn for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The order of the clips in an epoch.
    Order = 1,
    /// Augmentation and mixup of a clip.
    Augment = 2,
    /// The forward pass of a step: dropout and such.
    Forward = 3,
    /// The training clips that are looked at in evaluation mode.
    Subset = 4,
    /// Resamples of an interval.
    Bootstrap = 5,
    /// Unknown sounds beside a batch.
    Exposure = 6,
}

/// The seed for `purpose`, of the thing numbered (`a`, `b`).
pub(crate) fn seed(run: u64, purpose: Purpose, a: u64, b: u64) -> u64 {
    seed_for(seed_for(run, purpose as u64, u64::MAX), a, b)
}

/// A generator from [`seed`].
pub(crate) fn generator(run: u64, purpose: Purpose, a: u64, b: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed(run, purpose, a, b))
}
