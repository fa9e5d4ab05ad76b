//! What all writers of tables do.

use crate::{Detection, Result};

/// Writes one table, row by row; memory does not grow with it.
///
/// [`recording`](Self::recording) comes before the rows of each recording, and also for a recording without rows: Raven's times
/// run on over all files of a table.
pub trait TableWriter<W> {
    /// A recording whose rows come next, and its length in seconds.
    ///
    /// # Errors
    /// A length that is no number of seconds, a second recording where the format has room for one only, and a destination that
    /// cannot be written to; the last is so for all methods.
    fn recording(&mut self, path: &str, seconds: f64) -> Result<()>;

    /// A row.
    ///
    /// # Errors
    /// A row of another recording than the one that was named last, where the format depends on the order.
    fn write(&mut self, detection: &Detection) -> Result<()>;

    /// A recording that could not be used, and why. Returns whether the format has room for it; where it has none, nothing is
    /// written, and the caller should say so elsewhere.
    ///
    /// # Errors
    /// A destination that cannot be written to.
    fn skip(&mut self, path: &str, reason: &str) -> Result<bool>;

    /// Passes on what was written so far, in formats whose rows can be read before the end: our CSV and JSON Lines.
    ///
    /// # Errors
    /// A destination that cannot be written to.
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }

    /// Writes what is still held, and gives the destination back.
    ///
    /// # Errors
    /// A destination that cannot be written to.
    fn finish(self: Box<Self>) -> Result<W>;
}
