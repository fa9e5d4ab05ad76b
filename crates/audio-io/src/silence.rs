//! Usable sound or not: one rule for `scan`, features and predictions.
//!
//! Silent is what has one value throughout: digital silence, a constant offset, a recording whose samples were all NaN (they
//! are 0 after decoding), and a mix of channels that cancel each other. What counts is the sound of the part and of the
//! window before its rate is changed: a filter rings into silence from what is beside it, and a level that is brought up to
//! full scale would make that ringing loud.

use crate::channels::{ChannelPolicy, select};
use crate::damage::Silence;
use crate::decoded::Decoded;
use crate::error::Result;
use crate::level::peak;
use crate::range::frame_range;

/// Share of the loudest channel that rounding may leave where channels cancel each other.
const ROUNDING: f32 = 4.0 * f32::EPSILON;

/// Samples that are looked at before it is asked whether that is enough.
const FEW_SAMPLES: usize = 1 << 10;

/// Frames that are mixed at once.
const BLOCK_FRAMES: usize = 1 << 16;

/// Whether a recording, or the part of it that a row names, holds no sound, and why. With a clip for every channel, one
/// channel with sound is enough.
///
/// # Errors
/// No frames at all, a row outside the file, a channel that the file lacks.
pub fn silence_of(
    decoded: &Decoded,
    row_start_s: Option<f64>,
    row_end_s: Option<f64>,
    row_channel: Option<u16>,
    channels: ChannelPolicy,
) -> Result<Option<Silence>> {
    let (first, last) = frame_range(decoded, row_start_s, row_end_s)?;
    let policy = row_channel.map_or(channels, ChannelPolicy::One);
    let sources: Vec<&[f32]> = decoded.channels.iter().map(|samples| &samples[first..last]).collect(); // [C, n]
    let outputs = select(&sources.iter().map(|samples| &samples[..0]).collect::<Vec<_>>(), policy)?.len();
    let tolerance = if policy == ChannelPolicy::Mix { tolerance(&sources) } else { 0.0 };
    let mut ranges = vec![Range::default(); outputs];
    for start in (0..last - first).step_by(BLOCK_FRAMES) {
        let block: Vec<&[f32]> =
            sources.iter().map(|samples| &samples[start..samples.len().min(start + BLOCK_FRAMES)]).collect();
        for (range, (_, samples)) in ranges.iter_mut().zip(select(&block, policy)?) {
            range.take(&samples);
            if range.is_sound(tolerance) {
                return Ok(None);
            }
        }
    }
    Ok(ranges.first().map(|range| range.reason(&sources)))
}

/// Whether a part of a recording is silent, found while the recording comes in: what [`silence_of`] finds.
#[derive(Debug)]
pub(crate) struct SilenceStream {
    first: usize,
    last: usize,
    policy: ChannelPolicy,
    outputs: Vec<Range>,
    sources: Vec<Range>,
    /// The first sample of each channel.
    starts: Vec<f32>,
}

impl SilenceStream {
    /// For frames `first..last`, of which the recording may have fewer.
    pub(crate) fn new(first: usize, last: usize, row_channel: Option<u16>, channels: ChannelPolicy) -> Self {
        let policy = row_channel.map_or(channels, ChannelPolicy::One);
        Self { first, last, policy, outputs: Vec::new(), sources: Vec::new(), starts: Vec::new() }
    }

