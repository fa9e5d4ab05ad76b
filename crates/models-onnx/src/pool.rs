//! From a window's frames to one row: embeddings by their mean, probabilities by a power mean.

use crate::plan::Frames;
use crate::settings::Activation;

/// Exponent of the mean of probabilities over frames: 1 is the mean, which a short call hardly moves, and a large one the
/// largest. The same as over a clip's windows.
const POWER: i32 = 4;

/// How far outside of 0 to 1 rounding may take a probability.
const SLACK: f32 = 1e-3;

/// Windows' frames `[B, T, D]` to `[B, D]`: means, added in f64 from the first frame to the last.
pub(crate) fn mean(frames: &Frames) -> Vec<f32> {
    pooled(frames, |value| value, |mean| mean)
}

/// Windows' probabilities `[B, T, K]` to `[B, K]`: the 4th root of the mean of the 4th powers.
pub(crate) fn power_mean(frames: &Frames) -> Vec<f32> {
    pooled(frames, |value| value.powi(POWER), |mean| mean.powf(1.0 / f64::from(POWER)))
}

fn pooled(frames: &Frames, before: impl Fn(f64) -> f64, after: impl Fn(f64) -> f64) -> Vec<f32> {
    let Frames { values, n_frames, width } = frames;
    if *n_frames == 1 {
        return values.clone();
    }
    let window = |frames: &[f32]| {
        let mut sums = vec![0f64; *width];
        for frame in frames.chunks_exact(*width) {
            sums.iter_mut().zip(frame).for_each(|(sum, &value)| *sum += before(f64::from(value)));
        }
        sums.into_iter().map(|sum| after(sum / *n_frames as f64) as f32).collect::<Vec<_>>()
    };
    values.chunks_exact(n_frames * width).flat_map(window).collect()
}

/// Scores to probabilities, frame by frame; the first score that is no probability where they have to be some.
pub(crate) fn probabilities(frames: &mut Frames, activation: Activation, is_applied: bool) -> Result<(), f32> {
    match activation {
        _ if is_applied => return clamp(&mut frames.values),
        Activation::None => return clamp(&mut frames.values),
        Activation::Sigmoid => {
            for value in &mut frames.values {
                *value = (1.0 / (1.0 + (-f64::from(*value)).exp())) as f32;
            }
        }
        Activation::Softmax => frames.values.chunks_exact_mut(frames.width).for_each(softmax),
    }
    Ok(())
}

fn clamp(values: &mut [f32]) -> Result<(), f32> {
    if let Some(&outside) = values.iter().find(|value| !(-SLACK..=1.0 + SLACK).contains(*value)) {
        return Err(outside);
    }
    values.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
    Ok(())
}

fn softmax(row: &mut [f32]) {
    let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = row.iter().map(|&value| f64::from(value - max).exp()).collect();
    let sum: f64 = powers.iter().sum();
    row.iter_mut().zip(powers).for_each(|(value, power)| *value = (power / sum) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(values: &[f32], n_frames: usize, width: usize) -> Frames {
        Frames { values: values.to_vec(), n_frames, width }
    }

    #[test]
    fn a_call_in_one_frame_counts_in_the_window() {
        let frames = frames(&[1.0, 0.2, 0.0, 0.2, 0.0, 0.2, 0.0, 0.2], 4, 2);
        let pooled = power_mean(&frames);
        assert!((pooled[0] - 0.25f32.powf(0.25)).abs() < 1e-6 && (pooled[1] - 0.2).abs() < 1e-6, "{pooled:?}");
        assert_eq!(mean(&frames), [0.25, 0.2]);
    }

    #[test]
    fn activations() {
        let mut scores = frames(&[0.0, 2.0, -1e4, 1e4], 1, 2);
        assert_eq!(probabilities(&mut scores, Activation::Sigmoid, true), Err(2.0));
        probabilities(&mut scores, Activation::Sigmoid, false).unwrap();
        assert!((scores.values[1] - 0.880_797).abs() < 1e-6 && scores.values[2..] == [0.0, 1.0], "{:?}", scores.values);
        let mut scores = frames(&[1000.0, 1000.0, 0.0, (3f32).ln()], 1, 2);
        probabilities(&mut scores, Activation::Softmax, false).unwrap();
        assert!((scores.values[0] - 0.5).abs() < 1e-6 && (scores.values[3] - 0.75).abs() < 1e-6);
        let mut scores = frames(&[-1e-4, 1.0 + 1e-4], 1, 2);
        assert_eq!(probabilities(&mut scores, Activation::None, true), Ok(()));
        assert_eq!(scores.values, [0.0, 1.0]);
    }
}
