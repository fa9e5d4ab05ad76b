//! Softmax attention of a transformer's heads (A. Vaswani et al., "Attention Is All You Need", 2017), a few rows of queries
//! at a time: the table of all pairs of tokens is never stored. The backward pass computes its rows again from their
//! logarithmic sums (T. Dao et al., "FlashAttention", 2022).

use crate::dispatch::Work;
use crate::functions::exp;
use crate::panels::{Panels, Rows, Side};
use crate::products::Factor;
use crate::scratch::Buffer;
use crate::simd::Simd;
use crate::stored::{Stored, load_first, store_first};
use crate::table::Table;
use rayon::prelude::*;
use std::ops::Range;

/// The sizes of one layer's attention.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    /// B
    pub(crate) n_clips: usize,
    /// T
    pub(crate) n_tokens: usize,
    /// H
    pub(crate) n_heads: usize,
    /// Width of a token: H times that of a head.
    pub(crate) dim: usize,
}

/// What of a token's `[3, H, D / H]` values.
#[derive(Clone, Copy)]
enum Part {
    Query,
    Key,
    Value,
}

/// Pairs of tokens that are looked at together.
const PAIRS: usize = 32 * 1024;

/// Rows of the table of pairs are padded to a multiple of this.
const PAD: usize = 32;

impl Heads {
    fn head_dim(&self) -> usize {
        self.dim / self.n_heads
    }

    /// What the products of queries and keys are multiplied with.
    fn factor(&self) -> f32 {
        1.0 / (self.head_dim() as f32).sqrt()
    }

    /// Stretches of queries that are as even as they can be.
    fn stretches(&self) -> impl Iterator<Item = Range<usize>> {
        let most = (PAIRS / self.n_tokens).clamp(24, 96);
        let (n, n_tokens) = (self.n_tokens.div_ceil(most), self.n_tokens);
        (0..n).map(move |i| i * n_tokens / n..(i + 1) * n_tokens / n)
    }

    fn step(&self) -> usize {
        self.n_tokens.next_multiple_of(PAD)
    }

