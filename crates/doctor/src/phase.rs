//! Whether two sounds agree in phase, which separates a copy from another call of the same kind.
//!
//! Calls of one kind have peaks at the same frequencies and times, and so share landmarks and sub-fingerprints as copies do.
//! But their waveforms differ, and so do the phases of the peaks. If one sound is a shifted copy of the other one, the
//! phases differ by a linear function of frequency, whose slope is the shift within a frame. The slope is found by phase
//! correlation (C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of time delay", 1976),
//! with one transform for all slopes.

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// A spectral peak and its phase in the middle of its frame, in units of 1/256 turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) frame: u16,
    pub(crate) bin: u8,
    pub(crate) phase: u8,
}

/// Units of phase in a turn.
const TURN: usize = 256;

/// Length of the transform: steps of half a sample for frames of 512 samples.
const N_DELAYS: usize = 1024;

/// Largest delay in steps to either side, 16 ms: a larger delay is another frame.
const MOST_DELAY: usize = 256;

/// Frames and bins by which a peak of a copy may be off.
const SLACK: i64 = 1;

/// Hann's window of `N` samples, and `exp(-2 pi i k / N)`.
pub(crate) struct Table<const N: usize>([(f32, Complex<f32>); N]);

impl<const N: usize> Table<N> {
    pub(crate) fn new() -> Self {
        Self(std::array::from_fn(|i| {
            let angle = std::f32::consts::TAU * i as f32 / N as f32;
            (0.5 - 0.5 * angle.cos(), Complex::from_polar(1.0, -angle))
        }))
    }

    /// The phase of one bin of a frame, in its middle.
    pub(crate) fn phase(&self, frame: &[f32], bin: usize) -> u8 {
        let mut sum = Complex::new(0.0f32, 0.0);
        let mut at = (N - bin * (N / 2) % N) % N;
        for (sample, (weight, _)) in frame.iter().zip(&self.0) {
            sum += self.0[at].1 * (sample * weight);
            at = (at + bin) % N;
        }
        let turns = sum.im.atan2(sum.re) / std::f32::consts::TAU;
        ((turns * TURN as f32).round() as i32).rem_euclid(TURN as i32) as u8
    }
}

/// Frames whose peaks count as one observation, a quarter of a second: the phases within one call depend on each other, and
/// two calls of the same kind can agree for as long as they last.
const CALL: u16 = 16;

/// Agreement of the phases of two sounds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Coherence {
    /// Number of common peaks.
    pub(crate) n: usize,
    /// Number of quarter-second stretches with common peaks.
    pub(crate) n_calls: usize,
    /// 1 where all phases are on one line, about `sqrt(6 / n)` for unrelated sounds.
    pub(crate) value: f64,
}

impl Coherence {
    /// Minus the logarithm of the probability that unrelated phases agree so well at a given delay, which is
    /// `(1 - value^2)^(n_calls - 1)`. `1 - value^2` counts as at least 0.02, since a few peaks agree fully by chance more
    /// often than the formula predicts.
    pub(crate) fn evidence(&self) -> f64 {
        self.n_calls.saturating_sub(1) as f64 * -(1.0 - self.value * self.value).max(0.02).ln()
    }
}

/// The transform and its buffers, one for each thread.
pub(crate) struct Aligner {
    fft: Arc<dyn Fft<f32>>,
    room: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
    turns: Vec<Complex<f32>>,
}

impl Aligner {
    pub(crate) fn new() -> Self {
        let fft = FftPlanner::new().plan_fft_forward(N_DELAYS);
        let angle = |i: usize| std::f32::consts::TAU * i as f32 / TURN as f32;
        Self {
            room: vec![Complex::default(); N_DELAYS],
            scratch: vec![Complex::default(); fft.get_inplace_scratch_len()],
            turns: (0..TURN).map(|i| Complex::from_polar(1.0, angle(i))).collect(),
            fft,
        }
    }

