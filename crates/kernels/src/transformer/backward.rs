use super::forward::{Saved, held, norm, normalized};
use super::linear::Linear;
use super::operation::Operation;
use super::parts::{ActivateBack, AddBias, Scale};
use crate::DirectGradients;
use crate::layer_norm::{Back, total};
use crate::panels::Rows;
use crate::products::{Factor, chunk_rows, multiply};
use crate::scratch::Buffer;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

/// Rows that are scaled together.
const ROWS: usize = 64;

/// The gradient of what came in, if it is wanted, from that of what went out; those of the weights go to `to`.
pub(super) fn run<V: Factor>(
    layer: &Operation<V>,
    saved: &Saved<V>,
    tokens: &[f32],
    gradient: &[f32],
    is_wanted: bool,
    to: &DirectGradients,
) -> Result<Option<Vec<f32>>> {
    let (table, weights, epsilon) = (layer.table, &layer.weights, layer.form.epsilon);
    let heads = layer.size.heads;
    let (dim, hidden_dim, n_rows) = (heads.dim, layer.size.hidden, layer.size.n_rows());
    let clip = |row: usize| row / heads.n_tokens;
    let [held1, held2] = [held(&weights.norm1)?, held(&weights.norm2)?];
    let [norm1, norm2] = [norm(&held1, epsilon), norm(&held2, epsilon)];
    let chunk = chunk_rows(dim) * dim;
    let n_chunks = n_rows.div_ceil(chunk_rows(dim));

    // The second half.
    let mut of_down = Buffer::<V>::take(n_rows * dim);
    of_down.par_chunks_mut(ROWS * dim).zip(gradient.par_chunks(ROWS * dim)).enumerate().for_each(
        |(nth, (to, rows))| table.run(Scale { rows, dim, keep: |row| layer.keep(1, clip(nth * ROWS + row)), to }),
    );
    let down_layer = Linear::new(&weights.down, weights.scale2.as_ref())?;
    let (mut of_hidden, mut activated) =
        (Buffer::<V>::take(n_rows * hidden_dim), Buffer::<V>::take(n_rows * hidden_dim));
    let hidden_chunk = chunk_rows(hidden_dim) * hidden_dim;
    let beside = of_hidden
        .par_chunks_mut(hidden_chunk)
        .zip(activated.par_chunks_mut(hidden_chunk))
        .zip(saved.hidden.par_chunks(hidden_chunk));
    multiply(
        table,
        Rows::new(&of_down, dim),
        &down_layer.backward::<V>(table),
        beside,
        |_, rows, ((to, again), sums)| table.run(ActivateBack { rows, sums, to, again }),
    );
    if down_layer.is_trained() {
        down_layer.gradients(table, Rows::new(&activated, hidden_dim), Rows::new(&of_down, dim), to)?;
    }
    drop((activated, of_down));
    let up_layer = Linear::new(&weights.up, None)?;
    if up_layer.is_trained() {
        let normal = normalized::<V>(table, norm2, &saved.middle);
        up_layer.gradients(table, Rows::new(&normal, dim), Rows::new(&of_hidden, hidden_dim), to)?;
    }
    let mut of_middle = gradient.to_vec();
    let mut of_out = Buffer::<V>::take(n_rows * dim);
    let mut sums = vec![0f32; n_chunks * 2 * dim];
    let beside = of_middle.par_chunks_mut(chunk).zip(of_out.par_chunks_mut(chunk)).zip(sums.par_chunks_mut(2 * dim));
    let panels = up_layer.backward::<V>(table);
    multiply(table, Rows::new(&of_hidden, hidden_dim), &panels, beside, |at, rows, ((of_middle, to), sums)| {
        let x = &saved.middle[at.start * dim..at.end * dim];
        table.run(Back { norm: norm2, x, gradient: rows, to: &mut *of_middle, sums });
        table.run(Scale { rows: of_middle, dim, keep: |row| layer.keep(0, clip(at.start + row)), to });
    });
    drop(of_hidden);
    hand_over_norm(&weights.norm2, &sums, to)?;

    // The first half.
    let out_layer = Linear::new(&weights.out, weights.scale1.as_ref())?;
    if out_layer.is_trained() {
        out_layer.gradients(table, Rows::new(&saved.gathered, dim), Rows::new(&of_out, dim), to)?;
    }
    let qkv_layer = Linear::new(&weights.qkv, None)?;
    let is_norm_trained = weights.norm1.iter().any(Tensor::is_variable);
    if !(is_wanted || is_norm_trained || qkv_layer.is_trained()) {
        return Ok(None);
    }
    let mut of_gathered = Buffer::<V>::take(n_rows * dim);
    let no_bias = vec![0f32; dim];
    let beside = of_gathered.par_chunks_mut(chunk);
    multiply(table, Rows::new(&of_out, dim), &out_layer.backward::<V>(table), beside, |_, rows, to| {
        table.run(AddBias { rows, bias: &no_bias, to });
    });
    drop(of_out);
    let mut of_qkv = Buffer::<V>::take(n_rows * 3 * dim);
    heads.backward(table, &saved.qkv, &saved.log_sums, &of_gathered, &mut of_qkv);
    drop(of_gathered);
    if qkv_layer.is_trained() {
        let normal = normalized::<V>(table, norm1, tokens);
        qkv_layer.gradients(table, Rows::new(&normal, dim), Rows::new(&of_qkv, 3 * dim), to)?;
    }
    if !(is_wanted || is_norm_trained) {
        return Ok(None);
    }
    let mut of_tokens = of_middle;
    let mut sums = vec![0f32; n_chunks * 2 * dim];
    let beside = of_tokens.par_chunks_mut(chunk).zip(sums.par_chunks_mut(2 * dim));
    let panels = qkv_layer.backward::<V>(table);
    multiply(table, Rows::new(&of_qkv, 3 * dim), &panels, beside, |at, rows, (to, sums)| {
        let x = &tokens[at.start * dim..at.end * dim];
        table.run(Back { norm: norm1, x, gradient: rows, to, sums });
    });
    hand_over_norm(&weights.norm1, &sums, to)?;
    Ok(is_wanted.then_some(of_tokens))
}

/// Hands over the gradients of scale and shift from the sums of all chunks, `[2, D]` each.
fn hand_over_norm(norm: &[Tensor; 2], sums: &[f32], to: &DirectGradients) -> Result<()> {
    let dim = norm[0].elem_count();
    let sums = total(sums.chunks_exact(2 * dim), 2 * dim);
    for (vector, sums) in norm.iter().zip(sums.chunks_exact(dim)) {
        if vector.is_variable() {
            to.add(vector, sums.to_vec())?;
        }
    }
    Ok(())
}
