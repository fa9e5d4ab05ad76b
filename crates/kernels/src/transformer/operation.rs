//! A layer as an operation of candle, for the CPU.

use super::forward::Saved;
use super::{Size, TransformerForm, TransformerWeights, backward, forward};
use crate::DirectGradients;
use crate::fused::{slice, with_slice};
use crate::products::Factor;
use crate::table::Table;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};
use std::sync::OnceLock;

pub(super) struct Operation<V: Factor> {
    pub(super) size: Size,
    pub(super) weights: TransformerWeights,
    pub(super) form: TransformerForm,
    pub(super) table: &'static Table,
    gradients: Option<DirectGradients>,
    saved: OnceLock<Saved<V>>,
}

impl<V: Factor> Operation<V> {
    pub(super) fn new(
        size: Size,
        weights: TransformerWeights,
        form: TransformerForm,
        path: crate::Path,
        gradients: Option<DirectGradients>,
    ) -> Self {
        Self { size, weights, form, table: Table::of(path), gradients, saved: OnceLock::new() }
    }

    fn forward(&self, tokens: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let tokens = slice(tokens, layout)?;
        let (out, saved) = forward::run(self, tokens, self.gradients.is_some())?;
        if let Some(saved) = saved
            && self.saved.set(saved).is_err()
        {
            candle_core::bail!("transformer_layer: one operation was run forward twice");
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    /// Factor of a clip's half, if it has one.
    pub(super) fn keep(&self, half: usize, clip: usize) -> f32 {
        self.form.keep.as_ref().map_or(1.0, |keep| keep[half][clip])
    }
}

impl<V: Factor> CustomOp1 for Operation<V> {
    fn name(&self) -> &'static str {
        "transformer_layer"
    }

    fn cpu_fwd(&self, tokens: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(tokens, layout)
    }
}

impl<V: Factor> CustomOp2 for Operation<V> {
    fn name(&self) -> &'static str {
        "transformer_layer"
    }

    fn cpu_fwd(
        &self,
        tokens: &CpuStorage,
        layout: &Layout,
        _anchor: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(tokens, layout)
    }

    fn bwd(
        &self,
        tokens: &Tensor,
        _anchor: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (Some(saved), Some(gradients)) = (self.saved.get(), &self.gradients) else {
            candle_core::bail!("transformer_layer: no backward pass without a place for the gradients of the weights");
        };
        let gradient = gradient.contiguous()?;
        let of_tokens = with_slice(tokens, |tokens_values| {
            with_slice(&gradient, |gradient| {
                backward::run(self, saved, tokens_values, gradient, tokens.track_op(), gradients)
            })
        })?;
        let tensor = |values: Vec<f32>| Tensor::from_vec(values, tokens.shape(), tokens.device());
        Ok((of_tokens.map(tensor).transpose()?, None))
    }
}
