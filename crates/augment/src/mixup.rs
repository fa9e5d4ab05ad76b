//! Mixup: two clips and their labels blended by one drawn share.

use crate::seed::{Step, generator};
use rand::Rng;

/// How much of its own sound a mixed clip keeps, 0.5 to 1: `max(l, 1 - l)` with `l` from Beta(`alpha`, `alpha`).
///
/// The maximum keeps the first clip the stronger one, so that a batch mixed with a shuffled copy of itself does not
/// hold the same pair twice. An `alpha` of 0 gives 1: no mixing.
pub fn mixup_lambda(alpha: f32, seed: u64) -> f32 {
    if alpha <= 0.0 {
        return 1.0;
    }
    let mut rng = generator(seed, Step::Mixup);
    // Beta(a, a) is g / (g + h) of two Gamma(a) draws; in logarithms, because for a small alpha both underflow.
    let difference = ln_gamma_draw(f64::from(alpha), &mut rng) - ln_gamma_draw(f64::from(alpha), &mut rng);
    (1.0 / (1.0 + (-difference.abs()).exp())) as f32
}

/// `a` becomes `lambda * a + (1 - lambda) * b`, cell by cell; both `[n_mels, n_frames]`.
///
/// The blend is linear in the array as it is, that is in decibels for a dB spectrogram, not in power. Adding the powers
/// is what air does, but there a share of 0.2 is a mere 7 dB below 0.8, which the eye and a model hardly notice next to
/// the differences in level that recordings have anyway; in the log domain the share of the picture is the share of the
/// label, and no unit has to be known.
///
/// # Panics
/// When the two lengths differ.
pub fn mix(a: &mut [f32], b: &[f32], lambda: f32) {
    assert_eq!(a.len(), b.len(), "mix: both clips must have the same cells");
    for (x, y) in a.iter_mut().zip(b) {
        *x = lambda * *x + (1.0 - lambda) * y;
    }
}

/// The logarithm of a Gamma(`shape`) draw: Marsaglia and Tsang's rejection for `shape + 1`, then the power of a uniform
/// draw that leads from `shape + 1` to `shape`.
fn ln_gamma_draw(shape: f64, rng: &mut impl Rng) -> f64 {
    let d = shape + 1.0 - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    let ln_above_one = loop {
        let normal = normal_draw(rng);
        let v = (1.0 + c * normal).powi(3);
        let u = open_unit_draw(rng);
        if v > 0.0 && u.ln() < 0.5 * normal * normal + d * (1.0 - v + v.ln()) {
            break (d * v).ln();
        }
    };
    ln_above_one + open_unit_draw(rng).ln() / shape
}

fn normal_draw(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * open_unit_draw(rng).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Uniform on (0, 1]: its logarithm is finite.
fn open_unit_draw(rng: &mut impl Rng) -> f64 {
    1.0 - rng.random::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambda_is_in_range_and_repeats() {
        for alpha in [0.001, 0.2, 0.3, 1.0, 5.0] {
            for seed in 0..500 {
                let lambda = mixup_lambda(alpha, seed);
                assert!((0.5..=1.0).contains(&lambda), "alpha {alpha} seed {seed}: {lambda}");
                assert_eq!(lambda.to_bits(), mixup_lambda(alpha, seed).to_bits());
            }
        }
        assert_eq!(mixup_lambda(0.0, 3), 1.0);
    }

    #[test]
    fn lambda_follows_its_distribution() {
        let n = 20_000;
        let mean = |alpha: f32| (0..n).map(|s| f64::from(mixup_lambda(alpha, s))).sum::<f64>() / n as f64;
        // Beta(1, 1) is uniform: the larger share has a mean of 3/4.
        assert!((mean(1.0) - 0.75).abs() < 0.005);
        // Beta(2, 2) has density 6 l (1 - l): the mean of the larger share is 11/16.
        assert!((mean(2.0) - 0.6875).abs() < 0.005);
        // Beta(1/2, 1/2) is the arcsine law: 1/2 + 1/pi.
        assert!((mean(0.5) - (0.5 + std::f64::consts::FRAC_1_PI)).abs() < 0.005);
    }

    #[test]
    fn mix_is_linear() {
        let mut a = [0.0, 10.0, -80.0];
        mix(&mut a, &[4.0, 0.0, -40.0], 0.75);
        assert_eq!(a, [1.0, 7.5, -70.0]);
        let mut same = [1.0, 2.0];
        mix(&mut same, &[9.0, 9.0], 1.0);
        assert_eq!(same, [1.0, 2.0]);
    }

    #[test]
    #[should_panic(expected = "same cells")]
    fn mix_refuses_other_lengths() {
        mix(&mut [0.0; 3], &[0.0; 2], 0.5);
    }
}
