//! Change of sample rate, flat to 0.98 of the lower Nyquist frequency and without delay.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler, WindowFunction};

use crate::error::{Error, Result};

/// Frames that are transformed at once, at least.
const CHUNK_FRAMES: usize = 4096;

/// Rate pairs a thread keeps plans for. A collection has a handful; a stranger's may have hundreds.
const MAX_KEPT: usize = 16;

thread_local! {
    /// Plans and filters by (from, to): making one costs more than a short clip. They are reset before each use, so
    /// that what a thread did before cannot show in a result.
    static KEPT: RefCell<HashMap<(u32, u32), Kept>> = RefCell::new(HashMap::new());
}

/// A resampler and room for one chunk that it gives.
struct Kept {
    resampler: Fft<f32>,
    chunk: Vec<f32>,
}

impl Kept {
    fn new(from_hz: u32, to_hz: u32) -> std::result::Result<Self, rubato::ResamplerConstructionError> {
        let resampler = make(from_hz, to_hz)?;
        let chunk = vec![0.0; resampler.output_frames_next()];
        Ok(Kept { resampler, chunk })
    }
}

/// Number of samples that `n` samples become: `ceil(n * to / from)`.
pub fn resampled_len(n: usize, from_hz: u32, to_hz: u32) -> usize {
    (n as u128 * u128::from(to_hz)).div_ceil(u128::from(from_hz.max(1))) as usize
}

/// Resamples one channel.
///
/// # Shapes
/// `[n]` to `[resampled_len(n, from_hz, to_hz)]`.
///
/// # Errors
/// A rate of 0, or one above [`MAX_RATE_HZ`](crate::MAX_RATE_HZ).
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32) -> Result<Vec<f32>> {
    let fail = |message: String| Error::Resample { from_hz, to_hz, message };
    for rate_hz in [from_hz, to_hz] {
        if rate_hz == 0 || rate_hz > crate::MAX_RATE_HZ {
            return Err(fail(format!("expected rates of 1 to {} Hz, got {rate_hz} Hz", crate::MAX_RATE_HZ)));
        }
    }
    if from_hz == to_hz || samples.is_empty() {
        return Ok(samples.to_vec());
    }
    let n = resampled_len(samples.len(), from_hz, to_hz);
    resample_part(samples, from_hz, to_hz, 0..n, n)
}

/// The stretch of a sound that part of its resampling is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Frames of the sound, from a chunk's border to a chunk's border or the end.
    pub(crate) source: Range<usize>,
    /// Where the part lies in the resampling of those frames alone.
    pub(crate) part: Range<usize>,
}

/// What to cut from a sound of `n` frames so that resampling the cut gives the `wanted` frames of resampling all of
/// it, to the last bit: the filter reaches half a chunk to either side, and chunks stay where they are.
pub(crate) fn cut(wanted: Range<usize>, n: usize, from_hz: u32, to_hz: u32) -> Cut {
    if from_hz == to_hz {
        return Cut { source: wanted.clone(), part: 0..wanted.len() };
    }
    let (chunk_in, chunk_out) = chunk_sizes(from_hz, to_hz);
    let first = ((wanted.start + chunk_out / 2) / chunk_out).saturating_sub(1);
    let source = first * chunk_in..frames_needed(wanted.end, from_hz, to_hz).min(n);
    Cut { source, part: wanted.start - first * chunk_out..wanted.end - first * chunk_out }
}

/// How many frames from its start a sound must have for the first `n_out` frames of its resampling.
pub(crate) fn frames_needed(n_out: usize, from_hz: u32, to_hz: u32) -> usize {
    let (chunk_in, chunk_out) = chunk_sizes(from_hz, to_hz);
    (n_out + chunk_out / 2).div_ceil(chunk_out) * chunk_in
}

/// Resamples a channel as if silence came before and after it and gives part of the result, in a vector with room for
/// `capacity` samples. The rates differ and are not 0.
pub(crate) fn resample_part(
    samples: &[f32],
    from_hz: u32,
    to_hz: u32,
    part: Range<usize>,
    capacity: usize,
) -> Result<Vec<f32>> {
    let fail = |message: String| Error::Resample { from_hz, to_hz, message };
    let mut out = Vec::with_capacity(capacity.max(part.len()));
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MAX_KEPT && !kept.contains_key(&(from_hz, to_hz)) {
            kept.clear();
        }
        let Kept { resampler, chunk } = match kept.entry((from_hz, to_hz)) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Kept::new(from_hz, to_hz).map_err(|error| fail(error.to_string()))?)
            }
        };
        resampler.reset();
        let (chunk_in, chunk_out) = (resampler.input_frames_next(), chunk.len());
        let delay = resampler.output_delay();
        let (start, end) = (part.start + delay, part.end + delay);
        let input = SequentialSlice::new(samples, 1, samples.len()).map_err(|error| fail(error.to_string()))?;
        // A chunk's result needs the chunk before it.
        for i in (start / chunk_out).saturating_sub(1)..end.div_ceil(chunk_out) {
            let input_offset = (i * chunk_in).min(samples.len());
            let partial_len = Some(chunk_in.min(samples.len() - input_offset));
            let place = Indexing { input_offset, output_offset: 0, partial_len, active_channels_mask: None };
            let mut output = SequentialSlice::new_mut(chunk, 1, chunk_out).map_err(|error| fail(error.to_string()))?;
            resampler
                .process_into_buffer(&input, &mut output, Some(&place))
                .map_err(|error| fail(error.to_string()))?;
            let at = |frame: usize| frame.saturating_sub(i * chunk_out).min(chunk_out);
            out.extend_from_slice(&chunk[at(start)..at(end)]);
        }
        Ok(out)
    })
}

