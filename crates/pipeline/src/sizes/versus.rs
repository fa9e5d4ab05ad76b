//! Differences, of the same resamples: models at one size, and more clips of few groups against few clips of many.

use super::curve::{Curve, Estimate, OfSet, Point};
use serde::Serialize;

/// Which model is best at a size, on a set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AtSize {
    /// The set.
    pub set: String,
    /// The size as it was asked for.
    pub size_requested: String,
    /// Training clips, mean over the seeds.
    pub n_clips: f64,
    /// The model with the highest mean.
    pub best: String,
    /// Its balanced accuracy.
    pub balanced_accuracy: f64,
    /// What the others have below it.
    pub others: Vec<Versus>,
}

/// What a model has below the best one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versus {
    /// The model.
    pub model: String,
    /// The difference.
    pub below_best: Estimate,
    /// Whether the interval holds 0: the two cannot be distinguished.
    pub is_level: bool,
}

/// As many clips of as many groups as there are, against few groups with all their clips: mean over the sizes below all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spread {
    /// The model.
    pub model: String,
    /// The set.
    pub set: String,
    /// Sizes over which it is the mean.
    pub n_sizes: usize,
    /// What many groups are better by.
    pub better: Estimate,
    /// The same by size: the size, training clips, groups of both kinds, and what many groups are better by.
    pub by_size: Vec<(String, f64, [f64; 2], Estimate)>,
}

fn is_level(of: &Estimate) -> bool {
    of.interval[0] <= 0.0 && of.interval[1] >= 0.0
}

/// Models at each size. Of groups, those with all their clips.
pub(super) fn at_sizes(of_set: &OfSet) -> Vec<AtSize> {
    let curves: Vec<&Curve> = of_set.curves.iter().filter(|curve| !curve.spread).collect();
    let n_sizes = curves.first().map_or(0, |curve| curve.points.len());
    let at = |nth: usize| {
        let points: Vec<(&Curve, &Point)> =
            curves.iter().filter_map(|curve| Some((*curve, curve.points.get(nth)?))).collect();
        let (best, top) = points
            .iter()
            .copied()
            .reduce(|best, of| if of.1.balanced_accuracy > best.1.balanced_accuracy { of } else { best })?;
        let versus = |&(curve, point): &(&Curve, &Point)| {
            let below_best = of_set.estimate(top.balanced_accuracy - point.balanced_accuracy, |errors| {
                errors[point.cell] - errors[top.cell]
            });
            Versus { model: curve.model.clone(), below_best, is_level: is_level(&below_best) }
        };
        Some(AtSize {
            set: of_set.set.clone(),
            size_requested: top.size_requested.clone(),
            n_clips: top.n_clips,
            best: best.model.clone(),
            balanced_accuracy: top.balanced_accuracy,
            others: points.iter().filter(|(curve, _)| curve.model != best.model).map(versus).collect(),
        })
    };
    (0..n_sizes).filter_map(at).collect()
}

/// Many groups against few, for each model.
pub(super) fn spread(of_set: &OfSet) -> Vec<Spread> {
    let of_model = |wide: &Curve| {
        let whole = of_set.curves.iter().find(|curve| !curve.spread && curve.model == wide.model)?;
        let pair = |point: &'_ Point| {
            let of = whole.points.iter().find(|of| of.size_requested == point.size_requested)?;
            Some((point.clone(), of.clone()))
        };
        let pairs: Vec<(Point, Point)> = wide.points.iter().filter_map(pair).collect();
        let better = |pairs: &[(Point, Point)]| {
            let n = pairs.len() as f64;
            let value = pairs.iter().map(|(wide, few)| wide.balanced_accuracy - few.balanced_accuracy).sum::<f64>() / n;
            of_set.estimate(value, |errors| {
                pairs.iter().map(|(wide, few)| errors[few.cell] - errors[wide.cell]).sum::<f64>() / n
            })
        };
        let of_size = |pair: &(Point, Point)| {
            let (wide, few) = pair;
            let groups = [few.n_groups, wide.n_groups];
            (wide.size_requested.clone(), wide.n_clips, groups, better(std::slice::from_ref(pair)))
        };
        Some(Spread {
            model: wide.model.clone(),
            set: of_set.set.clone(),
            n_sizes: pairs.len(),
            better: better(&pairs),
            by_size: pairs.iter().map(of_size).collect(),
        })
    };
    of_set.curves.iter().filter(|curve| curve.spread).filter_map(of_model).collect()
}
