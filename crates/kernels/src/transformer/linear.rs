//! The linear layers of a transformer's layer: their operands, and their gradients.

use super::LinearWeights;
use crate::DirectGradients;
use crate::layer_norm::total;
use crate::panels::{Panels, Rows, Side};
use crate::products::{Factor, multiply_transposed};
use crate::scratch::Buffer;
use crate::table::Table;
use candle_core::{CpuStorage, Result, Storage, Tensor};
use parking_lot::RwLockReadGuard;
use rayon::prelude::*;

/// The values of a contiguous tensor on the CPU, for as long as this is held.
pub(crate) struct Held<'a> {
    storage: RwLockReadGuard<'a, Storage>,
    start: usize,
    end: usize,
}

impl<'a> Held<'a> {
    pub(crate) fn new(tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        match (&*storage, layout.contiguous_offsets()) {
            (Storage::Cpu(CpuStorage::F32(_)), Some((start, end))) => Ok(Self { storage, start, end }),
            _ => candle_core::bail!("transformer_layer: expected contiguous F32 weights on the CPU"),
        }
    }

    pub(crate) fn values(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.start..self.end],
            _ => unreachable!("checked when it was made"),
        }
    }
}

/// A linear layer whose output is multiplied with a factor a column, where there are factors.
pub(super) struct Linear<'a> {
    weights: &'a LinearWeights,
    weight: Held<'a>,
    bias: Held<'a>,
    /// `[out]`
    scale: Option<&'a Tensor>,
    factors: Option<Held<'a>>,
    /// The weight with its adapter, `[out, in]`.
    adapted: Option<Buffer<f32>>,
    n_in: usize,
    n_out: usize,
}

impl<'a> Linear<'a> {
    pub(super) fn new(weights: &'a LinearWeights, scale: Option<&'a Tensor>) -> Result<Self> {
        let (n_out, n_in) = weights.weight.dims2()?;
        let mut linear = Self {
            weights,
            weight: Held::new(&weights.weight)?,
            bias: Held::new(&weights.bias)?,
            scale,
            factors: scale.map(Held::new).transpose()?,
            adapted: None,
            n_in,
            n_out,
        };
        linear.adapted = linear.adapt()?;
        Ok(linear)
    }

    fn adapt(&self) -> Result<Option<Buffer<f32>>> {
        let Some(adapter) = &self.weights.adapter else { return Ok(None) };
        let (down, up) = (Held::new(&adapter.down)?, Held::new(&adapter.up)?);
        let rank = adapter.down.dim(0)?;
        let mut adapted = Buffer::take(self.n_out * self.n_in);
        adapted.copy_from_slice(self.weight.values());
        adapted.par_chunks_mut(self.n_in).zip(up.values().par_chunks(rank)).for_each(|(row, up)| {
            for (up, down) in up.iter().zip(down.values().chunks_exact(self.n_in)) {
                row.iter_mut().zip(down).for_each(|(weight, down)| *weight += adapter.factor * up * down);
            }
        });
        Ok(Some(adapted))
    }