/// A resampler of [`CHUNK_FRAMES`] or up to twice that. The library cuts the sound into blocks of `from / gcd` frames.
/// Their number must be even, since it takes the delay as half of a transform in whole frames: an odd transform would
/// leave half a sample of delay. A power of two makes the transforms a quarter to a third faster.
fn make(from_hz: u32, to_hz: u32) -> std::result::Result<Fft<f32>, rubato::ResamplerConstructionError> {
    let (chunk, _) = chunk_sizes(from_hz, to_hz);
    let window = WindowFunction::BlackmanHarris2;
    Fft::new_custom(from_hz as usize, to_hz as usize, chunk, 1, 1, window, FixedSync::Both)
}

/// Frames of a chunk before and after resampling.
fn chunk_sizes(from_hz: u32, to_hz: u32) -> (usize, usize) {
    let divisor = gcd(from_hz, to_hz);
    let (block_in, block_out) = ((from_hz / divisor) as usize, (to_hz / divisor) as usize);
    let n_blocks = CHUNK_FRAMES.div_ceil(block_in).next_power_of_two().max(2);
    (n_blocks * block_in, n_blocks * block_out)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(n: usize, rate_hz: u32, hz: f64) -> Vec<f32> {
        (0..n).map(|i| (std::f64::consts::TAU * hz * i as f64 / f64::from(rate_hz)).sin() as f32).collect()
    }

    #[test]
    fn a_tone_keeps_its_phase_and_height_at_every_rate() {
        for (from_hz, to_hz) in
            [(44100, 22050), (48000, 22050), (44100, 16000), (8000, 22050), (8012, 22050), (11127, 16000)]
        {
            let out = resample(&tone(from_hz as usize, from_hz, 1000.0), from_hz, to_hz).unwrap();
            let expected = tone(to_hz as usize, to_hz, 1000.0);
            assert_eq!(out.len(), expected.len());
            let worst = (2000..to_hz as usize - 2000).map(|i| (out[i] - expected[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{from_hz} to {to_hz}: {worst}");
        }
    }

    #[test]
    fn what_lies_above_the_new_nyquist_is_gone() {
        let out = resample(&tone(44100, 44100, 13000.0), 44100, 22050).unwrap();
        assert!(out[2000..20000].iter().all(|sample| sample.abs() < 1e-5));
    }

    #[test]
    fn lengths_are_exact_for_awkward_rates() {
        for n in [1, 2, 479, 480, 48000, 100_001] {
            for (from_hz, to_hz) in [(48000, 22050), (22050, 48000), (44100, 44101), (11025, 22050)] {
                let out = resample(&vec![0.1; n], from_hz, to_hz).unwrap();
                assert_eq!(out.len(), resampled_len(n, from_hz, to_hz), "{n} at {from_hz} to {to_hz}");
            }
        }
        assert_eq!(resampled_len(480, 48000, 22050), 221);
    }

    #[test]
    fn a_cut_resamples_to_the_very_samples_of_the_whole() {
        for (from_hz, to_hz) in [(44100, 22050), (48000, 22050), (8000, 22050), (11127, 22050), (44101, 22050)] {
            let sound: Vec<f32> =
                (0..150_001u64).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect();
            let whole = resample(&sound, from_hz, to_hz).unwrap();
            let n = whole.len();
            for wanted in [0..1, 0..n / 3, n / 2..n / 2 + 1000, n - 700..n, 0..n, n / 7..n - 1] {
                let Cut { source, part } = cut(wanted.clone(), sound.len(), from_hz, to_hz);
                assert!(n - 700 < wanted.end || from_hz == 44101 || source.len() < sound.len());
                let again = resample_part(&sound[source], from_hz, to_hz, part, 0).unwrap();
                assert!(again == whole[wanted.clone()], "{from_hz} to {to_hz}, {wanted:?}");
            }
        }
        assert_eq!(cut(3..9, 20, 8000, 8000), Cut { source: 3..9, part: 0..6 });
    }

    #[test]
    fn neither_history_nor_thread_shows() {
        let sound = tone(10_000, 44100, 440.0);
        let fresh = std::thread::scope(|scope| scope.spawn(|| resample(&sound, 44100, 22050)).join()).unwrap().unwrap();
        resample(&tone(5000, 44100, 5000.0), 44100, 22050).unwrap();
        for from_hz in 8000..8000 + MAX_KEPT as u32 + 2 {
            resample(&[0.5; 100], from_hz, 22050).unwrap();
        }
        assert_eq!(resample(&sound, 44100, 22050).unwrap(), fresh);
    }

    #[test]
    fn senseless_rates_are_refused() {
        let error = resample(&[0.0], 0, 22050).unwrap_err().to_string();
        assert!(error.contains("got 0 Hz"), "{error}");
        assert!(resample(&[0.0], 44100, u32::MAX).is_err());
    }
}
