//! The analysis window.

use std::f64::consts::PI;

use crate::config::Window;

impl Window {
    /// The weights of a frame of `n` samples, at least 2.
    ///
    /// # Shapes
    /// `[n]`
    pub(crate) fn weights(self, n: usize) -> Vec<f64> {
        let period = match self {
            Self::PeriodicHann => n,
            Self::SymmetricHann => n - 1,
        };
        (0..n).map(|i| 0.5 - 0.5 * (2.0 * PI * i as f64 / period as f64).cos()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_periodic_window_starts_at_zero_and_peaks_in_the_middle() {
        let window = Window::PeriodicHann.weights(8);
        assert_eq!(window[0], 0.0);
        assert!((window[4] - 1.0).abs() < 1e-15);
        assert!((window[7] - window[1]).abs() < 1e-15);
    }

    #[test]
    fn half_overlapping_copies_add_up_to_one() {
        let window = Window::PeriodicHann.weights(64);
        for i in 0..32 {
            assert!((window[i] + window[i + 32] - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn a_symmetric_window_ends_as_it_starts() {
        let window = Window::SymmetricHann.weights(9);
        assert!((window[4] - 1.0).abs() < 1e-15);
        for i in 0..9 {
            assert!((window[i] - window[8 - i]).abs() < 1e-15);
        }
        assert!(window[8].abs() < 1e-15);
    }
}
