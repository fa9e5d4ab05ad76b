//! Quantiles of plain numbers.

/// The quantile `share` (0 to 1) of values in rising order, interpolated between neighbors. None of an empty slice.
///
/// NumPy's default, `method="linear"`.
pub fn quantile_sorted(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * (at - at.floor()))
}

/// The value nearest to the quantile `share` (0 to 1), in any order. None of an empty slice.
///
/// NumPy's `method="nearest"`, except that a quantile midway between two values is the upper one.
pub fn quantile_nearest(values: &[f64], share: f64) -> Option<f64> {
    let sorted = sorted(values);
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[(share.clamp(0.0, 1.0) * last as f64).round() as usize])
}

/// The middle value, or the mean of the two middle ones, in any order. None of an empty slice.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// The middle value, or the upper one of the two middle ones: always one of the values. None of an empty slice.
pub fn median_high(values: &[f64]) -> Option<f64> {
    sorted(values).get(values.len() / 2).copied()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!([0.0, 0.5, 0.75, 1.0].map(|share| quantile_sorted(&sorted, share)), [1.0, 2.0, 3.0, 4.0].map(Some));
        assert_eq!(
            [0.0, 0.24, 0.25, 1.0].map(|share| quantile_nearest(&sorted, share)),
            [1.0, 1.0, 2.0, 4.0].map(Some)
        );
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0, 2.0, 3.0])), (Some(2.0), Some(2.5)));
        assert_eq!((median_high(&[3.0, 1.0, 2.0]), median_high(&[4.0, 1.0, 2.0, 3.0])), (Some(2.0), Some(3.0)));
        let none = (quantile_sorted(&[], 0.5), quantile_nearest(&[], 0.5), median(&[]), median_high(&[]));
        assert_eq!(none, (None, None, None, None));
    }

    proptest! {
        /// At least half of the values are at or below each median, and at least half at or above.
        #[test]
        fn medians_split_the_values(values in prop::collection::vec(-5_i32..5, 1..40)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            for middle in [median(&values), median_high(&values), quantile_nearest(&values, 0.5)] {
                let middle = middle.unwrap();
                let at_most = values.iter().filter(|value| **value <= middle).count();
                let at_least = values.iter().filter(|value| **value >= middle).count();
                prop_assert!(2 * at_most >= values.len() && 2 * at_least >= values.len(), "{middle} of {values:?}");
            }
        }

        /// The empirical distribution function, evaluated at a quantile, brackets the share.
        #[test]
        fn a_quantile_has_its_share_of_values_below(
            values in prop::collection::vec(-5_i32..5, 1..40),
            share in 0.0..=1.0_f64,
        ) {
            let mut values: Vec<f64> = values.into_iter().map(f64::from).collect();
            values.sort_by(f64::total_cmp);
            let last = (values.len() - 1) as f64;
            let linear = quantile_sorted(&values, share).unwrap();
            let n_below = values.iter().filter(|value| **value < linear).count() as f64;
            let n_up_to = values.iter().filter(|value| **value <= linear).count() as f64;
            prop_assert!(n_below - 1.0 <= share * last && share * last <= n_up_to, "{linear}");
            let nearest = quantile_nearest(&values, share).unwrap();
            let places = values.iter().enumerate().filter(|(_, value)| **value == nearest).map(|(i, _)| i as f64);
            let distance = places.map(|i| (i - share * last).abs()).fold(f64::INFINITY, f64::min);
            prop_assert!(distance <= 0.5, "{nearest}: {distance}");
        }
    }
}
