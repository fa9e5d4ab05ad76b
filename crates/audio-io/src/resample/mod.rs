//! Change of sample rate, flat to 0.98 of the lower Nyquist frequency, 120 dB down from there on, and without delay.
//!
//! Blocks of the sound are transformed, multiplied with the response of a linear-phase low-pass filter, cut or padded
//! to the other rate's number of bins and transformed back; of each block only what the ends do not reach is kept
//! (overlap-save). The filter is a sinc under a Kaiser window (J. F. Kaiser, "Nonrecursive digital filter design using
//! the I0-sinh window function", 1974). Two blocks are the real and the imaginary part of one complex transform.

mod plan;

pub use plan::Filter;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::limits::MAX_RATE_HZ;
use crate::room::try_with_room;
use plan::{Blocks, Plan, Room};

/// Rate pairs that plans are kept for. A collection has a handful; a mixed one may have hundreds.
const MAX_KEPT: usize = 32;

/// Frames of all plans that are kept, at most: one of rates without a common divisor has millions, and takes 50 MB.
const MAX_KEPT_FRAMES: usize = 1 << 23;

/// Values of a thread's room that are kept, at most.
const MAX_ROOM_VALUES: usize = 1 << 20;

/// Plans by (from, to), for all threads: making one costs more than a short clip.
static PLANS: Mutex<BTreeMap<(u32, u32), Planned>> = Mutex::new(BTreeMap::new());

/// The place of a plan, which may be empty: it is made outside of the lock.
type Planned = Arc<OnceLock<Plan>>;

