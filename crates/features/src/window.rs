//! The analysis window.

use std::f64::consts::PI;

/// The periodic Hann window of `n_window` samples, in the middle of `n_fft` samples of which the others are zero.
///
/// Periodic: it is one period of a raised cosine, so that its first sample is zero and its last is not, and shifted
/// copies at a hop of `n_window / 2` add up to one.
///
/// # Shapes
/// `[n_fft]`
pub(crate) fn hann(n_window: usize, n_fft: usize) -> Vec<f64> {
    let mut window = vec![0.0; n_fft];
    let start = (n_fft - n_window) / 2;
    for (i, value) in window[start..start + n_window].iter_mut().enumerate() {
        *value = 0.5 - 0.5 * (2.0 * PI * i as f64 / n_window as f64).cos();
    }
    window
}

#[cfg(test)]
mod tests {
    use super::hann;

    #[test]
    fn starts_at_zero_and_peaks_in_the_middle() {
        let window = hann(8, 8);
        assert_eq!(window[0], 0.0);
        assert!((window[4] - 1.0).abs() < 1e-15);
        assert!((window[7] - window[1]).abs() < 1e-15);
    }

    #[test]
    fn half_overlapping_copies_add_up_to_one() {
        let window = hann(64, 64);
        for i in 0..32 {
            assert!((window[i] + window[i + 32] - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn a_short_window_sits_in_the_middle() {
        let window = hann(4, 8);
        assert_eq!(window.iter().position(|&w| w > 0.0), Some(3));
        assert_eq!(window.iter().rposition(|&w| w > 0.0), Some(5));
        assert!((window[4] - 1.0).abs() < 1e-15);
    }
}
