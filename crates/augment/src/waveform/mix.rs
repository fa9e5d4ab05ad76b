//! Two clips at once.

use super::noise::power;
use crate::mixup_lambda;

/// Adds `other` to `samples`, so that both are audible in a drawn proportion, and returns the share of the label that the
/// first keeps, 0.5 to 1; the second has the rest. The result is as loud as the first was.
///
/// The share is of the perceived sound, not of the numbers: clips are first brought to the same power, and weights are such
/// that powers add up (Y. Tokozume, Y. Ushiku and T. Harada, "Learning from between-class examples for deep sound
/// recognition", 2018). It is drawn from Beta(`alpha`, `alpha`) as in [`mixup_lambda`]. A silent clip is
/// audible in no proportion: nothing is mixed then, and 1 returned.
///
/// # Shapes
/// `samples` is `[n]` and stays so; `other` is cut, or repeated, to `n`.
pub fn mix_clips(samples: &mut [f32], other: &[f32], alpha: f32, seed: u64) -> f32 {
    let lambda = mixup_lambda(alpha, seed);
    let other: Vec<f32> = other.iter().cycle().take(samples.len()).copied().collect();
    let gain = (power(samples) / power(&other)).sqrt() as f32;
    if lambda >= 1.0 || gain <= 0.0 || !gain.is_finite() {
        return 1.0;
    }
    // With r = l / (1 - l) the amplitudes, and a norm that keeps the power of two sounds that have nothing in common.
    let norm = (lambda * lambda + (1.0 - lambda) * (1.0 - lambda)).sqrt();
    let (own, others) = (lambda / norm, gain * (1.0 - lambda) / norm);
    samples.iter_mut().zip(&other).for_each(|(sample, other)| *sample = own * *sample + others * other);
    lambda
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_heard_by_their_share() {
        let tone = |step: f32, gain: f32| -> Vec<f32> { (0..20_000).map(|i| gain * (i as f32 * step).sin()).collect() };
        let (own, other) = (tone(0.1, 1.0), tone(0.37, 0.01));
        for seed in 0..50 {
            let mut mixed = own.clone();
            let lambda = mix_clips(&mut mixed, &other, 1.0, seed);
            let along =
                |tone: &[f32]| mixed.iter().zip(tone).map(|(a, b)| f64::from(a * b)).sum::<f64>() / power(tone).sqrt();
            let share = along(&own) / (along(&own) + along(&other));
            assert!((0.5..=1.0).contains(&lambda) && (share - f64::from(lambda)).abs() < 0.01, "{lambda} {share}");
            assert!((power(&mixed) / power(&own) - 1.0).abs() < 0.02);
        }
    }

    #[test]
    fn silence_and_no_alpha_mix_nothing() {
        for (alpha, other) in [(0.0, vec![1.0]), (1.0, vec![0.0; 5]), (1.0, vec![])] {
            let mut samples = vec![0.5, -0.5];
            assert_eq!(mix_clips(&mut samples, &other, alpha, 1), 1.0);
            assert_eq!(samples, [0.5, -0.5]);
        }
    }
}
