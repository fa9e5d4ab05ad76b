//! A clip that is longer or shorter than a window: its windows, and one row for all of them.

use crate::backbone::{OnnxBackbone, Outputs};
use crate::error::Result;
use std::borrow::Cow;

/// A probability counts as this at least, and as one minus it at most: differences beyond are noise.
const LEAST_PROBABILITY: f64 = 1e-4;

/// What a model computes for one clip.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClipOutput {
    /// `[D]`: the mean over the windows; empty where the model has no embedding.
    pub embedding: Vec<f32>,
    /// `[K]`: the logarithm of the classes' mean odds over the windows, between -9.21 and 9.21; empty where the model has no
    /// classes.
    pub log_odds: Vec<f32>,
}

impl OnnxBackbone {
    /// Runs the model over the windows of a clip and pools what they give; the crate's documentation says how.
    ///
    /// # Shapes
    /// `samples`: `[N]`, at the model's rate, full scale 1; N is at least 1.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn clip(&self, samples: &[f32]) -> Result<ClipOutput> {
        let description = self.description();
        let windows = match (description.window_samples, description.hop_samples) {
            (Some(window), Some(hop)) if !samples.is_empty() => cut(samples, window, hop),
            _ => vec![Cow::Borrowed(samples)],
        };
        let windows: Vec<&[f32]> = windows.iter().map(AsRef::as_ref).collect();
        Ok(pooled(&self.run(&windows)?, windows.len()))
    }
}

/// The windows of a clip.
fn cut(samples: &[f32], window: usize, hop: usize) -> Vec<Cow<'_, [f32]>> {
    if samples.len() < window {
        return vec![Cow::Owned(samples.iter().copied().cycle().take(window).collect())];
    }
    let last = samples.len() - window;
    let mut starts: Vec<usize> = (0..=last).step_by(hop).collect();
    if last % hop > hop / 2 {
        starts.push(last);
    }
    starts.into_iter().map(|start| Cow::Borrowed(&samples[start..start + window])).collect()
}

/// The row of `n` windows.
fn pooled(outputs: &Outputs, n: usize) -> ClipOutput {
    let mean = |values: &[f32], width: usize, of: &dyn Fn(f64) -> f64| -> Vec<f64> {
        let mut sums = vec![0f64; width];
        for window in values.chunks_exact(width.max(1)) {
            sums.iter_mut().zip(window).for_each(|(sum, &value)| *sum += of(f64::from(value)));
        }
        sums.into_iter().map(|sum| sum / n as f64).collect()
    };
    let odds = |probability: f64| {
        let probability = probability.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
        probability / (1.0 - probability)
    };
    let embedding = mean(&outputs.embedding, outputs.dim, &|value| value);
    let odds = mean(&outputs.scores, outputs.n_scores, &odds);
    ClipOutput {
        embedding: embedding.into_iter().map(|value| value as f32).collect(),
        log_odds: odds.into_iter().map(|odds| odds.ln() as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_reach_the_end_of_the_clip() {
        let samples: Vec<f32> = (0..20).map(|at| at as f32).collect();
        let starts = |n: usize, window, hop| -> Vec<f32> {
            cut(&samples[..n], window, hop).iter().map(|window| window[0]).collect()
        };
        assert_eq!(starts(20, 8, 4), [0.0, 4.0, 8.0, 12.0]);
        assert_eq!(starts(18, 8, 4), [0.0, 4.0, 8.0]); // half a hop is left out
        assert_eq!(starts(19, 8, 4), [0.0, 4.0, 8.0, 11.0]);
        assert_eq!(starts(8, 8, 8), [0.0]);
        assert_eq!(cut(&samples[..3], 8, 8)[0].as_ref(), [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0]);
    }

    #[test]
    fn a_call_in_one_window_counts() {
        let outputs = Outputs {
            dim: 1,
            embedding: vec![1.0, 3.0],
            n_scores: 3,
            scores: vec![0.9, 0.0, 0.5, 0.0, 0.0, 0.5],
            logits: None,
        };
        let row = pooled(&outputs, 2);
        assert_eq!(row.embedding, [2.0]);
        let expected = [f64::midpoint(9.0, 1e-4 / (1.0 - 1e-4)).ln(), (1e-4f64 / (1.0 - 1e-4)).ln(), 0.0];
        for (got, expected) in row.log_odds.iter().zip(expected) {
            assert!((f64::from(*got) - expected).abs() < 1e-6, "{got} {expected}");
        }
    }
}
