//! Measures of the samples: runs of one value, level over time, channels.

use std::ops::Range;

/// Fewest samples of a clipped run.
pub(crate) const CLIPPED_RUN: usize = 3;

/// Share of the greatest value from which a sample counts as clipped, since a lossy format changes flat peaks.
const AT_GREATEST: f32 = 0.9995;

/// Share of clipped samples: those at the clip's greatest value of either sign, in runs of at least [`CLIPPED_RUN`]. The
/// greatest value can be any: a recording that was clipped and then attenuated still has flat peaks.
pub(crate) fn clipped_share(samples: &[f32]) -> f64 {
    let greatest = samples.iter().copied().fold(0.0, f32::max);
    let least = samples.iter().copied().fold(0.0, f32::min);
    let n_high = n_in_runs(samples, |sample| greatest > 0.0 && sample >= AT_GREATEST * greatest);
    let n_low = n_in_runs(samples, |sample| least < 0.0 && sample <= AT_GREATEST * least);
    (n_high + n_low) as f64 / samples.len().max(1) as f64
}

fn n_in_runs(samples: &[f32], is_in: impl Fn(f32) -> bool) -> usize {
    let runs = samples.chunk_by(|&a, &b| is_in(a) == is_in(b));
    runs.filter(|run| is_in(run[0]) && run.len() >= CLIPPED_RUN).map(<[f32]>::len).sum()
}

/// Share of samples in stretches of at least `shortest` samples of exactly one value, which no microphone produces.
pub(crate) fn constant_share(samples: &[f32], shortest: usize) -> f64 {
    let runs = samples.chunk_by(|a, b| a == b).map(<[f32]>::len).filter(|&n| n >= shortest.max(2));
    runs.sum::<usize>() as f64 / samples.len().max(1) as f64
}

/// Root of the mean square.
pub(crate) fn rms(samples: &[f32]) -> f64 {
    let sum: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}

/// Level in decibels of full scale, at least -120.
pub(crate) fn db(amplitude: f64) -> f64 {
    (20.0 * amplitude.max(1e-6).log10()).max(-120.0)
}

/// Levels in decibels of full scale of blocks of `n_block` samples, without an incomplete last one.
///
/// # Shapes
/// `[n]` to `[n / n_block]`, at least one where there is a sample.
pub(crate) fn block_levels_db(samples: &[f32], n_block: usize) -> Vec<f64> {
    let n_block = n_block.clamp(1, samples.len().max(1));
    samples.chunks_exact(n_block).map(|block| db(rms(block))).collect()
}

/// Longest stretch of blocks that are no louder than `level_db`, in blocks.
pub(crate) fn longest_below(levels_db: &[f64], level_db: f64) -> usize {
    let runs = levels_db.chunk_by(|a, b| (*a <= level_db) == (*b <= level_db));
    runs.filter(|run| run[0] <= level_db).map(<[f64]>::len).max().unwrap_or(0)
}

/// Empty channels (peak below -80 dB of full scale, and 40 dB below that of the loudest channel).
pub(crate) fn dead_channels(channels: &[&[f32]]) -> Vec<usize> {
    let peak = |samples: &[f32]| samples.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    let peaks: Vec<f32> = channels.iter().map(|samples| peak(samples)).collect();
    let loudest = peaks.iter().copied().fold(0.0, f32::max);
    (0..channels.len()).filter(|&i| peaks[i] < 1e-4 && peaks[i] < 0.01 * loudest).collect()
}

/// Whether there are several channels and all are equal to within a sixteen-bit step.
pub(crate) fn are_identical(channels: &[&[f32]]) -> bool {
    let same = |other: &&[f32]| other.iter().zip(channels[0]).all(|(a, b)| (a - b).abs() <= 1.0 / 32768.0);
    channels.len() > 1 && channels[1..].iter().all(same)
}

/// The mean of the channels that are not dead.
pub(crate) fn mix(channels: &[&[f32]], dead: &[usize], range: Range<usize>) -> Vec<f32> {
    let live: Vec<&&[f32]> = (0..channels.len()).filter(|i| !dead.contains(i)).map(|i| &channels[i]).collect();
    let weight = 1.0 / live.len().max(1) as f32;
    let mut mono = vec![0.0f32; range.len()];
    for samples in live {
        mono.iter_mut().zip(&samples[range.clone()]).for_each(|(sum, sample)| *sum += weight * sample);
    }
    mono
}

/// Fewest bits that represent every sample exactly, 1 to 24; `None` where 24 do not.
pub(crate) fn effective_bits(samples: &[f32]) -> Option<u32> {
    (1..=24u32).find(|bits| {
        let steps = (1u32 << (bits - 1)) as f32;
        samples.iter().all(|sample| (sample * steps).fract() == 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_is_found_at_any_level() {
        let sine = |gain: f32, limit: f32| -> Vec<f32> {
            (0..8000).map(|i| (gain * (i as f32 * 0.05).sin()).clamp(-limit, limit)).collect()
        };
        assert!(clipped_share(&sine(2.0, 1.0)) > 0.5);
        assert!(clipped_share(&sine(2.0, 0.25)) > 0.8);
        assert!(clipped_share(&[0.0; 100]) == 0.0);
        let one_sided: Vec<f32> = sine(1.0, 1.0).iter().map(|sample| sample.min(0.5)).collect();
        assert!(clipped_share(&one_sided) > 0.2);
        let noise: Vec<f32> = (0..8000).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect();
        assert_eq!(clipped_share(&noise), 0.0);
    }

    #[test]
    fn constant_stretches_are_counted() {
        let mut samples: Vec<f32> = (0..100).map(|i| i as f32).collect();
        samples[20..60].fill(0.5);
        assert_eq!(constant_share(&samples, 10), 0.4);
        assert_eq!(constant_share(&samples, 41), 0.0);
        assert_eq!(constant_share(&[], 10), 0.0);
    }

    #[test]
    fn quiet_stretches_are_measured_in_blocks() {
        let levels = block_levels_db(&[[0.5; 30].as_slice(), &[0.0; 40], &[0.5; 10], &[0.0; 20]].concat(), 10);
        assert_eq!(levels.len(), 10);
        assert_eq!(longest_below(&levels, -60.0), 4);
        assert!((levels[0] + 6.0206).abs() < 1e-3);
        assert_eq!(block_levels_db(&[0.5; 3], 10).len(), 1);
        assert_eq!(block_levels_db(&[], 10), Vec::<f64>::new());
    }

    #[test]
    fn channels_are_compared() {
        let (live, dead) = (vec![0.5f32, -0.5, 0.25], vec![0.0f32, 0.00005, 0.0]);
        assert_eq!(dead_channels(&[&live, &dead]), [1]);
        assert_eq!(dead_channels(&[&dead, &dead]), Vec::<usize>::new());
        assert!(are_identical(&[&live, &live]) && !are_identical(&[&live]) && !are_identical(&[&live, &dead]));
        assert_eq!(mix(&[&live, &dead], &[1], 0..3), live);
        assert_eq!(mix(&[&live, &live], &[], 1..3), live[1..]);
    }

    #[test]
    fn bits_are_those_that_the_samples_need() {
        assert_eq!(effective_bits(&[0.5, -0.25]), Some(3));
        assert_eq!(effective_bits(&[100.0 / 32768.0, 3.0 / 32768.0]), Some(16));
        assert_eq!(effective_bits(&[0.1]), None);
    }
}