    fn rows(&self) -> Rows<'_, f32> {
        Rows::new(self.adapted.as_deref().unwrap_or_else(|| self.weight.values()), self.n_in)
    }

    fn factors(&self) -> Option<&[f32]> {
        self.factors.as_ref().map(Held::values)
    }

    /// What an input is multiplied with, `[in, out]`.
    pub(super) fn forward<V: Factor>(&self, table: &Table) -> Panels<V> {
        Panels::new(table, self.rows(), Side::Columns, self.factors())
    }

    /// What an output's gradient is multiplied with, `[out, in]`.
    pub(super) fn backward<V: Factor>(&self, table: &Table) -> Panels<V> {
        Panels::new(table, self.rows(), Side::Depth, self.factors())
    }

    /// The bias times the factors.
    pub(super) fn bias(&self) -> Vec<f32> {
        let bias = self.bias.values();
        match self.factors() {
            None => bias.to_vec(),
            Some(factors) => bias.iter().zip(factors).map(|(bias, factor)| bias * factor).collect(),
        }
    }

    /// Whether anything of it is trained.
    pub(super) fn is_trained(&self) -> bool {
        let LinearWeights { weight, bias, adapter } = self.weights;
        let of_adapter = adapter.iter().any(|adapter| adapter.down.is_variable() || adapter.up.is_variable());
        weight.is_variable() || bias.is_variable() || of_adapter || self.scale.is_some_and(Tensor::is_variable)
    }

    /// Hands over the gradients of all that is trained.
    ///
    /// # Shapes
    /// `input`: `[M, in]`; `gradient`: that of the output, `[M, out]`
    pub(super) fn gradients<V: Factor>(
        &self,
        table: &Table,
        input: Rows<'_, V>,
        gradient: Rows<'_, V>,
        to: &DirectGradients,
    ) -> Result<()> {
        let LinearWeights { weight, bias, adapter } = self.weights;
        let scaled = |mut values: Vec<f32>, row: usize| {
            if let Some(factors) = self.factors() {
                values.par_chunks_mut(row).zip(factors).for_each(|(row, factor)| {
                    row.iter_mut().for_each(|value| *value *= factor);
                });
            }
            values
        };
        let trained_scale = self.scale.filter(|scale| scale.is_variable());
        let of_bias = (bias.is_variable() || trained_scale.is_some()).then(|| column_sums(gradient));
        let whole = weight.is_variable() || trained_scale.is_some();
        let panels = (whole || adapter.is_some()).then(|| Panels::new(table, input, Side::Depth, None));
        if let (Some(panels), true) = (&panels, whole) {
            let of_weight = multiply_transposed(table, gradient, panels);
            if let (Some(scale), Some(of_bias)) = (trained_scale, &of_bias) {
                // The output is linear in the factor: its gradient is that of the scaled weights times the weights.
                let of_row = |(out, of_row): (usize, &[f32])| {
                    let products = of_row.iter().zip(self.rows().row(out)).map(|(a, b)| f64::from(a * b));
                    (products.sum::<f64>() + f64::from(of_bias[out] * self.bias.values()[out])) as f32
                };
                to.add(scale, of_weight.par_chunks(self.n_in).enumerate().map(of_row).collect())?;
            }
            if weight.is_variable() {
                to.add(weight, scaled(of_weight, self.n_in))?;
            }
        }
        if let (Some(of_bias), true) = (of_bias, bias.is_variable()) {
            to.add(bias, scaled(of_bias, 1))?;
        }
        if let (Some(adapter), Some(panels)) = (adapter, &panels) {
            let (down, up) = (Held::new(&adapter.down)?, Held::new(&adapter.up)?);
            let rank = adapter.down.dim(0)?;
            let narrow = |rows: Rows<'_, V>, panels: &Panels<V>| {
                let mut product = Buffer::<f32>::take(rows.n_rows * rank);
                product.par_chunks_mut(THIN_ROWS * rank).enumerate().for_each(|(nth, product)| {
                    let first = nth * THIN_ROWS;
                    let part = rows.part(first..first + product.len() / rank);
                    V::multiply(table, part, panels, false, product);
                });
                product
            };
            if adapter.up.is_variable() {
                let across = Panels::new(table, Rows::new(down.values(), self.n_in), Side::Columns, None);
                let through = narrow(input, &across); // [M, rank]
                let through = Panels::new(table, Rows::new(&through, rank), Side::Depth, None);
                let mut of_up = multiply_transposed(table, gradient, &through);
                of_up.iter_mut().for_each(|value| *value *= adapter.factor);
                to.add(&adapter.up, scaled(of_up, rank))?;
            }
            if adapter.down.is_variable() {
                let up = Panels::new(table, Rows::new(up.values(), rank), Side::Depth, self.factors());
                let back = narrow(gradient, &up); // [M, rank]
                let stored: Vec<V> = back.iter().map(|value| V::of(value * adapter.factor)).collect();
                to.add(&adapter.down, multiply_transposed(table, Rows::new(&stored, rank), panels))?;
            }
        }
        Ok(())
    }
}

/// Rows of a thin product that a thread takes at a time.
const THIN_ROWS: usize = 96;

/// Rows whose sums are added up together.
const SUM_ROWS: usize = 64;

/// The sum of each column.
pub(crate) fn column_sums<V: Factor>(rows: Rows<'_, V>) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = (0..rows.n_rows.div_ceil(SUM_ROWS))
        .into_par_iter()
        .map(|part| {
            let mut sums = vec![0f32; rows.n_columns];
            for row in part * SUM_ROWS..rows.n_rows.min((part + 1) * SUM_ROWS) {
                sums.iter_mut().zip(rows.row(row)).for_each(|(sum, value)| *sum += value.value());
            }
            sums
        })
        .collect();
    total(parts.iter().map(Vec::as_slice), rows.n_columns)
}