    /// One part of one head for all tokens of a clip, `[T, D / H]`.
    fn part<'a, V>(&self, of_tokens: &'a [V], clip: usize, head: usize, part: Part) -> Rows<'a, V> {
        let step = 3 * self.dim;
        let first = clip * self.n_tokens * step + part as usize * self.dim + head * self.head_dim();
        Rows { values: &of_tokens[first..], n_rows: self.n_tokens, n_columns: self.head_dim(), step }
    }

    /// Keys and values, ready to be multiplied with, of every head of every clip.
    fn keys_and_values<V: Factor>(&self, table: &Table, of_tokens: &[V]) -> Vec<[Panels<V>; 2]> {
        let panels = |nth: usize| {
            let of = |part| self.part(of_tokens, nth / self.n_heads, nth % self.n_heads, part);
            [Panels::here(table, of(Part::Key), Side::Columns), Panels::here(table, of(Part::Value), Side::Depth)]
        };
        (0..self.n_clips * self.n_heads).into_par_iter().map(panels).collect()
    }

    /// What each token gathers, and the logarithmic sums of the weights it gathered with.
    ///
    /// # Shapes
    /// `of_tokens`: `[B, T, 3, H, D / H]`; `gathered`: `[B, T, D]`; `log_sums`: `[B, T, H]`.
    pub(crate) fn forward<V: Factor>(&self, table: &Table, of_tokens: &[V], gathered: &mut [V], log_sums: &mut [f32]) {
        let panels = self.keys_and_values(table, of_tokens);
        let mut parts = Vec::new();
        let (mut gathered, mut log_sums) = (gathered, log_sums);
        for clip in 0..self.n_clips {
            for rows in self.stretches() {
                let (of_part, rest) = std::mem::take(&mut gathered).split_at_mut(rows.len() * self.dim);
                let (sums_of_part, other_sums) = std::mem::take(&mut log_sums).split_at_mut(rows.len() * self.n_heads);
                (gathered, log_sums) = (rest, other_sums);
                parts.push((clip, rows, of_part, sums_of_part));
            }
        }
        parts.into_par_iter().for_each(|(clip, rows, gathered, log_sums)| {
            let (n, head_dim) = (rows.len(), self.head_dim());
            let mut pairs = Buffer::<f32>::take(n * self.n_tokens);
            let mut weights = Buffer::<V>::take(n * self.step());
            let mut of_head = Buffer::<f32>::take(n * head_dim);
            for head in 0..self.n_heads {
                let [keys, values] = &panels[clip * self.n_heads + head];
                let queries = self.part(of_tokens, clip, head, Part::Query).part(rows.clone());
                V::multiply(table, queries, keys, false, &mut pairs);
                let sums = &mut log_sums[head..];
                let inverses = table.run(Softmax {
                    pairs: &mut pairs,
                    n_tokens: self.n_tokens,
                    factor: self.factor(),
                    weights: &mut weights,
                    step: self.step(),
                    log_sums: sums,
                    sums_step: self.n_heads,
                });
                V::multiply(table, self.rows(&weights, n), values, false, &mut of_head);
                for (i, of_head) in of_head.chunks_exact(head_dim).enumerate() {
                    let to = &mut gathered[i * self.dim + head * head_dim..][..head_dim];
                    for (to, value) in to.iter_mut().zip(of_head) {
                        *to = V::of(value * inverses[i]);
                    }
                }
            }
        });
    }

    /// Rows of the table of pairs.
    fn rows<'a, V>(&self, values: &'a [V], n_rows: usize) -> Rows<'a, V> {
        Rows { values, n_rows, n_columns: self.n_tokens, step: self.step() }
    }

    /// The gradient of `of_tokens`.
    ///
    /// # Shapes
    /// As in [`forward`](Self::forward); `gradient`: `[B, T, D]`; `to`: as `of_tokens`, overwritten.
    pub(crate) fn backward<V: Factor>(
        &self,
        table: &Table,
        of_tokens: &[V],
        log_sums: &[f32],
        gradient: &[V],
        to: &mut [V],
    ) {
        // Heads are computed apart, and their gradients then put side by side.
        let head_len = self.n_tokens * self.head_dim();
        let mut by_head = Buffer::<V>::take(self.n_clips * self.n_heads * 3 * head_len);
        by_head.par_chunks_mut(3 * head_len).enumerate().for_each(|(nth, of_head)| {
            self.head_backward(table, of_tokens, log_sums, gradient, nth, of_head);
        });
        let head_dim = self.head_dim();
        to.par_chunks_mut(3 * self.dim).enumerate().for_each(|(token, to)| {
            let (clip, token) = (token / self.n_tokens, token % self.n_tokens);
            for (i, to) in to.chunks_exact_mut(head_dim).enumerate() {
                let (part, head) = (i / self.n_heads, i % self.n_heads);
                let at = ((clip * self.n_heads + head) * 3 + part) * head_len + token * head_dim;
                to.copy_from_slice(&by_head[at..at + head_dim]);
            }
        });
    }

    /// The gradients of one head's queries, keys and values, `[3, T, D / H]`.
    fn head_backward<V: Factor>(
        &self,
        table: &Table,
        of_tokens: &[V],
        log_sums: &[f32],
        gradient: &[V],
        nth: usize,
        to: &mut [V],
    ) {
        let (clip, head, head_dim) = (nth / self.n_heads, nth % self.n_heads, self.head_dim());
        let of = |part| self.part(of_tokens, clip, head, part);
        let first = clip * self.n_tokens * self.dim + head * head_dim;
        let gradient = Rows { values: &gradient[first..], n_rows: self.n_tokens, n_columns: head_dim, step: self.dim };
        let log_sums = &log_sums[clip * self.n_tokens * self.n_heads + head..];
        let keys_across = Panels::here(table, of(Part::Key), Side::Columns);
        let values_across = Panels::here(table, of(Part::Value), Side::Columns);
        let keys = Panels::here(table, of(Part::Key), Side::Depth);
        let head_len = self.n_tokens * head_dim;
        let (to_queries, to_others) = to.split_at_mut(head_len);
        let mut of_others = Buffer::<f32>::take(2 * head_len);
        let (of_keys, of_values) = of_others.split_at_mut(head_len);
        for rows in self.stretches() {
            let n = rows.len();
            let mut pairs = Buffer::<f32>::take(n * self.n_tokens);
            let mut of_weights = Buffer::<f32>::take(n * self.n_tokens);
            let (mut weights, mut of_pairs) = (Buffer::<V>::take(n * self.step()), Buffer::<V>::take(n * self.step()));
            let (queries, gradient) = (of(Part::Query).part(rows.clone()), gradient.part(rows.clone()));
            V::multiply(table, queries, &keys_across, false, &mut pairs);
            V::multiply(table, gradient, &values_across, false, &mut of_weights);
            table.run(SoftmaxBack {
                pairs: &mut pairs,
                of_weights: &of_weights,
                n_tokens: self.n_tokens,
                factor: self.factor(),
                log_sums: &log_sums[rows.start * self.n_heads..],
                sums_step: self.n_heads,
                weights: &mut weights,
                of_pairs: &mut of_pairs,
                step: self.step(),
            });
            let mut of_queries = Buffer::<f32>::take(n * head_dim);
            V::multiply(table, self.rows(&of_pairs, n), &keys, false, &mut of_queries);
            store(&of_queries, &mut to_queries[rows.start * head_dim..rows.end * head_dim]);
            let again = rows.start > 0;
            for (table_of, with, to) in [(&of_pairs, queries, &mut *of_keys), (&weights, gradient, &mut *of_values)] {
                let with = Panels::here(table, with, Side::Depth);
                V::multiply_transposed(table, self.rows(table_of, n), 0..self.n_tokens, &with, again, to);
            }
        }
        store(&of_others, to_others);
    }
}

