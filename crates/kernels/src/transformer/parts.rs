//! What happens to rows between two products.

use crate::dispatch::Work;
use crate::functions::{gelu, gelu_and_slope};
use crate::simd::Simd;
use crate::stored::{Stored, load_first, store_first};

/// Calls a kernel for every vector of a row: where it starts, and how many of its values there are.
macro_rules! for_each_vector {
    ($simd:ty, $len:expr, |$at:ident, $n:ident| $body:block) => {
        for $at in (0..$len).step_by(<$simd>::LANES) {
            let $n = <$simd>::LANES.min($len - $at);
            $body
        }
    };
}

/// Adds a bias and stores.
pub(super) struct AddBias<'a, V> {
    /// `[n, N]`
    pub(super) rows: &'a [f32],
    /// `[N]`
    pub(super) bias: &'a [f32],
    /// `[n, N]`
    pub(super) to: &'a mut [V],
}

impl<V: Stored> Work for AddBias<'_, V> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let len = self.bias.len();
        for (row, to) in self.rows.chunks_exact(len).zip(self.to.chunks_exact_mut(len)) {
            for_each_vector!(S, len, |at, n| {
                // SAFETY: the processor has the instructions; `n` values from `at` on are inside of each.
                unsafe {
                    let value = S::add(
                        load_first::<S, _>(row[at..].as_ptr(), n),
                        load_first::<S, _>(self.bias[at..].as_ptr(), n),
                    );
                    store_first::<S, V>(to[at..].as_mut_ptr(), value, n);
                }
            });
        }
    }
}

/// Adds a bias, and what came in: the end of a half.
pub(super) struct AddUp<'a, F> {
    /// `[n, D]`
    pub(super) rows: &'a [f32],
    /// `[D]`
    pub(super) bias: &'a [f32],
    /// What each row is multiplied with.
    pub(super) keep: F,
    /// What came in, `[n, D]`.
    pub(super) before: &'a [f32],
    /// `[n, D]`
    pub(super) to: &'a mut [f32],
}

impl<F: Fn(usize) -> f32> Work for AddUp<'_, F> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let len = self.bias.len();
        let rows = self.rows.chunks_exact(len).zip(self.before.chunks_exact(len)).zip(self.to.chunks_exact_mut(len));
        for (nth, ((row, before), to)) in rows.enumerate() {
            let keep = (self.keep)(nth);
            for_each_vector!(S, len, |at, n| {
                // SAFETY: as above.
                unsafe {
                    let value = S::add(
                        load_first::<S, _>(row[at..].as_ptr(), n),
                        load_first::<S, _>(self.bias[at..].as_ptr(), n),
                    );
                    let before = load_first::<S, _>(before[at..].as_ptr(), n);
                    store_first::<S, _>(to[at..].as_mut_ptr(), S::multiply_add(value, S::splat(keep), before), n);
                }
            });
        }
    }
}

/// Adds a bias, keeps the sum where it is wanted, and applies GELU.
pub(super) struct Activate<'a, V> {
    /// `[n, F]`
    pub(super) rows: &'a [f32],
    /// `[F]`
    pub(super) bias: &'a [f32],
    /// `[n, F]`
    pub(super) sums: Option<&'a mut [V]>,
    /// `[n, F]`
    pub(super) to: &'a mut [V],
}

impl<V: Stored> Work for Activate<'_, V> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(mut self) {
        let len = self.bias.len();
        for (nth, (row, to)) in self.rows.chunks_exact(len).zip(self.to.chunks_exact_mut(len)).enumerate() {
            let mut sums = self.sums.as_mut().map(|sums| &mut sums[nth * len..(nth + 1) * len]);
            for_each_vector!(S, len, |at, n| {
                // SAFETY: as above.
                unsafe {
                    let sum = S::add(
                        load_first::<S, _>(row[at..].as_ptr(), n),
                        load_first::<S, _>(self.bias[at..].as_ptr(), n),
                    );
                    if let Some(sums) = &mut sums {
                        store_first::<S, V>(sums[at..].as_mut_ptr(), sum, n);
                    }
                    store_first::<S, V>(to[at..].as_mut_ptr(), gelu::<S>(sum), n);
                }
            });
        }
    }
}

/// The backward pass through GELU, and its result once more: the next gradient needs it.
pub(super) struct ActivateBack<'a, V> {
    /// The gradient of the result.
    pub(super) rows: &'a [f32],
    /// What GELU was applied to.
    pub(super) sums: &'a [V],
    /// The gradient of that.
    pub(super) to: &'a mut [V],
    /// The result.
    pub(super) again: &'a mut [V],
}

impl<V: Stored> Work for ActivateBack<'_, V> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let len = self.rows.len();
        assert!(self.sums.len() == len && self.to.len() == len && self.again.len() == len);
        for_each_vector!(S, len, |at, n| {
            // SAFETY: as above; the lengths are equal.
            unsafe {
                let [value, slope] = gelu_and_slope::<S>(load_first::<S, V>(self.sums.as_ptr().add(at), n));
                let gradient = S::mul(slope, load_first::<S, _>(self.rows.as_ptr().add(at), n));
                store_first::<S, V>(self.to.as_mut_ptr().add(at), gradient, n);
                store_first::<S, V>(self.again.as_mut_ptr().add(at), value, n);
            }
        });
    }
}

/// Multiplies each row with a factor and stores.
pub(super) struct Scale<'a, V, F> {
    /// `[n, D]`
    pub(super) rows: &'a [f32],
    pub(super) dim: usize,
    pub(super) keep: F,
    /// `[n, D]`
    pub(super) to: &'a mut [V],
}

impl<V: Stored, F: Fn(usize) -> f32> Work for Scale<'_, V, F> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let rows = self.rows.chunks_exact(self.dim).zip(self.to.chunks_exact_mut(self.dim));
        for (nth, (row, to)) in rows.enumerate() {
            let keep = (self.keep)(nth);
            for_each_vector!(S, row.len(), |at, n| {
                // SAFETY: as above.
                unsafe {
                    let value = S::mul(load_first::<S, _>(row[at..].as_ptr(), n), S::splat(keep));
                    store_first::<S, V>(to[at..].as_mut_ptr(), value, n);
                }
            });
        }
    }
}