    /// With frame 0 of `b` at frame `offset` of `a`, finds the delay at which the phases agree best.
    ///
    /// # Shapes
    /// Marks by frame.
    pub(crate) fn coherence(&mut self, a: &[Mark], b: &[Mark], offset: i64) -> Coherence {
        self.room.fill(Complex::default());
        let (mut n, mut first, mut calls) = (0, 0, Vec::new());
        for mark in b {
            let frame = i64::from(mark.frame) + offset;
            while a.get(first).is_some_and(|other| i64::from(other.frame) < frame - SLACK) {
                first += 1;
            }
            let near = a[first..].iter().take_while(|other| i64::from(other.frame) <= frame + SLACK);
            let apart = |other: &Mark| (i64::from(other.frame) - frame, i64::from(other.bin) - i64::from(mark.bin));
            let nearest = near.filter(|other| apart(other).1.abs() <= SLACK).min_by_key(|other| {
                let (frames, bins) = apart(other);
                frames.abs() + bins.abs()
            });
            let Some(other) = nearest else { continue };
            // From one frame to the next the phase of bin `k` advances by `k` quarters of a turn.
            let late = apart(other).0 * i64::from(other.bin) * (TURN as i64 / 4);
            let phase = i64::from(other.phase) - i64::from(mark.phase) - late;
            self.room[usize::from(other.bin)] += self.turns[phase.rem_euclid(TURN as i64) as usize];
            n += 1;
            calls.push(mark.frame / CALL);
        }
        calls.dedup();
        if n == 0 {
            return Coherence::default();
        }
        self.fft.process_with_scratch(&mut self.room, &mut self.scratch);
        let delays = self.room[..=MOST_DELAY].iter().chain(&self.room[N_DELAYS - MOST_DELAY..]);
        let most = delays.map(Complex::norm_sqr).fold(0.0, f32::max);
        Coherence { n, n_calls: calls.len(), value: f64::from(most.sqrt()) / n as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_that_of_the_middle() {
        let table = Table::<512>::new();
        for (bin, turns) in [(19usize, 0.0), (40, 0.25), (200, 0.7)] {
            let sound: Vec<f32> = (0..512)
                .map(|i| {
                    let cycles = bin as f32 * (i as f32 - 256.0) / 512.0 + turns;
                    (std::f32::consts::TAU * cycles).cos()
                })
                .collect();
            let found = f32::from(table.phase(&sound, bin)) / 256.0;
            assert!((found - turns).abs() < 0.01, "{bin}: {found}");
        }
    }

    #[test]
    fn a_delay_is_a_line_and_chance_is_none() {
        let mark = |i: u64, seed: u64| Mark {
            frame: (4 * i) as u16,
            bin: (20 + (i * 37) % 190) as u8,
            phase: (stats::seed::nth(seed, i) % 256) as u8,
        };
        let a: Vec<Mark> = (0..80).map(|i| mark(i, 1)).collect();
        // Ten frames and 20 samples later, with all phases turned by a third.
        let delayed = |mark: &Mark| {
            let turn = (f32::from(mark.bin) * 20.0 / 512.0 * 256.0) as i64 + 85;
            Mark { frame: mark.frame + 10, phase: (i64::from(mark.phase) + turn).rem_euclid(256) as u8, ..*mark }
        };
        let b: Vec<Mark> = a.iter().map(delayed).collect();
        let mut aligner = Aligner::new();
        let found = aligner.coherence(&a, &b, -10);
        assert!(found.n == 80 && found.value > 0.95, "{found:?}");
        let other: Vec<Mark> = (0..80).map(|i| mark(i, 2)).collect();
        let found = aligner.coherence(&a, &other, 0);
        assert!(found.n == 80 && found.value < 0.45, "{found:?}");
        assert_eq!(aligner.coherence(&a, &[], 0), Coherence::default());
    }
}
