//! Memory for sounds.

use crate::error::{Error, Result};

/// Values that every vector has room for.
const LEAST: usize = 64 * 1024;

/// An empty vector with room for `n` values, and up to the next power of two: recordings differ a little in length, and
/// the memory of one of them then serves the next one too. Memory that no value is written to costs nothing.
pub(crate) fn with_room<T>(n: usize) -> Vec<T> {
    Vec::with_capacity(n.max(LEAST).checked_next_power_of_two().unwrap_or(n))
}

/// As [`with_room`], for sizes that come from a file: too little memory is an error of this file alone.
pub(crate) fn try_with_room<T>(n: usize) -> Result<Vec<T>> {
    let mut values = Vec::new();
    try_reserve(&mut values, n.max(LEAST).checked_next_power_of_two().unwrap_or(n))?;
    Ok(values)
}

/// Makes room for `n` more values.
pub(crate) fn try_reserve<T>(values: &mut Vec<T>, n: usize) -> Result<()> {
    values.try_reserve(n).map_err(|_| Error::Memory { bytes: n.saturating_mul(size_of::<T>()) })
}
