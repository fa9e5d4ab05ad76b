//! Looks at the samples themselves while they come in: replaces what is not finite, and notes emptiness, missing frames and
//! silence.

use crate::damage::Damage;
use crate::silence::is_constant;

/// Samples further from 0 than this are no sound: full scale is 1.
const MAX_SAMPLE: f32 = 1e18;

/// What the samples so far were like.
#[derive(Debug, Default)]
pub(crate) struct Inspection {
    not_finite: u64,
    /// The first sample of each channel.
    first: Vec<f32>,
    /// Whether a channel has had another value, or frames were left out.
    is_sound: bool,
}

impl Inspection {
    /// Takes the samples from frame `from` of a block on, and sets those to 0 that are not finite.
    pub(crate) fn take(&mut self, channels: &mut [Vec<f32>], from: usize) {
        for (nth, samples) in channels.iter_mut().enumerate() {
            let samples = samples.get_mut(from..).unwrap_or_default();
            self.not_finite += clear_not_finite(samples);
            let Some(&sample) = samples.first() else { continue };
            if nth >= self.first.len() {
                self.first.push(sample);
            }
            self.is_sound = self.is_sound || sample != self.first[nth] || !is_constant(samples, 0.0);
        }
    }

    /// Frames that nobody looked at.
    pub(crate) fn skip(&mut self, n: u64) {
        self.is_sound = self.is_sound || n > 0;
    }

    /// Adds what is wrong with the samples of a recording of `n_frames`; `stopped` where it may go on.
    pub(crate) fn report(&self, n_frames: u64, declared: Option<u64>, stopped: bool, damage: &mut Vec<Damage>) {
        if n_frames == 0 {
            let empty = [Damage::HeaderOnly, Damage::ZeroLength];
            if !damage.iter().any(|damage| empty.contains(damage)) {
                damage.push(if declared == Some(0) { Damage::ZeroLength } else { Damage::HeaderOnly });
            }
            return;
        }
        if let Some(declared) = declared.filter(|&declared| n_frames < declared && !stopped) {
            damage.push(Damage::Short { decoded: n_frames, declared });
        }
        if self.not_finite > 0 {
            damage.push(Damage::NotFinite(self.not_finite));
        }
        if !stopped && !self.is_sound {
            if self.first.iter().all(|&sample| sample == 0.0) {
                damage.push(Damage::Silent);
            } else if n_frames > 1 {
                damage.push(Damage::Constant);
            }
        }
    }
}

/// Sets samples that are NaN, infinite or beyond [`MAX_SAMPLE`] to 0 and counts them.
fn clear_not_finite(samples: &mut [f32]) -> u64 {
    // A sample that is no number, or too large to be multiplied once more, makes its product with 0 NaN; the sum is one
    // pass that vectorizes, the repair is rare.
    const HUGE: f32 = f32::MAX / MAX_SAMPLE;
    let zero = |sample: &f32| sample * HUGE * 0.0;
    let mut lanes = [0.0f32; 16];
    let chunks = samples.chunks_exact(16);
    let rest: f32 = chunks.remainder().iter().map(zero).sum();
    for chunk in chunks {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            *lane += zero(sample);
        }
    }
    if !(rest + lanes.iter().sum::<f32>()).is_nan() {
        return 0;
    }
    let mut n_cleared = 0;
    for sample in samples.iter_mut().filter(|sample| sample.is_nan() || sample.abs() > MAX_SAMPLE) {
        *sample = 0.0;
        n_cleared += 1;
    }
    n_cleared
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where the samples come in blocks of `n`.
    fn damage(samples: &[f32], n: usize) -> (Vec<Damage>, Vec<f32>) {
        let (mut inspection, mut all) = (Inspection::default(), vec![Vec::new()]);
        for block in samples.chunks(n) {
            let from = all[0].len();
            all[0].extend_from_slice(block);
            inspection.take(&mut all, from);
        }
        let mut damage = Vec::new();
        inspection.report(samples.len() as u64, None, false, &mut damage);
        (damage, all.remove(0))
    }

    #[test]
    fn not_finite_samples_become_zero_and_are_counted() {
        for length in [4, 16, 40] {
            let mut samples = vec![0.5; length];
            samples[1] = f32::NAN;
            samples[2] = 1e30;
            samples[length - 1] = f32::NEG_INFINITY;
            for n in [1, 3, 40] {
                let (damage, samples) = damage(&samples, n);
                assert_eq!(damage, [Damage::NotFinite(3)]);
                assert_eq!((samples[0], samples[1], samples[length - 1]), (0.5, 0.0, 0.0));
            }
        }
    }

    #[test]
    fn silence_is_noted_and_sound_is_not() {
        for n in [1, 7, 100] {
            assert_eq!(damage(&[0.0; 100], n).0, [Damage::Silent]);
            assert_eq!(damage(&[0.25; 100], n).0, [Damage::Constant]);
            assert_eq!(damage(&[f32::NAN; 100], n).0, [Damage::NotFinite(100), Damage::Silent]);
            assert_eq!(damage(&[0.0, 1e-9], n).0, []);
        }
        let mut skipped = Inspection::default();
        skipped.skip(5);
        let mut damage = Vec::new();
        skipped.report(5, None, false, &mut damage);
        assert_eq!(damage, []);
    }
}
