//! What computes the values of a clip: a spectrogram's front end, or an ONNX model.

use crate::error::Result;
use crate::onnx::Network;
use std::sync::Arc;

/// Samples to values, built once and shared by all threads; a clone is the same one.
#[derive(Clone)]
pub struct FrontEnd(Kind);

#[derive(Clone)]
enum Kind {
    Spectrogram(Arc<features::FrontEnd>),
    Onnx { network: Arc<Network>, n_values: usize },
}

/// What a thread writes while it computes; made by [`FrontEnd::scratch`].
pub struct Scratch(Option<features::Scratch>);

impl FrontEnd {
    pub(crate) fn of_spectrogram(front_end: features::FrontEnd) -> Self {
        Self(Kind::Spectrogram(Arc::new(front_end)))
    }

    pub(crate) fn of_onnx(network: Network, n_values: usize) -> Self {
        Self(Kind::Onnx { network: Arc::new(network), n_values })
    }

    /// Values of a frame: bands of a spectrogram; embedding and log-odds of an ONNX model.
    pub fn n_bands(&self) -> usize {
        match &self.0 {
            Kind::Spectrogram(front_end) => front_end.n_bands(),
            Kind::Onnx { n_values, .. } => *n_values,
        }
    }

    /// Frames of a clip of that many samples; an ONNX model gives one row for a clip of any length.
    pub fn n_frames(&self, n_samples: usize) -> usize {
        match &self.0 {
            Kind::Spectrogram(front_end) => front_end.n_frames(n_samples),
            Kind::Onnx { .. } => 1,
        }
    }

    /// Frames that hold sound in a clip whose first `n_real_samples` samples are sound and the others padding.
    pub fn real_frames(&self, n_real_samples: usize) -> usize {
        match &self.0 {
            Kind::Spectrogram(front_end) => front_end.real_frames(n_real_samples),
            Kind::Onnx { .. } => usize::from(n_real_samples > 0),
        }
    }

    /// Space to compute in, for one thread.
    pub fn scratch(&self) -> Scratch {
        match &self.0 {
            Kind::Spectrogram(front_end) => Scratch(Some(front_end.scratch())),
            Kind::Onnx { .. } => Scratch(None),
        }
    }

    /// Computes the values of a clip into `out`, `[n_bands, n_frames]`.
    ///
    /// # Errors
    /// Samples that are not finite, scratch space of another front end, or a network that fails.
    pub fn compute(&self, samples: &[f32], scratch: &mut Scratch, out: &mut [f32]) -> Result<()> {
        match &self.0 {
            Kind::Spectrogram(front_end) => {
                let scratch = scratch.0.get_or_insert_with(|| front_end.scratch());
                front_end.compute(samples, scratch, out)?;
            }
            Kind::Onnx { network, .. } => out.copy_from_slice(&network.row(samples)?),
        }
        Ok(())
    }
}
