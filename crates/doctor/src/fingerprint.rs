//! Audio fingerprints: they recognize a sound after a change of level, length, rate or format.
//!
//! Two descriptions of the band from 300 to 3400 Hz, which every format and rate keeps. Landmarks, triples of spectral
//! peaks, are hashes to look up (A. Wang, "An industrial-strength audio search algorithm", 2003). Sub-fingerprints, one
//! bit for whether the level of a band relative to its neighbor rose or fell, confirm the candidates (J. Haitsma and
//! T. Kalker, "A highly robust audio fingerprinting system", 2002). Here each bit has another one for whether the change
//! is large enough to survive a lossy encoder. Both are local in time, so that an excerpt has those of the whole recording, and
//! both are ratios, so that gain does not matter. The phases of the peaks (`phase.rs`) finally separate a copy from
//! another call of the same kind.

use std::ops::Range;

use crate::phase::{Mark, Table};
use crate::spectrum::power_frames;

/// Sample rate of the samples that a fingerprint is computed from.
pub const RATE_HZ: u32 = 8000;

/// Seconds from one frame to the next.
pub const HOP_S: f64 = HOP as f64 / RATE_HZ as f64;

/// Samples a frame and from one frame to the next: 64 and 16 ms. The frames of an excerpt are at most half a hop, an
/// eighth of a frame, off those of the whole recording.
const N_WINDOW: usize = 512;
const HOP: usize = 128;
const N_BINS: usize = N_WINDOW / 2 + 1;

/// Bins from 300 to 3400 Hz.
const BINS: Range<usize> = 19..218;

/// Bands of the sub-fingerprints; one bit for each pair of neighbors.
const N_BANDS: usize = 25;

/// Frames between the two that a sub-fingerprint compares.
const LAG: usize = 2;

/// Smallest change in decibels that makes a bit known.
const KNOWN_DB: f32 = 2.0;

/// Band level in decibels of full scale below which there is only rounding noise.
const FLOOR_DB: f32 = -95.0;

/// A bit is known where one of its four levels is less than this below the loudest band of the half second to either side.
/// Lower levels are changed by any added noise, by 8 bits or by a lossy encoder.
const LOUD_DB: f32 = 40.0;
const LOUD_FRAMES: usize = 32;

/// A landmark's peak is the maximum of so many bins and frames to either side.
const PEAK_BINS: usize = 10;
const PEAK_FRAMES: usize = 5;

/// Peaks less than this below the loudest around them make landmarks of their own, which noise peaks between them do not
/// break.
const LOUD_PEAK_DB: f32 = 25.0;

/// The later two peaks of a landmark are at most so many frames after the first one, and among the next few.
const MAX_FRAMES: usize = 100;
const FAN_OUT: usize = 3;
const LOUD_FAN_OUT: usize = 4;

/// Steps in which a landmark counts bins and frames.
const BIN_STEP: usize = 2;
const FRAME_STEP: usize = 4;

/// A hash of three spectral peaks, and the frame of the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Landmark {
    pub(crate) hash: u32,
    pub(crate) frame: u16,
}

/// The bits of one frame: bit `i` of `rises` says whether band `i` rose against band `i + 1`, where bit `i` of `known`
/// is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Bits {
    pub(crate) rises: u32,
    pub(crate) known: u32,
}

/// The fingerprint of one clip. Empty for silence, for a stationary sound, and for less than a few frames of 64 ms, which
/// cannot be told from similar sounds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// By hash, then by frame.
    pub(crate) landmarks: Vec<Landmark>,
    /// One for each frame.
    pub(crate) bits: Vec<Bits>,
    /// The peaks with their phases, by frame.
    pub(crate) marks: Vec<Mark>,
}

impl Fingerprint {
    /// Computes the fingerprint of one channel at [`RATE_HZ`]. Landmarks are of the first 17 minutes (65,536 frames).
    ///
    /// # Shapes
    /// `samples`: `[n]`, full scale at 1.0.
    pub fn new(samples: &[f32]) -> Self {
        let powers = power_frames(samples, N_WINDOW, HOP);
        let peaks = peaks(&powers);
        Self { landmarks: landmarks(&peaks), bits: bits(&powers), marks: marks(samples, &peaks) }
    }

    /// Number of frames, one every [`HOP_S`] seconds.
    pub fn n_frames(&self) -> usize {
        self.bits.len()
    }

    /// Number of landmarks.
    pub fn n_landmarks(&self) -> usize {
        self.landmarks.len()
    }