/// Values as they are stored.
fn store<V: Stored>(values: &[f32], to: &mut [V]) {
    for (to, value) in to.iter_mut().zip(values) {
        *to = V::of(*value);
    }
}

/// Rows of products to weights, not yet divided by their sum: that is left to what they gather.
struct Softmax<'a, V> {
    /// `[n, T]`
    pairs: &'a mut [f32],
    n_tokens: usize,
    factor: f32,
    /// `[n, step]`, zeros behind the tokens.
    weights: &'a mut [V],
    step: usize,
    /// The first row's, the next one `sums_step` further.
    log_sums: &'a mut [f32],
    sums_step: usize,
}

impl<V: Stored> Work for Softmax<'_, V> {
    /// One over the sum of each row.
    type Out = Vec<f32>;

    #[inline(always)]
    unsafe fn run<S: Simd>(self) -> Vec<f32> {
        let n_tokens = self.n_tokens;
        let mut inverses = Vec::with_capacity(self.weights.len() / self.step);
        let rows = self.pairs.chunks_exact_mut(n_tokens).zip(self.weights.chunks_exact_mut(self.step));
        for (nth, (pairs, weights)) in rows.enumerate() {
            // SAFETY: the processor has the instructions; `n` values from `at` on are inside of both.
            unsafe {
                let largest = self.factor * largest::<S>(pairs);
                let (factor, off) = (S::splat(self.factor), S::splat(-largest));
                let mut sum = S::splat(0.0);
                let mut rest = 0.0;
                for at in (0..n_tokens).step_by(S::LANES) {
                    let n = S::LANES.min(n_tokens - at);
                    let pairs = load_first::<S, f32>(pairs.as_ptr().add(at), n);
                    let weight = exp::<S>(S::multiply_add(pairs, factor, off));
                    store_first::<S, V>(weights.as_mut_ptr().add(at), weight, n);
                    if n == S::LANES {
                        sum = S::add(sum, weight);
                    } else {
                        rest = first_sum::<S>(weight, n);
                    }
                }
                weights[n_tokens..].fill(V::default());
                let sum = S::sum(sum) + rest;
                inverses.push(1.0 / sum);
                self.log_sums[nth * self.sums_step] = largest + sum.ln();
            }
        }
        inverses
    }
}

