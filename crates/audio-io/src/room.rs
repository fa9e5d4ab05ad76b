//! Memory for sounds.

/// Values that every vector has room for.
const LEAST: usize = 64 * 1024;

/// An empty vector with room for `n` values, and up to the next power of two: recordings differ a little in length, and
/// what one of them lay in then serves the next one too. Memory that no value is written to costs nothing.
pub(crate) fn with_room<T>(n: usize) -> Vec<T> {
    Vec::with_capacity(n.max(LEAST).checked_next_power_of_two().unwrap_or(n))
}
