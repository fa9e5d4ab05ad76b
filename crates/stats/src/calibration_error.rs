//! Expected calibration error.

/// Number of [`CalibrationBins`].
pub const N_BINS: usize = 15;

/// Clips in bins of equal width by the largest probability.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationBins {
    weight: [f64; N_BINS],
    confidence: [f64; N_BINS],
    right: [f64; N_BINS],
}

impl CalibrationBins {
    /// Empty bins.
    pub fn new() -> Self {
        Self { weight: [0.0; N_BINS], confidence: [0.0; N_BINS], right: [0.0; N_BINS] }
    }

    /// Adds a clip whose largest probability is `confidence`.
    pub fn add(&mut self, confidence: f64, right: bool, weight: f64) {
        // Bin b holds (b/15, (b+1)/15].
        let bin = ((confidence * N_BINS as f64).ceil() as usize).clamp(1, N_BINS) - 1;
        self.weight[bin] += weight;
        self.confidence[bin] += weight * confidence;
        self.right[bin] += weight * f64::from(u8::from(right));
    }

    /// Weight of the clips of a bin, their mean confidence and their accuracy; none without clips.
    ///
    /// # Panics
    /// For a bin from [`N_BINS`] on.
    pub fn of(&self, bin: usize) -> Option<[f64; 3]> {
        let weight = self.weight[bin];
        (weight > 0.0).then(|| [weight, self.confidence[bin] / weight, self.right[bin] / weight])
    }

    /// The mean over the clips of the absolute difference, within their bin, between accuracy and mean confidence.
    /// None without clips.
    pub fn ece(&self) -> Option<f64> {
        let total: f64 = self.weight.iter().sum();
        let distance: f64 =
            self.confidence.iter().zip(&self.right).map(|(confidence, right)| (confidence - right).abs()).sum();
        (total > 0.0).then(|| distance / total)
    }
}

impl Default for CalibrationBins {
    fn default() -> Self {
        Self::new()
    }
}

/// Expected calibration error (Naeini and others, 2015) over 15 bins of equal width.
pub fn ece(confidence: &[f64], right: &[bool]) -> Option<f64> {
    let mut bins = CalibrationBins::new();
    confidence.iter().zip(right).for_each(|(confidence, right)| bins.add(*confidence, *right, 1.0));
    bins.ece()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // One bin of two clips: |0.5 - 0.95| * 2/3; another of one: |1 - 0.6| * 1/3.
        let got = ece(&[0.95, 0.95, 0.6], &[true, false, true]).unwrap();
        assert!((got - (0.45 * 2.0 + 0.4) / 3.0).abs() < 1e-12);
        assert_eq!(ece(&[1.0, 1.0], &[true, true]), Some(0.0));
        assert_eq!(ece(&[0.0], &[true]), Some(1.0));
        assert_eq!(ece(&[], &[]), None);
    }

    #[test]
    fn bins_tell_what_is_in_them() {
        let mut bins = CalibrationBins::new();
        bins.add(0.95, true, 1.0);
        bins.add(0.97, false, 1.0);
        let [weight, confidence, accuracy] = bins.of(14).unwrap();
        assert!(weight == 2.0 && (confidence - 0.96).abs() < 1e-12 && accuracy == 0.5);
        assert_eq!(bins.of(13), None);
    }

    #[test]
    fn an_edge_belongs_to_the_bin_below() {
        // A third is the upper edge of the bin that holds 0.32: one bin, so that the two errors cancel in part.
        let got = ece(&[1.0 / 3.0, 0.32], &[true, false]).unwrap();
        assert!((got - (1.0 - 1.0 / 3.0 - 0.32) / 2.0).abs() < 1e-12, "{got}");
    }
}
