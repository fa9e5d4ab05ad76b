//! What storing a sound in eight bits does to it.

use super::draw::is_drawn;
use super::level::peak;
use crate::seed::Step;
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A method to store a sample in eight bits.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 256 even steps.
    Linear8,
    /// Steps that grow with the level (A-law, ITU-T G.711).
    ALaw,
}

/// The step: through eight bits a sample and back. Full scale is the clip's peak.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Codec {
    /// The probability of the step, 0 to 1.
    pub share: f32,
    /// The codes that one is drawn from.
    pub codes: Vec<Code>,
}

/// Where A-law turns from linear to logarithmic, as the inverse of the share of full scale.
const A: f32 = 87.6;

impl Codec {
    /// Applies the step in place and returns a description of it.
    pub(crate) fn apply(&self, samples: &mut [f32], seed: u64) -> Option<String> {
        let mut rng = is_drawn(self.share, seed, Step::Codec)?;
        let code = *self.codes.get(rng.random_range(0..self.codes.len().max(1)))?;
        let full = peak(samples);
        if full <= f32::MIN_POSITIVE || !full.is_finite() {
            return None;
        }
        for sample in samples {
            *sample = full * through(*sample / full, code);
        }
        Some(format!("eight bits: {}", if code == Code::ALaw { "A-law" } else { "linear" }))
    }
}

/// A sample from -1 to 1 through eight bits.
fn through(x: f32, code: Code) -> f32 {
    match code {
        Code::Linear8 => (x * 127.0).round() / 127.0,
        Code::ALaw => {
            // The continuous law, in 128 even steps of either sign.
            let scale = 1.0 + A.ln();
            let level = x.abs();
            let compressed = if level < 1.0 / A { A * level / scale } else { (1.0 + (A * level).ln()) / scale };
            let stored = ((compressed * 128.0).floor().min(127.0) + 0.5) / 128.0;
            let expanded = if stored < 1.0 / scale { stored * scale / A } else { (stored * scale - 1.0).exp() / A };
            expanded.copysign(x)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_levels_are_left_and_errors_are_bounded() {
        let ramp: Vec<f32> = (0..20_001).map(|i| i as f32 / 10_000.0 - 1.0).collect();
        for (code, n_levels) in [(Code::Linear8, 255), (Code::ALaw, 256)] {
            let mut samples = ramp.clone();
            assert!(Codec { share: 1.0, codes: vec![code] }.apply(&mut samples, 1).is_some());
            let mut levels = samples.clone();
            levels.dedup();
            assert!(levels.len() <= n_levels && levels.len() > 240, "{code:?}: {}", levels.len());
            let worst = samples.iter().zip(&ramp).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 0.03, "{code:?}: {worst}");
        }
        // A-law is finer where it is quiet.
        assert!((through(0.001, Code::ALaw) - 0.001).abs() < 5e-4);
        let mut silence = [0.0; 10];
        assert_eq!(Codec { share: 1.0, codes: vec![Code::ALaw] }.apply(&mut silence, 1), None);
        assert_eq!(silence, [0.0; 10]);
    }
}
