//! The graph, with the sizes of its input set, made ready to run.

use crate::description::{Input, Sized};
use crate::error::{Result, invalid};
use crate::graph::MAX_VALUES;
use crate::guard::guarded;
use crate::repair::{reader, repair};
use crate::settings::InputShape;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

/// What plans are made of.
#[derive(Debug)]
pub(crate) struct Source {
    path: PathBuf,
    model: ModelProto,
    input: Input,
}

/// A graph for batches of one size and windows of one length.
#[derive(Debug)]
pub(crate) struct Plan {
    path: PathBuf,
    runnable: Arc<TypedRunnableModel>,
    dims: Vec<usize>,
    /// Windows of a batch.
    pub(crate) n_batch: usize,
    /// Samples of a window.
    pub(crate) n_samples: usize,
}

/// Frames of every window of a batch, `[B, T, width]`.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) values: Vec<f32>,
    /// T.
    pub(crate) n_frames: usize,
    pub(crate) width: usize,
}

impl Source {
    /// Of a checked model.
    pub(crate) fn new(path: &Path, mut model: ModelProto, input: Input) -> Self {
        repair(&mut model);
        Self { path: path.into(), model, input }
    }

    fn dims(&self, n_batch: usize, n_samples: usize) -> Vec<usize> {
        match self.input.shape {
            InputShape::Samples => vec![n_samples],
            InputShape::Batch => vec![n_batch, n_samples],
            InputShape::BatchChannel => vec![n_batch, 1, n_samples],
        }
    }

    /// Sets the sizes of the input, from which those of everything else follow: no symbol is left, and what the file says
    /// of inner sizes is not looked at.
    fn typed(&self, outputs: Option<&[String]>, n_batch: usize, n_samples: usize) -> Result<TypedModel> {
        let dims = self.dims(n_batch, n_samples);
        let typed = guarded(&self.path, "load the graph", || {
            let mut model = reader().model_for_proto_model(&self.model)?;
            if let Some(outputs) = outputs {
                model.select_outputs_by_name(outputs)?;
                model = model.eliminate_dead_branches()?;
            }
            model.set_input_fact(0, f32::fact(&dims).into())?;
            model.into_typed()
        })?;
        for node in typed.nodes() {
            for output in &node.outputs {
                let size = output.fact.shape.as_concrete().map(|dims| {
                    dims.iter().try_fold(1u64, |size, &dim| size.checked_mul(dim as u64)).unwrap_or(u64::MAX)
                });
                if let Some(size) = size.filter(|&size| size > MAX_VALUES) {
                    let expected = format!("at most {MAX_VALUES} values");
                    return Err(invalid(&self.path, format!("operation {}", node.name), expected, size.to_string()));
                }
            }
        }
        Ok(typed)
    }

    /// The outputs of 32-bit floats that have a row, or rows, for every window.
    pub(crate) fn outputs(&self, names: &[String], n_batch: usize, n_samples: usize) -> Result<Vec<Sized>> {
        let typed = self.typed(None, n_batch, n_samples)?;
        let mut found = Vec::new();
        for (name, outlet) in names.iter().zip(&typed.outputs) {
            let fact = typed.outlet_fact(*outlet).map_err(|e| invalid(&self.path, name, "a size", e.to_string()))?;
            let Some(dims) = fact.shape.as_concrete().filter(|_| fact.datum_type == f32::datum_type()) else {
                continue;
            };
            if let Some((_, width)) = frames_of(dims, n_batch) {
                found.push(Sized { name: name.clone(), width });
            }
        }
        Ok(found)
    }

    /// Makes a plan that computes `outputs`.
    pub(crate) fn plan(&self, outputs: &[String], n_batch: usize, n_samples: usize) -> Result<Plan> {
        let typed = self.typed(Some(outputs), n_batch, n_samples)?;
        let runnable = guarded(&self.path, "optimize the graph", || typed.into_optimized()?.into_runnable())?;
        Ok(Plan { path: self.path.clone(), runnable, dims: self.dims(n_batch, n_samples), n_batch, n_samples })
    }
}

impl Plan {
    /// Runs one batch, `[B, N]`, and returns the outputs in the order in which the plan was asked for them.
    pub(crate) fn run(&self, batch: &[f32]) -> Result<Vec<Frames>> {
        let outputs = guarded(&self.path, "run the graph", || {
            let input = Tensor::from_shape(&self.dims, batch)?;
            self.runnable.run(tvec!(input.into_tvalue()))
        })?;
        outputs.iter().map(|output| self.frames(output)).collect()
    }

    fn frames(&self, output: &Tensor) -> Result<Frames> {
        let wrong = || {
            let expected = format!("a row for each of {} windows, or the same number of rows", self.n_batch);
            invalid(&self.path, "output", expected, format!("{:?}", output.shape()))
        };
        let (n_frames, width) = frames_of(output.shape(), self.n_batch).ok_or_else(wrong)?;
        let values =
            guarded(&self.path, "read an output", || Ok(output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec()))?;
        Ok(Frames { values, n_frames, width })
    }
}

/// Number of frames of a window, and values of a frame.
///
/// # Shapes
/// `[D]` for a single window; `[B, D]`; `[B, T, D]` or `[B * T, D]`; a map `[B, H, W, D]`, or `[B, D, 1, 1]` after a global
/// pool.
fn frames_of(dims: &[usize], n_batch: usize) -> Option<(usize, usize)> {
    let dims = match dims {
        [dims @ .., 1, 1] if dims.len() >= 2 => dims,
        dims => dims,
    };
    let (width, rows) = dims.split_last()?;
    let n_rows: usize = rows.iter().product();
    let fits = n_rows > 0 && *width > 0 && n_rows.is_multiple_of(n_batch);
    fits.then_some((n_rows / n_batch, *width))
}

#[cfg(test)]
mod tests {
    use super::frames_of;

    #[test]
    fn shapes_of_outputs() {
        assert_eq!(frames_of(&[8], 1), Some((1, 8)));
        assert_eq!(frames_of(&[8], 2), None);
        assert_eq!(frames_of(&[2, 8], 2), Some((1, 8)));
        assert_eq!(frames_of(&[6, 8], 2), Some((3, 8)));
        assert_eq!(frames_of(&[2, 3, 8], 2), Some((3, 8)));
        assert_eq!(frames_of(&[2, 3, 1], 2), Some((3, 1)));
        assert_eq!(frames_of(&[2, 8, 1, 1], 2), Some((1, 8)));
        assert_eq!(frames_of(&[2, 4, 5, 8], 2), Some((20, 8)));
        assert_eq!(frames_of(&[3, 8], 2), None);
        assert_eq!(frames_of(&[0, 8], 1), None);
        assert_eq!(frames_of(&[], 1), None);
    }
}
