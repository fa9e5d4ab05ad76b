//! When a request is made once more, and after which pause: for the hub and for published files alike.

use std::time::Duration;

/// How many attempts in a row may fail without any new bytes.
pub(crate) const N_ATTEMPTS: u32 = 5;
/// Pause after the first failed attempt.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, even if the server asks for a longer one.
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// The pause after the `n_failed`th failed attempt in a row, which doubles with each; not shorter than the server asks for.
pub(crate) fn pause(first: Duration, n_failed: u32, retry_after: Duration) -> Duration {
    let pause = first.saturating_mul(1 << n_failed.saturating_sub(1).min(16));
    pause.max(retry_after).min(MAX_PAUSE)
}

/// Whether the same request may work a moment later, by the status of the answer.
pub(crate) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}
