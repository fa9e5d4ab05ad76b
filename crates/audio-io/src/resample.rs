//! Change of sample rate, flat to 0.98 of the lower Nyquist frequency and without delay.

use std::cell::RefCell;
use std::collections::HashMap;

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

use crate::error::{Error, Result};

/// Frames that are transformed at once, at least.
const CHUNK_FRAMES: usize = 4096;

/// Rate pairs a thread keeps plans for. A collection has a handful; a stranger's may have hundreds.
const MAX_KEPT: usize = 16;

thread_local! {
    /// Plans and filters by (from, to): making one costs more than a short clip. They are reset before each use, so
    /// that what a thread did before cannot show in a result.
    static KEPT: RefCell<HashMap<(u32, u32), Fft<f32>>> = RefCell::new(HashMap::new());
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
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= MAX_KEPT && !kept.contains_key(&(from_hz, to_hz)) {
            kept.clear();
        }
        let resampler = match kept.entry((from_hz, to_hz)) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(make(from_hz, to_hz).map_err(|error| fail(error.to_string()))?)
            }
        };
        let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|error| fail(error.to_string()))?;
        let mut output =
            resampler.process_all(&input, samples.len(), None).map_err(|error| fail(error.to_string()))?.take_data();
        // The library rounds the length in floating point and may give one more.
        output.resize(resampled_len(samples.len(), from_hz, to_hz), 0.0);
        Ok(output)
    })
}

/// A resampler of [`CHUNK_FRAMES`] or up to twice that. The library cuts the sound into blocks of `from / gcd` frames.
/// Their number must be even, since it takes the delay as half of a transform in whole frames: an odd transform would
/// leave half a sample of delay. A power of two makes the transforms a quarter to a third faster.
fn make(from_hz: u32, to_hz: u32) -> std::result::Result<Fft<f32>, rubato::ResamplerConstructionError> {
    let block = (from_hz / gcd(from_hz, to_hz)) as usize;
    let chunk = block * CHUNK_FRAMES.div_ceil(block).next_power_of_two().max(2);
    let window = WindowFunction::BlackmanHarris2;
    Fft::new_custom(from_hz as usize, to_hz as usize, chunk, 1, 1, window, FixedSync::Both)
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