    /// Takes the block that begins with frame `at`.
    pub(crate) fn take(&mut self, at: usize, block: &[Vec<f32>]) -> Result<()> {
        // Where nothing is mixed, what has sound once stays so, whatever follows.
        let is_mixed = self.policy == ChannelPolicy::Mix && self.sources.len() > 1;
        if !is_mixed && self.outputs.iter().any(|range| range.is_sound(0.0)) {
            return Ok(());
        }
        let n = block.first().map_or(0, Vec::len);
        let range = self.first.clamp(at, at + n) - at..self.last.clamp(at, at + n) - at;
        if range.is_empty() {
            return Ok(());
        }
        let sources: Vec<&[f32]> = block.iter().map(|samples| &samples[range.clone()]).collect();
        let selected = select(&sources, self.policy)?;
        self.outputs.resize(selected.len(), Range::default());
        self.sources.resize(sources.len(), Range::default());
        self.outputs.iter_mut().zip(&selected).for_each(|(range, (_, samples))| range.take(samples));
        self.sources.iter_mut().zip(&sources).for_each(|(range, samples)| range.take(samples));
        if self.starts.is_empty() {
            self.starts = sources.iter().map(|samples| samples[0]).collect();
        }
        Ok(())
    }

    /// Why there is nothing to classify, where that is so.
    pub(crate) fn reason(&self) -> Option<Silence> {
        let peak = self.sources.iter().map(|range| range.greatest.max(-range.least)).fold(0.0, f32::max);
        let is_mix = self.policy == ChannelPolicy::Mix && self.sources.len() > 1;
        let tolerance = if is_mix { ROUNDING * peak } else { 0.0 };
        if self.outputs.iter().any(|range| range.is_sound(tolerance)) {
            return None;
        }
        Some(match self.sources.iter().all(|range| !range.is_sound(0.0)) {
            false => Silence::Cancelled,
            true if self.starts.iter().all(|sample| *sample == 0.0) => Silence::Zero,
            true => Silence::Constant,
        })
    }
}

/// Whether a stretch of sound is silent; `sources` are the channels that it was made of, over the same frames.
pub(crate) fn silence_in(samples: &[f32], sources: &[&[f32]]) -> Option<Silence> {
    let tolerance = tolerance(sources);
    let mut range = Range::default();
    (!range.takes_sound(samples, tolerance)).then(|| range.reason(sources))
}

/// Whether all samples are the same, but for `tolerance`.
pub(crate) fn is_constant(samples: &[f32], tolerance: f32) -> bool {
    !Range::default().takes_sound(samples, tolerance)
}

/// What rounding may leave of a mix; a single channel is not mixed.
fn tolerance(sources: &[&[f32]]) -> f32 {
    if sources.len() < 2 { 0.0 } else { ROUNDING * sources.iter().map(|samples| peak(samples)).fold(0.0, f32::max) }
}

/// The least and the greatest sample.
#[derive(Debug, Clone, Copy)]
struct Range {
    least: f32,
    greatest: f32,
}

impl Default for Range {
    fn default() -> Self {
        Range { least: f32::INFINITY, greatest: f32::NEG_INFINITY }
    }
}

impl Range {
    fn take(&mut self, samples: &[f32]) {
        // By lanes, which vectorizes.
        let (chunks, rest) = samples.as_chunks::<16>();
        let (mut least, mut greatest) = ([self.least; 16], [self.greatest; 16]);
        for chunk in chunks {
            for ((least, greatest), &sample) in least.iter_mut().zip(&mut greatest).zip(chunk) {
                *least = if sample < *least { sample } else { *least };
                *greatest = if sample > *greatest { sample } else { *greatest };
            }
        }
        self.least = least.into_iter().chain(rest.iter().copied()).fold(self.least, f32::min);
        self.greatest = greatest.into_iter().chain(rest.iter().copied()).fold(self.greatest, f32::max);
    }

    /// Takes samples until they are known to be sound, which most are soon.
    fn takes_sound(&mut self, samples: &[f32], tolerance: f32) -> bool {
        let mut parts = samples.chunks(FEW_SAMPLES);
        parts.any(|part| {
            self.take(part);
            self.is_sound(tolerance)
        })
    }

    fn is_sound(&self, tolerance: f32) -> bool {
        self.greatest - self.least > tolerance
    }