/// The largest of some values; no number where one of them is none.
#[inline(always)]
unsafe fn largest<S: Simd>(values: &[f32]) -> f32 {
    let whole = values.len() - values.len() % S::LANES;
    // SAFETY: vectors before `whole`; the processor has the instructions.
    unsafe {
        let mut best = S::splat(f32::NEG_INFINITY);
        for at in (0..whole).step_by(S::LANES) {
            let values = S::load(values.as_ptr().add(at));
            best = S::select(S::greater_or_nan(values, best), values, best);
        }
        let best = if whole > 0 { S::largest(best) } else { f32::NEG_INFINITY };
        values[whole..].iter().fold(best, |best, &value| if value > best || value.is_nan() { value } else { best })
    }
}

/// The sum of the first `n` values of a vector.
#[inline(always)]
unsafe fn first_sum<S: Simd>(values: S::Vector, n: usize) -> f32 {
    let mut all = [0f32; 16];
    // SAFETY: no vector is longer.
    unsafe { S::store(all.as_mut_ptr(), values) };
    all[..n].iter().sum()
}

/// Rows of products to weights and to the gradient of the products.
struct SoftmaxBack<'a, V> {
    /// `[n, T]`; holds weights afterwards.
    pairs: &'a mut [f32],
    /// The gradient of the weights, `[n, T]`.
    of_weights: &'a [f32],
    n_tokens: usize,
    factor: f32,
    log_sums: &'a [f32],
    sums_step: usize,
    /// `[n, step]`, zeros behind the tokens.
    weights: &'a mut [V],
    /// `[n, step]`, zeros behind the tokens.
    of_pairs: &'a mut [V],
    step: usize,
}

impl<V: Stored> Work for SoftmaxBack<'_, V> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let n_tokens = self.n_tokens;
        let rows = self.pairs.chunks_exact_mut(n_tokens).zip(self.of_weights.chunks_exact(n_tokens));
        let stored = self.weights.chunks_exact_mut(self.step).zip(self.of_pairs.chunks_exact_mut(self.step));
        for (nth, ((pairs, of_weights), (weights, of_pairs))) in rows.zip(stored).enumerate() {
            // SAFETY: as in `Softmax`.
            unsafe {
                let (factor, off) = (S::splat(self.factor), S::splat(-self.log_sums[nth * self.sums_step]));
                // Zeros behind the end give nothing to the sum, since their gradient is zero.
                let mut sum = S::splat(0.0);
                for at in (0..n_tokens).step_by(S::LANES) {
                    let n = S::LANES.min(n_tokens - at);
                    let pair = load_first::<S, f32>(pairs.as_ptr().add(at), n);
                    let weight = exp::<S>(S::multiply_add(pair, factor, off));
                    store_first::<S, f32>(pairs.as_mut_ptr().add(at), weight, n);
                    store_first::<S, V>(weights.as_mut_ptr().add(at), weight, n);
                    sum = S::multiply_add(weight, load_first::<S, f32>(of_weights.as_ptr().add(at), n), sum);
                }
                let mean = S::splat(S::sum(sum));
                for at in (0..n_tokens).step_by(S::LANES) {
                    let n = S::LANES.min(n_tokens - at);
                    let weight = S::mul(factor, load_first::<S, f32>(pairs.as_ptr().add(at), n));
                    let off = S::sub(load_first::<S, f32>(of_weights.as_ptr().add(at), n), mean);
                    store_first::<S, V>(of_pairs.as_mut_ptr().add(at), S::mul(weight, off), n);
                }
                weights[n_tokens..].fill(V::default());
                of_pairs[n_tokens..].fill(V::default());
            }
        }
    }
}