    /// Number of known bits.
    pub fn n_known_bits(&self) -> usize {
        self.bits.iter().map(|bits| bits.known.count_ones() as usize).sum()
    }
}

/// The bits of every frame; the first [`LAG`] frames have no known bits.
fn bits(powers: &[f32]) -> Vec<Bits> {
    let edges = band_edges();
    let levels_db: Vec<f32> = powers
        .chunks_exact(N_BINS)
        .flat_map(|frame| {
            edges.windows(2).map(|edge| 10.0 * (frame[edge[0]..edge[1]].iter().sum::<f32>() + 1e-20).log10())
        })
        .collect();
    let n_frames = powers.len() / N_BINS;
    let loudest_db: Vec<f32> =
        levels_db.chunks_exact(N_BANDS).map(|frame| frame.iter().copied().fold(FLOOR_DB, f32::max)).collect();
    (0..n_frames)
        .map(|frame| {
            let around = frame.saturating_sub(LOUD_FRAMES)..(frame + LOUD_FRAMES + 1).min(n_frames);
            let loud_db = loudest_db[around].iter().copied().fold(FLOOR_DB, f32::max) - LOUD_DB;
            let mut bits = Bits::default();
            if frame < LAG {
                return bits;
            }
            let now = &levels_db[frame * N_BANDS..][..N_BANDS];
            let before = &levels_db[(frame - LAG) * N_BANDS..][..N_BANDS];
            for band in 0..N_BANDS - 1 {
                let heard = [now[band], now[band + 1], before[band], before[band + 1]];
                let rise_db = (now[band] - now[band + 1]) - (before[band] - before[band + 1]);
                bits.rises |= u32::from(rise_db > 0.0) << band;
                let known = rise_db.abs() >= KNOWN_DB
                    && heard.iter().all(|&level_db| level_db > FLOOR_DB)
                    && heard.iter().any(|&level_db| level_db > loud_db);
                bits.known |= u32::from(known) << band;
            }
            bits
        })
        .collect()
}

/// First bins of the bands, equally wide in mel, and the end of the last.
fn band_edges() -> Vec<usize> {
    let mel = |bin: usize| (1.0 + bin as f64 * f64::from(RATE_HZ) / N_WINDOW as f64 / 700.0).ln();
    let (low, high) = (mel(BINS.start), mel(BINS.end));
    (0..=N_BANDS)
        .map(|i| {
            let at = low + (high - low) * i as f64 / N_BANDS as f64;
            (700.0 * (at.exp() - 1.0) * N_WINDOW as f64 / f64::from(RATE_HZ)).round() as usize
        })
        .collect()
}

/// A frame and a bin that is louder than all around it.
#[derive(Clone, Copy)]
struct Peak {
    frame: usize,
    bin: usize,
    is_loud: bool,
}

/// Triples of peaks, and of loud peaks: each with two of the next few.
fn landmarks(peaks: &[Peak]) -> Vec<Landmark> {
    let loud: Vec<Peak> = peaks.iter().copied().filter(|peak| peak.is_loud).collect();
    let mut landmarks: Vec<Landmark> = triples(peaks, FAN_OUT).chain(triples(&loud, LOUD_FAN_OUT)).collect();
    landmarks.sort_unstable();
    landmarks.dedup();
    landmarks
}

/// The phases of the peaks.
fn marks(samples: &[f32], peaks: &[Peak]) -> Vec<Mark> {
    let table = Table::<N_WINDOW>::new();
    let mark = |peak: &Peak| {
        let (frame, bin) = (u16::try_from(peak.frame).ok()?, u8::try_from(peak.bin).ok()?);
        Some(Mark { frame, bin, phase: table.phase(&samples[peak.frame * HOP..][..N_WINDOW], peak.bin) })
    };
    peaks.iter().map_while(mark).collect()
}

/// Each peak with any two of the next few.
fn triples(peaks: &[Peak], fan_out: usize) -> impl Iterator<Item = Landmark> {
    let anchors = peaks.iter().enumerate().map_while(|(i, first)| Some((i, first, u16::try_from(first.frame).ok()?)));
    anchors.flat_map(move |(i, first, frame)| {
        let near = peaks[i + 1..].iter().take_while(|peak| peak.frame - first.frame <= MAX_FRAMES);
        let next: Vec<&Peak> = near.filter(|peak| peak.frame > first.frame).take(fan_out).collect();
        let pairs = (0..next.len()).flat_map(|j| (j + 1..next.len()).map(move |k| (j, k)));
        let hashes: Vec<u32> = pairs.map(|(j, k)| hash(first, next[j], next[k])).collect();
        hashes.into_iter().map(move |hash| Landmark { hash, frame })
    })
}

