use super::linear::{Held, Linear};
use super::operation::Operation;
use super::parts::{Activate, AddBias, AddUp};
use crate::layer_norm::{Norm, Normalize};
use crate::panels::Rows;
use crate::products::{Factor, chunk_rows, multiply};
use crate::scratch::{Buffer, Kept, zeroed};
use crate::stored::Stored;
use crate::table::Table;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// What the backward pass needs of the way forward, beside what came in.
pub(super) struct Saved<V: Kept> {
    /// Queries, keys and values, `[B, T, 3, H, D / H]`.
    pub(super) qkv: Buffer<V>,
    /// `[B, T, H]`
    pub(super) log_sums: Buffer<f32>,
    /// What the heads have gathered, `[B, T, D]`.
    pub(super) gathered: Buffer<V>,
    /// After the first half, `[B, T, D]`.
    pub(super) middle: Buffer<f32>,
    /// What GELU is applied to, `[B, T, F]`.
    pub(super) hidden: Buffer<V>,
}

/// Rows that are normalized together.
const ROWS: usize = 48;

/// All rows, normalized.
pub(super) fn normalized<V: Stored>(table: &Table, norm: Norm<'_>, x: &[f32]) -> Buffer<V> {
    let mut out = Buffer::take(x.len());
    let rows = ROWS * norm.scale.len();
    out.par_chunks_mut(rows).zip(x.par_chunks(rows)).for_each(|(out, x)| table.run(Normalize { norm, x, out }));
    out
}

/// The tensors of a norm.
pub(super) fn held(norm: &[Tensor; 2]) -> Result<[Held<'_>; 2]> {
    Ok([Held::new(&norm[0])?, Held::new(&norm[1])?])
}

/// The norm that held tensors are.
pub(super) fn norm<'a>(held: &'a [Held<'_>; 2], epsilon: f32) -> Norm<'a> {
    Norm { scale: held[0].values(), shift: held[1].values(), epsilon }
}

pub(super) fn run<V: Factor>(
    layer: &Operation<V>,
    tokens: &[f32],
    keep_for_back: bool,
) -> Result<(Vec<f32>, Option<Saved<V>>)> {
    let (table, weights, epsilon) = (layer.table, &layer.weights, layer.form.epsilon);
    let heads = layer.size.heads;
    let (dim, hidden_dim, n_rows) = (heads.dim, layer.size.hidden, layer.size.n_rows());
    let clip = |row: usize| row / heads.n_tokens;
    let [held1, held2] = [held(&weights.norm1)?, held(&weights.norm2)?];
    let [norm1, norm2] = [norm(&held1, epsilon), norm(&held2, epsilon)];

    let normal = normalized::<V>(table, norm1, tokens);
    let qkv_layer = Linear::new(&weights.qkv, None)?;
    let bias = qkv_layer.bias();
    let mut qkv = Buffer::<V>::take(n_rows * 3 * dim);
    let beside = qkv.par_chunks_mut(chunk_rows(3 * dim) * 3 * dim);
    let panels = qkv_layer.forward::<V>(table);
    multiply(table, Rows::new(&normal, dim), &panels, beside, |_, rows, to| {
        table.run(AddBias { rows, bias: &bias, to });
    });
    drop(normal);

    let mut gathered = Buffer::<V>::take(n_rows * dim);
    let mut log_sums = Buffer::<f32>::take(n_rows * heads.n_heads);
    heads.forward(table, &qkv, &mut gathered, &mut log_sums);

    let out_layer = Linear::new(&weights.out, weights.scale1.as_ref())?;
    let bias = out_layer.bias();
    let (mut middle, mut normal) = (Buffer::<f32>::take(n_rows * dim), Buffer::<V>::take(n_rows * dim));
    let chunk = chunk_rows(dim) * dim;
    let beside = middle.par_chunks_mut(chunk).zip(normal.par_chunks_mut(chunk));
    multiply(table, Rows::new(&gathered, dim), &out_layer.forward::<V>(table), beside, |at, rows, (middle, normal)| {
        let before = &tokens[at.start * dim..at.end * dim];
        let keep = |row| layer.keep(0, clip(at.start + row));
        table.run(AddUp { rows, bias: &bias, keep, before, to: &mut *middle });
        table.run(Normalize { norm: norm2, x: middle, out: normal });
    });

    let up_layer = Linear::new(&weights.up, None)?;
    let bias = up_layer.bias();
    let mut activated = Buffer::<V>::take(n_rows * hidden_dim);
    let mut hidden = Buffer::<V>::take(if keep_for_back { n_rows * hidden_dim } else { 0 });
    let chunk = chunk_rows(hidden_dim) * hidden_dim;
    let panels = up_layer.forward::<V>(table);
    let to = activated.par_chunks_mut(chunk);
    if keep_for_back {
        let beside = to.zip(hidden.par_chunks_mut(chunk));
        multiply(table, Rows::new(&normal, dim), &panels, beside, |_, rows, (to, sums)| {
            table.run(Activate { rows, bias: &bias, sums: Some(sums), to });
        });
    } else {
        multiply(table, Rows::new(&normal, dim), &panels, to, |_, rows, to| {
            table.run(Activate { rows, bias: &bias, sums: None, to });
        });
    }

    let down_layer = Linear::new(&weights.down, weights.scale2.as_ref())?;
    let bias = down_layer.bias();
    let mut out = Vec::with_capacity(n_rows * dim);
    let beside = out.spare_capacity_mut()[..n_rows * dim].par_chunks_mut(chunk_rows(dim) * dim);
    multiply(table, Rows::new(&activated, hidden_dim), &down_layer.forward::<V>(table), beside, |at, rows, to| {
        let before = &middle[at.start * dim..at.end * dim];
        let keep = |row| layer.keep(1, clip(at.start + row));
        table.run(AddUp { rows, bias: &bias, keep, before, to: zeroed(to) });
    });
    // SAFETY: every chunk has been zeroed and then written, and the chunks are all rows.
    unsafe { out.set_len(n_rows * dim) }
    let saved = keep_for_back.then_some(Saved { qkv, log_sums, gathered, middle, hidden });
    Ok((out, saved))
}
