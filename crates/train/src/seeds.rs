//! One seed for each purpose: what one part of a run draws never depends on what another part draws.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use stats::seed::derive;

/// What random numbers are drawn for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The order of the clips in an epoch.
    Order = 1,
    /// Augmentation and mixup of a clip.
    Augment = 2,
    /// The forward pass of a step: dropout and such.
    Forward = 3,
    /// The training clips that are measured in evaluation mode.
    Subset = 4,
    /// Bootstrap resamples of an interval.
    Bootstrap = 5,
    /// Unknown sounds that are added to a batch.
    Exposure = 6,
    /// The clips that stand for all in the normalization of a large set.
    Normalization = 7,
    /// The shards that are read together in an epoch.
    Windows = 8,
}

/// The seed for `purpose`, for the thing numbered (`a`, `b`).
pub(crate) fn seed(run: u64, purpose: Purpose, a: u64, b: u64) -> u64 {
    derive(derive(run, purpose as u64, u64::MAX), a, b)
}

/// A generator from [`seed`].
pub(crate) fn generator(run: u64, purpose: Purpose, a: u64, b: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed(run, purpose, a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_value() {
        // A change here changes every run of the past: it must be a decision, never an accident.
        let of_augment = augment::seed_for(augment::seed_for(7, 2, u64::MAX), 3, 4);
        assert_eq!(seed(7, Purpose::Augment, 3, 4), of_augment);
    }
}
