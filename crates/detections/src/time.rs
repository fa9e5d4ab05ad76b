//! Time in whole milliseconds, so that sums of times are exact.

/// Seconds as the nearest whole number of milliseconds; none for what is no time of a recording.
pub(crate) fn milliseconds(seconds: f64) -> Option<u64> {
    let rounded = (seconds * 1000.0).round();
    // Below this a f64 has every whole number.
    (0.0..9e15).contains(&rounded).then_some(rounded as u64)
}

/// Seconds with three decimals.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_once_and_printed_exactly() {
        assert_eq!(seconds(606_700), "606.700");
        assert_eq!(seconds(5), "0.005");
        assert_eq!(milliseconds(606.700_000_000_066_9), Some(606_700));
        assert_eq!((milliseconds(-0.0001), milliseconds(-0.1), milliseconds(f64::NAN)), (Some(0), None, None));
        assert_eq!(milliseconds(f64::INFINITY), None);
    }
}