    fn reason(&self, sources: &[&[f32]]) -> Silence {
        match sources.iter().all(|samples| is_constant(samples, 0.0)) {
            false => Silence::Cancelled,
            true if sources.iter().all(|samples| samples.first().is_none_or(|sample| *sample == 0.0)) => Silence::Zero,
            true => Silence::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(channels: Vec<Vec<f32>>) -> Decoded {
        Decoded { rate_hz: 1000, channels, ..Decoded::default() }
    }

    fn noise(n: usize) -> Vec<f32> {
        (0..n as u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect()
    }

    fn of(file: &Decoded, row: (Option<f64>, Option<f64>, Option<u16>), policy: ChannelPolicy) -> Option<Silence> {
        silence_of(file, row.0, row.1, row.2, policy).unwrap()
    }

    #[test]
    fn one_value_throughout_is_silence_and_one_other_sample_is_not() {
        let whole = (None, None, None);
        assert_eq!(of(&decoded(vec![vec![0.0; 5000]]), whole, ChannelPolicy::Mix), Some(Silence::Zero));
        assert_eq!(of(&decoded(vec![vec![0.3; 5000]]), whole, ChannelPolicy::Mix), Some(Silence::Constant));
        for at in [0, 7, 2500, 4999] {
            let mut samples = vec![0.3; 5000];
            samples[at] = 0.300_001;
            assert_eq!(of(&decoded(vec![samples]), whole, ChannelPolicy::Mix), None, "{at}");
        }
    }

    #[test]
    fn channels_that_cancel_are_silent_as_a_mix_alone() {
        let left = noise(200_000);
        let right: Vec<f32> = left.iter().map(|sample| 0.25 - sample).collect();
        let file = decoded(vec![left, right]);
        let whole = (None, None, None);
        assert_eq!(of(&file, whole, ChannelPolicy::Mix), Some(Silence::Cancelled));
        assert_eq!(of(&file, whole, ChannelPolicy::All), None);
        assert_eq!(of(&file, (None, None, Some(1)), ChannelPolicy::Mix), None);
        assert!(Silence::Cancelled.to_string().contains("cancel"));
    }

    #[test]
    fn a_stream_finds_the_same() {
        let left = noise(9000);
        let right: Vec<f32> = left.iter().map(|sample| 0.25 - sample).collect();
        for channels in
            [vec![vec![0.0; 9000]], vec![vec![0.3; 9000]], vec![left.clone(), right], vec![left, vec![0.0; 9000]]]
        {
            let file = decoded(channels);
            for policy in [ChannelPolicy::Mix, ChannelPolicy::All, ChannelPolicy::One(0)] {
                for (first, last) in [(0, 9000), (100, 200), (5000, 9000)] {
                    let seconds = |frame: usize| Some(frame as f64 / 1000.0);
                    let expected = of(&file, (seconds(first), seconds(last), None), policy);
                    let mut stream = SilenceStream::new(first, last, None, policy);
                    for at in (0..9000).step_by(700) {
                        let block: Vec<Vec<f32>> =
                            file.channels.iter().map(|samples| samples[at..9000.min(at + 700)].to_vec()).collect();
                        stream.take(at, &block).unwrap();
                    }
                    assert_eq!(stream.reason(), expected, "{policy:?} {first} {last}");
                }
            }
        }
    }

    #[test]
    fn the_part_of_the_row_counts() {
        let mut samples = vec![0.0; 4000];
        samples[2000..].copy_from_slice(&noise(2000));
        let file = decoded(vec![samples]);
        assert_eq!(of(&file, (Some(0.0), Some(2.0), None), ChannelPolicy::Mix), Some(Silence::Zero));
        assert_eq!(of(&file, (Some(1.0), Some(3.0), None), ChannelPolicy::Mix), None);
        assert!(silence_of(&file, Some(5.0), None, None, ChannelPolicy::Mix).is_err());
        assert!(silence_of(&file, None, None, Some(1), ChannelPolicy::Mix).is_err());
    }
}