/// The positions of the later two relative to the first one, and its frequency.
fn hash(first: &Peak, second: &Peak, third: &Peak) -> u32 {
    let place = |peak: &Peak| {
        let bins = (peak.bin + N_BINS - first.bin) / BIN_STEP;
        (bins * N_BINS + (peak.frame - first.frame) / FRAME_STEP) as u64
    };
    let places = ((first.bin / BIN_STEP) as u64) << 40 | place(second) << 20 | place(third);
    // The upper half of the product mixes all of them.
    (places.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// The peaks, by time and then by frequency.
fn peaks(powers: &[f32]) -> Vec<Peak> {
    let floor = 10.0f32.powf(FLOOR_DB / 10.0);
    let n_frames = powers.len() / N_BINS;
    let width = BINS.len();
    // The maximum of each bin's neighborhood, first along frequency, then along time.
    let mut along_bins = vec![0.0f32; n_frames * width];
    for (row, frame) in along_bins.chunks_exact_mut(width).zip(powers.chunks_exact(N_BINS)) {
        for shift in 0..=2 * PEAK_BINS {
            // Bins outside of the band are neighbors too, within the spectrum.
            let from = BINS.start + shift - PEAK_BINS;
            let to = (from + width).min(N_BINS);
            for (greatest, &power) in row.iter_mut().zip(&frame[from..to]) {
                *greatest = greatest.max(power);
            }
        }
    }
    let loudest: Vec<f32> = along_bins.chunks_exact(width).map(|row| row.iter().copied().fold(0.0, f32::max)).collect();
    let mut greatest = vec![0.0f32; width];
    let mut peaks = Vec::new();
    for frame in 0..n_frames {
        greatest.fill(0.0);
        let around = frame.saturating_sub(PEAK_FRAMES)..(frame + PEAK_FRAMES + 1).min(n_frames);
        for row in along_bins[around.start * width..around.end * width].chunks_exact(width) {
            greatest.iter_mut().zip(row).for_each(|(greatest, &power)| *greatest = greatest.max(power));
        }
        let here = &powers[frame * N_BINS..][BINS];
        let around = frame.saturating_sub(LOUD_FRAMES)..(frame + LOUD_FRAMES + 1).min(n_frames);
        let loud = loudest[around].iter().copied().fold(0.0, f32::max) * 10.0f32.powf(-LOUD_PEAK_DB / 10.0);
        let is_peak = |bin: &usize| here[*bin] >= greatest[*bin] && here[*bin] > floor;
        let peak = |bin: usize| Peak { frame, bin: bin + BINS.start, is_loud: here[bin] > loud };
        peaks.extend((0..width).filter(is_peak).map(peak));
    }
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{excerpt, song};

    #[test]
    fn a_fingerprint_is_that_of_a_known_sound() {
        let print = Fingerprint::new(&song(1, 2.0));
        assert_eq!(print.n_frames(), (16000 - N_WINDOW) / HOP + 1);
        assert!(print.n_landmarks() > 100 && print.n_landmarks() < 800, "{}", print.n_landmarks());
        assert!(print.n_known_bits() > 24 * print.n_frames() / 4);
        assert!(print.landmarks.is_sorted());
    }

    #[test]
    fn gain_changes_nothing() {
        let whole = song(2, 2.0);
        // A power of two rounds nothing.
        let quiet: Vec<f32> = whole.iter().map(|sample| sample / 16.0).collect();
        assert_eq!(Fingerprint::new(&quiet).landmarks, Fingerprint::new(&whole).landmarks);
    }

    #[test]
    fn an_excerpt_has_the_bits_of_the_whole() {
        let whole = song(3, 2.0);
        let part = Fingerprint::new(&excerpt(&whole, 64.0 * HOP_S, 2.0));
        let whole = Fingerprint::new(&whole);
        assert_eq!(part.bits[LAG..], whole.bits[64 + LAG..]);
    }

    #[test]
    fn bands_cover_the_range_without_a_gap() {
        let edges = band_edges();
        assert_eq!((edges[0], edges[N_BANDS]), (BINS.start, BINS.end));
        assert!(edges.windows(2).all(|edge| edge[1] - edge[0] >= 4), "{edges:?}");
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        for samples in [Vec::new(), vec![0.0; N_WINDOW - 1], vec![0.0; 8000], vec![0.3; 8000]] {
            let print = Fingerprint::new(&samples);
            assert_eq!((print.n_landmarks(), print.n_known_bits()), (0, 0));
        }
    }
}