thread_local! {
    /// Room for two blocks at any rate. Nothing of a sound is kept in it.
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Number of samples that `n` samples become: `ceil(n * to / from)`.
pub fn resampled_len(n: usize, from_hz: u32, to_hz: u32) -> usize {
    (n as u128 * u128::from(to_hz)).div_ceil(u128::from(from_hz.max(1))) as usize
}

/// Resamples one channel, as if silence came before and after it.
///
/// # Shapes
/// `[n]` to `[resampled_len(n, from_hz, to_hz)]`.
///
/// # Errors
/// A rate of 0, or one above [`MAX_RATE_HZ`](crate::MAX_RATE_HZ).
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32) -> Result<Vec<f32>> {
    for rate_hz in [from_hz, to_hz] {
        if rate_hz == 0 || rate_hz > MAX_RATE_HZ {
            let message = format!("expected rates of 1 to {MAX_RATE_HZ} Hz, got {rate_hz} Hz");
            return Err(Error::Resample { from_hz, to_hz, message });
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
    /// Frames of the sound.
    pub(crate) source: Range<usize>,
    /// The place of the part in the resampling of those frames alone.
    pub(crate) part: Range<usize>,
}

/// What to cut from a sound of `n` frames so that resampling the cut gives the `wanted` frames of resampling all of
/// it, to the last bit: pairs of blocks stay where they are, and a margin is within one pair.
pub(crate) fn cut(wanted: Range<usize>, n: usize, from_hz: u32, to_hz: u32) -> Cut {
    if from_hz == to_hz {
        return Cut { source: wanted.clone(), part: 0..wanted.len() };
    }
    let blocks = Blocks::new(from_hz, to_hz);
    let first = (wanted.start / blocks.pair_out()).saturating_sub(1);
    let source = first * blocks.pair_in()..frames_needed(wanted.end, from_hz, to_hz).min(n);
    let skipped = first * blocks.pair_out();
    Cut { source, part: wanted.start - skipped..wanted.end - skipped }
}

/// How many frames from its start a sound must have for the first `n_out` frames of its resampling.
pub(crate) fn frames_needed(n_out: usize, from_hz: u32, to_hz: u32) -> usize {
    let blocks = Blocks::new(from_hz, to_hz);
    n_out.div_ceil(blocks.pair_out()) * blocks.pair_in() + blocks.margin * blocks.unit_in
}

/// Resamples a channel as if silence came before and after it and gives part of the result, in a vector with room for
/// `capacity` samples. The rates differ and are not 0.
///
/// # Errors
/// Too little memory.
pub(crate) fn resample_part(
    samples: &[f32],
    from_hz: u32,
    to_hz: u32,
    part: Range<usize>,
    capacity: usize,
) -> Result<Vec<f32>> {
    let plan = plan(from_hz, to_hz);
    let plan = plan.get_or_init(|| Plan::new(from_hz, to_hz));
    ROOM.with_borrow_mut(|room| {
        let mut out = try_with_room(capacity.max(part.len()))?;
        let pair_out = plan.blocks.pair_out();
        for pair in part.start / pair_out..part.end.div_ceil(pair_out) {
            plan.transform(samples, pair, room);
            let at = |frame: usize| frame.saturating_sub(pair * pair_out).min(pair_out);
            plan.append(at(part.start)..at(part.end), room, &mut out);
        }
        if room.n_values() > MAX_ROOM_VALUES {
            *room = Room::default();
        }
        Ok(out)
    })
}

/// The place of these rates' plan.
fn plan(from_hz: u32, to_hz: u32) -> Planned {
    let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
    if !plans.contains_key(&(from_hz, to_hz)) {
        let frames = |&(from_hz, to_hz): &(u32, u32)| Blocks::new(from_hz, to_hz).n_frames();
        let n_frames = plans.keys().map(frames).sum::<usize>() + frames(&(from_hz, to_hz));
        if plans.len() >= MAX_KEPT || n_frames > MAX_KEPT_FRAMES {
            plans.clear();
        }
    }
    Arc::clone(plans.entry((from_hz, to_hz)).or_default())
}

#[cfg(test)]
mod tests {
    use super::plan::gcd;
    use super::*;

    fn tone(n: usize, rate_hz: u32, hz: f64) -> Vec<f32> {
        (0..n).map(|i| (std::f64::consts::TAU * hz * i as f64 / f64::from(rate_hz)).sin() as f32).collect()
    }

    fn noise(n: u64) -> Vec<f32> {
        (0..n).map(|i| ((i * i * 40_503) % 65_521) as f32 / 65_521.0 - 0.5).collect()
    }

    #[test]
    fn a_tone_keeps_its_phase_and_height_at_every_rate() {
        for (from_hz, to_hz) in [
            (44100, 22050),
            (48000, 22050),
            (44100, 16000),
            (8000, 22050),
            (8012, 22050),
            (11127, 16000),
            (96000, 8000),
        ] {
            let pass_hz = 0.97 * f64::from(from_hz.min(to_hz)) / 2.0;
            for hz in [0.0, 1000.0, pass_hz] {
                let phased = |rate_hz: u32| -> Vec<f32> {
                    let sample =
                        |i| (std::f64::consts::TAU * hz * f64::from(i) / f64::from(rate_hz) + 1.0).sin() as f32;
                    (0..rate_hz).map(sample).collect()
                };
                let out = resample(&phased(from_hz), from_hz, to_hz).unwrap();
                let expected = phased(to_hz);
                assert_eq!(out.len(), expected.len());
                let edge = to_hz as usize / 8;
                let worst = (edge..out.len() - edge).map(|i| (out[i] - expected[i]).abs()).fold(0.0, f32::max);
                assert!(worst < 5e-6, "{from_hz} to {to_hz}, {hz} Hz: {worst}");
            }
        }
    }

    #[test]
    fn what_lies_above_the_new_nyquist_is_gone() {
        for hz in [11_025.0, 11_100.0, 13_000.0, 21_000.0] {
            let out = resample(&tone(44100, 44100, hz), 44100, 22050).unwrap();
            let worst = out[2000..20000].iter().fold(0.0_f32, |worst, sample| worst.max(sample.abs()));
            assert!(worst < 2e-6, "{hz} Hz: {worst}");
        }
    }

    #[test]
    fn no_image_appears_above_the_old_nyquist() {
        let out = resample(&tone(8000, 8000, 3000.0), 8000, 22050).unwrap();
        let expected = tone(22050, 22050, 3000.0);
        let worst = (3000..19000).map(|i| (out[i] - expected[i]).abs()).fold(0.0, f32::max);
        assert!(worst < 2e-6, "{worst}");
    }

    #[test]
    fn lengths_are_exact_for_awkward_rates() {
        for n in [1, 2, 479, 480, 48000, 100_001] {
            for (from_hz, to_hz) in [(44100, 22050), (48000, 22050), (22050, 48000), (44100, 44101), (11025, 22050)] {
                let out = resample(&vec![0.1; n], from_hz, to_hz).unwrap();
                assert_eq!(out.len(), resampled_len(n, from_hz, to_hz), "{n} at {from_hz} to {to_hz}");
            }
        }
        assert_eq!(resampled_len(480, 48000, 22050), 221);
    }

    #[test]
    fn a_cut_resamples_to_the_very_samples_of_the_whole() {
        for (from_hz, to_hz) in [(44100, 22050), (48000, 22050), (8000, 22050), (11127, 22050), (44101, 22050)] {
            let sound = noise(450_001);
            let whole = resample(&sound, from_hz, to_hz).unwrap();
            let n = whole.len();
            for wanted in [0..1, 0..n / 3, n / 2..n / 2 + 1000, n - 700..n, 0..n, n / 7..n - 1] {
                let Cut { source, part } = cut(wanted.clone(), sound.len(), from_hz, to_hz);
                assert!(n - 700 < wanted.end || from_hz == 44101 || source.len() < sound.len());
                assert!(source.end == sound.len() || source.end == frames_needed(wanted.end, from_hz, to_hz));
                let again = resample_part(&sound[source], from_hz, to_hz, part, 0).unwrap();
                assert!(again == whole[wanted.clone()], "{from_hz} to {to_hz}, {wanted:?}");
            }
        }
        assert_eq!(cut(3..9, 20, 8000, 8000), Cut { source: 3..9, part: 0..6 });
    }

    #[test]
    fn neither_history_nor_thread_shows() {
        let sound = noise(30_000);
        let fresh = std::thread::scope(|scope| scope.spawn(|| resample(&sound, 44100, 22050)).join()).unwrap().unwrap();
        resample(&tone(5000, 44100, 5000.0), 44100, 22050).unwrap();
        for from_hz in 8000..8000 + MAX_KEPT as u32 + 2 {
            resample(&[0.5; 100], from_hz, 22050).unwrap();
        }
        assert_eq!(resample(&sound, 44100, 22050).unwrap(), fresh);
    }

    #[test]
    fn another_resampler_gives_the_same() {
        use audioadapter_buffers::direct::SequentialSlice;
        use rubato::{Fft, FixedSync, Resampler, WindowFunction};
        for (from_hz, to_hz) in [(44100, 22050), (16000, 22050)] {
            let slow = noise(20_000);
            // Between samples of noise a straight line: little of it is near the edge, where filters differ.
            let sound: Vec<f32> =
                slow.windows(2).flat_map(|w| (0..8).map(|i| w[0] + (w[1] - w[0]) * i as f32 / 8.0)).collect();
            let window = WindowFunction::BlackmanHarris2;
            let chunk = 4096usize.div_ceil((from_hz / gcd(from_hz, to_hz)) as usize).next_multiple_of(2);
            let chunk = chunk * (from_hz / gcd(from_hz, to_hz)) as usize;
            let mut other =
                Fft::<f32>::new_custom(from_hz as usize, to_hz as usize, chunk, 1, 1, window, FixedSync::Both).unwrap();
            let input = SequentialSlice::new(&sound, 1, sound.len()).unwrap();
            let expected = other.process_all(&input, sound.len(), None).unwrap().take_data();
            let got = resample(&sound, from_hz, to_hz).unwrap();
            let worst = (5000..got.len() - 5000).map(|i| (got[i] - expected[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-3, "{from_hz} to {to_hz}: {worst}");
        }
    }

    #[test]
    fn senseless_rates_are_refused() {
        let error = resample(&[0.0], 0, 22050).unwrap_err().to_string();
        assert!(error.contains("got 0 Hz"), "{error}");
        assert!(resample(&[0.0], 44100, u32::MAX).is_err());
    }
}
