//! Where every random number of this crate comes from.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The one generator in use: the same numbers on every platform.
pub(crate) type Draws = ChaCha8Rng;

/// What a generator is for; each purpose and index has a stream of its own under the set's seed.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The size of a group.
    Group,
    /// What the clips of a group share apart from the voice: microphone, room, background.
    Place,
    /// The echoes of a group's room.
    Room,
    /// The voice of a group.
    Voice,
    /// What only one clip has: length, level, the order of its sounds.
    Clip,
    /// The noise of one clip.
    Noise,
    /// A sound without an animal.
    TestSound,
}

/// A generator for `index` (of a group, of a clip) under `seed`.
pub(crate) fn draws(seed: u64, purpose: Purpose, index: u64) -> Draws {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index * 8 + purpose as u64);
    rng
}

/// Uniform from `low` to `high`.
pub(crate) fn between(low: f32, high: f32, rng: &mut Draws) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// Uniform in the logarithm: for frequencies and sizes.
pub(crate) fn log_between(low: f32, high: f32, rng: &mut Draws) -> f32 {
    low * (high / low).powf(rng.random::<f32>())
}

/// True with the probability `share`.
pub(crate) fn chance(share: f32, rng: &mut Draws) -> bool {
    rng.random::<f32>() < share
}

/// One of `choices`, all alike.
pub(crate) fn one_of<T: Copy>(choices: &[T], rng: &mut Draws) -> T {
    choices[rng.random_range(0..choices.len())]
}

/// Around `value`, by a factor of up to `1 + spread` either way.
pub(crate) fn around(value: f32, spread: f32, rng: &mut Draws) -> f32 {
    value * (1.0 + between(-spread, spread, rng))
}

/// White noise, -1 to 1, triangular.
pub(crate) fn white(rng: &mut Draws) -> f32 {
    let bits = rng.random::<u32>();
    ((bits & 0xffff) as f32 + (bits >> 16) as f32) / 65535.0 - 1.0
}

/// The factor of an amplitude that `db` decibels are.
pub(crate) fn amplitude(db: f32) -> f32 {
    10f32.powf(db / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_purpose_and_index_has_draws_of_its_own() {
        let purposes = [Purpose::Group, Purpose::Place, Purpose::Room, Purpose::Voice, Purpose::Clip, Purpose::Noise];
        let firsts: BTreeSet<u64> =
            (0..100).flat_map(|index| purposes.map(|purpose| draws(7, purpose, index).random::<u64>())).collect();
        assert_eq!(firsts.len(), 600);
    }

    #[test]
    fn draws_stay_in_their_ranges() {
        let rng = &mut draws(1, Purpose::Clip, 0);
        for _ in 0..1000 {
            assert!((2.0..=3.0).contains(&between(2.0, 3.0, rng)));
            assert!((99.9..=1000.1).contains(&log_between(100.0, 1000.0, rng)));
            assert!((0.9..=1.1).contains(&around(1.0, 0.1, rng)));
            assert!(white(rng).abs() <= 1.0);
        }
        let rms = ((0..100_000).map(|_| white(rng).powi(2)).sum::<f32>() / 1e5).sqrt();
        assert!((rms - 1.0 / 6f32.sqrt()).abs() < 0.005, "{rms}");
    }
}
