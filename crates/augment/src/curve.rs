//! A drawn curve over the bands, as microphones and rooms have it.

use crate::config::{MOST_POINTS, SpectrogramAugment};
use crate::seed::{Step, generator};
use rand::Rng;

/// A curve over the bands that goes in straight lines through points of drawn height at drawn bands (H. Nam, S.-H.
/// Kim and Y.-H. Park, "FilterAugment: an acoustic environmental data augmentation method", 2022, the linear type): what each
/// band gets added, or nothing where the step is off.
pub(crate) fn draw_curve(config: &SpectrogramAugment, n_mels: usize, unit_per_db: f32, seed: u64) -> Vec<f32> {
    if config.filter_curve_db <= 0.0 || unit_per_db <= 0.0 {
        return Vec::new();
    }
    let mut rng = generator(seed, Step::FilterCurve);
    let [fewest, most] = config.filter_curve_points;
    let n_points = rng.random_range(fewest..=most).clamp(2, MOST_POINTS);
    let mut points = [(0.0f32, 0.0f32); MOST_POINTS];
    let points = &mut points[..n_points];
    for point in &mut *points {
        let height_db = config.filter_curve_db * (2.0 * rng.random::<f32>() - 1.0);
        *point = (rng.random(), unit_per_db * height_db);
    }
    // The outermost points are at the lowest and the highest band.
    (points[0].0, points[n_points - 1].0) = (0.0, 1.0);
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let last = (n_mels - 1).max(1) as f32;
    let offset = |b: usize| {
        let place = b as f32 / last;
        let after = points.partition_point(|point| point.0 <= place).clamp(1, n_points - 1);
        let (left, right) = (points[after - 1], points[after]);
        let share = ((place - left.0) / (right.0 - left.0).max(f32::MIN_POSITIVE)).clamp(0.0, 1.0);
        left.1 + share * (right.1 - left.1)
    };
    (0..n_mels).map(offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_stays_in_its_range_and_bends() {
        let config = SpectrogramAugment { filter_curve_db: 6.0, ..SpectrogramAugment::off() };
        let (mut n_bent, mut most) = (0, 0.0f32);
        for seed in 0..200 {
            let curve = draw_curve(&config, 64, 0.5, seed);
            let highest = curve.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            assert!(highest <= 3.001, "half a unit a decibel: {highest}");
            most = most.max(highest);
            let line = |b: usize| curve[0] + (curve[63] - curve[0]) * b as f32 / 63.0;
            n_bent += usize::from((0..64).any(|b| (curve[b] - line(b)).abs() > 0.05));
        }
        assert!(most > 2.8 && n_bent > 100, "{most} {n_bent}");
        assert!(draw_curve(&config, 1, 1.0, 1)[0].is_finite());
    }
}
