//! Draws that the steps share.

use crate::seed::{Step, generator};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A step's own stream of random numbers.
pub(crate) type Draw = ChaCha8Rng;

/// The step's generator if it happens at all, which it does with probability `share`.
pub(crate) fn is_drawn(share: f32, seed: u64, step: Step) -> Option<Draw> {
    let mut rng = generator(seed, step);
    (share > 0.0 && rng.random::<f32>() < share).then_some(rng)
}

/// Evenly between the two.
pub(crate) fn between([low, high]: [f32; 2], rng: &mut Draw) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// Evenly in the logarithm, for what counts by ratios.
pub(crate) fn between_log([low, high]: [f32; 2], rng: &mut Draw) -> f32 {
    (low * (high / low).powf(rng.random())).clamp(low, high)
}

/// About normal, of variance one: four uniform draws of 16 bits from one word.
pub(crate) fn normal(rng: &mut Draw) -> f32 {
    let word: u64 = rng.random();
    let sum: u32 = (0..4).map(|i| u32::from((word >> (16 * i)) as u16)).sum();
    (sum as f32 / 65_536.0 - 2.0) * 3f32.sqrt()
}
