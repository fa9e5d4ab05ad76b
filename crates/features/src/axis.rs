//! What the rows of a spectrogram are, for those who draw or name them.

/// The rows of a spectrogram, low to high.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What is along the axis.
    pub name: &'static str,
    /// Unit of the centers; empty where they are plain numbers.
    pub unit: &'static str,
    /// Where each row's middle is, `[n_bands]`.
    pub centers: Vec<f32>,
}

impl Axis {
    pub(crate) fn frequencies(centers: Vec<f32>) -> Self {
        Self { name: "frequency", unit: "Hz", centers }
    }

    pub(crate) fn coefficients(n: usize) -> Self {
        Self { name: "coefficient", unit: "", centers: (0..n).map(|k| k as f32).collect() }
    }
}
