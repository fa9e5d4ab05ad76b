//! How many windows a network is asked about at once.

use candle_core::Device;

/// On the CPU: what lies between two layers stays in the caches.
const ON_THE_CPU: usize = 32;

/// On another device: so many that it is busy, where each operation takes a moment to start.
const ELSEWHERE: usize = 128;

/// Clips of one forward pass.
pub(crate) fn n_batch(device: &Device) -> usize {
    if device.is_cpu() { ON_THE_CPU } else { ELSEWHERE }
}

/// How many windows are classified in the place of `n`. On the CPU a clip's result does not depend on the others of its batch. Elsewhere
/// a product of another shape may be rounded otherwise, so that all batches are full.
pub(crate) fn n_full(n: usize, device: &Device) -> usize {
    if device.is_cpu() { n } else { n.next_multiple_of(n_batch(device)) }
}
