//! Buffers that are used again from step to step: fresh pages from the system cost more than many a kernel.

use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers that are kept for the next taker; beyond this many the one that lay longest is freed.
const KEPT: usize = 128;

/// A buffer at most this many times as large as what is asked for is handed out.
const SLACK: usize = 2;

static FREE_F32: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());
static FREE_U8: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// What candle is to own, `len` values: `make` gets each part of `part` values as zeros and the values beside it. Parts are
/// zeroed by the thread that makes them, just before: one thread that zeroes them all would be waited for.
pub(crate) fn made_in_parts<B: IndexedParallelIterator>(
    len: usize,
    part: usize,
    beside: B,
    make: impl Fn(&mut [f32], B::Item) + Sync,
) -> Vec<f32> {
    let mut values = Vec::with_capacity(len);
    let parts = values.spare_capacity_mut()[..len].par_chunks_mut(part);
    assert_eq!(parts.len(), beside.len(), "a part without what is beside it");
    parts.zip(beside).for_each(|(part, beside)| make(zeroed(part), beside));
    // SAFETY: `zeroed` has initialized every part, and the parts are all of the first `len` values.
    unsafe { values.set_len(len) }
    values
}

/// Makes memory zeros.
pub(crate) fn zeroed(memory: &mut [MaybeUninit<f32>]) -> &mut [f32] {
    memory.fill(MaybeUninit::new(0.0));
    // SAFETY: all of it was just written.
    unsafe { &mut *(std::ptr::from_mut(memory) as *mut [f32]) }
}

/// A kind of value that buffers are kept of.
pub(crate) trait Kept: Copy + Default + 'static {
    /// The buffers that nobody holds.
    fn free() -> &'static Mutex<Vec<Vec<Self>>>;
}

impl Kept for f32 {
    fn free() -> &'static Mutex<Vec<Vec<Self>>> {
        &FREE_F32
    }
}

impl Kept for u8 {
    fn free() -> &'static Mutex<Vec<Vec<Self>>> {
        &FREE_U8
    }
}

/// Initialized memory with ARBITRARY content, given back when it is dropped.
pub(crate) struct Buffer<T: Kept> {
    values: Vec<T>,
    len: usize,
}

impl<T: Kept> Buffer<T> {
    /// `len` values, whatever they are.
    pub(crate) fn take(len: usize) -> Self {
        let mut free = T::free().lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |have: usize| have >= len && have <= len.saturating_mul(SLACK).max(1024);
        let best = (0..free.len()).filter(|&i| fits(free[i].len())).min_by_key(|&i| free[i].len());
        let found = best.map(|i| free.remove(i));
        drop(free);
        Self { values: found.unwrap_or_else(|| vec![T::default(); len]), len }
    }

    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let mut buffer = Self::take(len);
        buffer.fill(T::default());
        buffer
    }
}

impl<T: Kept> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.values[..self.len]
    }
}

impl<T: Kept> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[..self.len]
    }
}

impl<T: Kept> Drop for Buffer<T> {
    fn drop(&mut self) {
        let mut free = T::free().lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.values));
        if free.len() > KEPT {
            free.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_length_that_was_asked_for() {
        let first = Buffer::<f32>::take(5000);
        assert_eq!(first.len(), 5000);
        drop(first);
        let again = Buffer::<f32>::zeros(4000);
        assert_eq!(again.len(), 4000);
        assert!(again.iter().all(|&v| v == 0.0));
    }
}
