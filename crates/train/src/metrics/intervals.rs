//! Confidence intervals of the figures.

use super::figures::{Figures, Scored};
use crate::seeds::{Purpose, generator};
use stats::{Groups, bootstrap, lower_bound_all, quantile_sorted};
use std::collections::{BTreeMap, BTreeSet};

/// Fewest resamples that an interval is taken from.
const FEWEST: usize = 100;

/// How resamples are drawn and turned into an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// Number of resamples.
    pub resamples: usize,
    /// Confidence level, such as 0.95.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
}

/// Intervals by name, and how each was computed.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals {
    /// `accuracy`, `balanced_accuracy`, `macro_f1`, `auroc`, `ece` and `recall_CLASS`: low and high end.
    pub intervals: BTreeMap<String, [f64; 2]>,
    /// How each was computed, in words.
    pub methods: BTreeMap<String, String>,
    /// Number of resamples with clips of every class that the clips have.
    pub complete: usize,
    /// Warnings for the reader of the figures.
    pub warnings: Vec<String>,
}

/// One figure of a resample.
type Figure = Box<dyn Fn(&Figures) -> Option<f64>>;

/// Percentile intervals of `point`'s figures, from a bootstrap over groups. `group` holds the number of each clip's group.
///
/// A resample can lack a class. Figures over all classes, and the recall of that class, are then undefined: these
/// resamples are left out of those figures, which is the same as drawing them again. `complete` counts the resamples that
/// have every class. With fewer than 100 usable resamples there is no interval, but a warning.
///
/// Where every prediction is right (or wrong), so it is in every resample, and the interval would have no width. The
/// exact bound of Clopper and Pearson takes its place, with the number of groups as the number of trials: all groups for
/// accuracy, the groups of the class for a recall. Figures over all classes use the number of classes times the groups
/// of the smallest class, since a mean over classes is at most as certain as its least certain part. For F1 and AUROC,
/// which are not proportions of groups, that bound is a rule of thumb.
pub fn intervals(
    scored: &Scored,
    point: &Figures,
    group: &[usize],
    classes: &[String],
    options: Bootstrap,
) -> Intervals {
    let (truth, level) = (scored.truth(), options.level);
    let n_groups = group.iter().max().map_or(0, |last| last + 1);
    let groups = Groups::new(group.to_vec(), n_groups);
    let groups_of = |class: usize| -> usize {
        let own: BTreeSet<usize> = group.iter().zip(truth).filter(|(_, t)| **t == class).map(|(g, _)| *g).collect();
        own.len()
    };
    let present: Vec<usize> = (0..classes.len()).filter(|class| groups_of(*class) > 0).collect();
    let balanced = present.len() * present.iter().map(|class| groups_of(*class)).min().unwrap_or(0);
    let has_all = {
        let present = present.clone();
        move |figures: &Figures| present.iter().all(|class| figures.confusion.support(*class) > 0.0)
    };

    let mut wanted: Vec<(String, usize, bool, Figure)> = vec![
        ("accuracy".into(), n_groups, false, Box::new(|f| f.confusion.accuracy())),
        ("balanced_accuracy".into(), balanced, true, Box::new(|f| f.confusion.balanced_accuracy())),
        ("macro_f1".into(), balanced, true, Box::new(|f| f.confusion.macro_f1())),
        ("auroc".into(), balanced, true, Box::new(Figures::macro_auroc)),
        ("ece".into(), 0, false, Box::new(|f| f.ece)),
    ];
    for class in present {
        let name = format!("recall_{}", classes[class]);
        wanted.push((name, groups_of(class), false, Box::new(move |f| f.confusion.recall(class))));
    }

    let of_resample = |number| generator(options.seed, Purpose::Bootstrap, number as u64, 0);
    let drawn = bootstrap([&groups], options.resamples, of_resample, |[weights]| scored.figures(weights));
    let complete = drawn.iter().filter(|figures| has_all(figures)).count();
    let mut out = Intervals { intervals: BTreeMap::new(), methods: BTreeMap::new(), complete, warnings: Vec::new() };
    if n_groups < 10 {
        out.warnings.push(format!("{n_groups} groups only: the intervals are rough, and likely too narrow"));
    }
    for (name, n, over_classes, figure) in wanted {
        let Some(at) = figure(point) else { continue };
        let mut values: Vec<f64> =
            drawn.iter().filter(|figures| !over_classes || has_all(figures)).filter_map(&figure).collect();
        let exact = (n > 0 && (at == 1.0 || at == 0.0)).then(|| lower_bound_all(n, (1.0 - level) / 2.0));
        let (interval, method) = if let Some(bound) = exact {
            let interval = if at == 1.0 { [bound, 1.0] } else { [0.0, 1.0 - bound] };
            let kind = if name == "macro_f1" || name == "auroc" {
                "rule of thumb after Clopper-Pearson"
            } else {
                "exact (Clopper-Pearson)"
            };
            (interval, format!("{kind}, n = {n} groups"))
        } else if values.len() < FEWEST || n_groups < 2 {
            out.warnings.push(format!("{name}: no interval: {} usable resamples of {n_groups} groups", values.len()));
            continue;
        } else {
            values.sort_by(f64::total_cmp);
            let end = |share| quantile_sorted(&values, share).unwrap_or(at);
            let interval = [end((1.0 - level) / 2.0), end((1.0 + level) / 2.0)];
            (interval, format!("bootstrap over {n_groups} groups, {} resamples, percentile", values.len()))
        };
        out.intervals.insert(name.clone(), interval);
        out.methods.insert(name, method);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use classifier::{Calibration, Rows};

    /// Two classes; each clip: truth, group, whether it is right.
    fn of(clips: &[(usize, usize, bool)]) -> Intervals {
        let margin = |(i, (truth, _, right)): (usize, &(usize, usize, bool))| {
            let class = if *right { *truth } else { 1 - truth };
            let sure = 1.0 + i as f32 / 10.0;
            if class == 1 { [0.0, sure] } else { [sure, 0.0] }
        };
        let logits: Vec<f32> = clips.iter().enumerate().flat_map(margin).collect();
        let probability = Calibration::probabilities(1.0, &logits, 2);
        let rows = Rows { n_classes: 2, logits, probability, ..Rows::default() };
        let truth: Vec<usize> = clips.iter().map(|clip| clip.0).collect();
        let group: Vec<usize> = clips.iter().map(|clip| clip.1).collect();
        let pairs: Vec<(usize, usize)> = truth.iter().copied().enumerate().collect();
        let scored = Scored::new(&rows, &pairs, 1.0);
        let point = scored.figures(&vec![1.0; clips.len()]);
        intervals(
            &scored,
            &point,
            &group,
            &["a".into(), "b".into()],
            Bootstrap { resamples: 2000, level: 0.95, seed: 5 },
        )
    }

    #[test]
    fn all_right_is_widened_by_the_number_of_groups() {
        // 20 groups of two clips, 15 of class a and 5 of class b.
        let clips: Vec<_> = (0..40).map(|i| (usize::from(i >= 30), i / 2, true)).collect();
        let got = of(&clips);
        let bound = |n: f64| 0.025_f64.powf(1.0 / n);
        for (name, n) in [("accuracy", 20.0), ("recall_a", 15.0), ("recall_b", 5.0), ("balanced_accuracy", 10.0)] {
            let [low, high] = got.intervals[name];
            assert!((low - bound(n)).abs() < 1e-12 && high == 1.0, "{name}: {low} {high}");
        }
        assert_eq!(got.methods["accuracy"], "exact (Clopper-Pearson), n = 20 groups");
        assert!(got.methods["ece"].starts_with("bootstrap"));
    }

    #[test]
    fn clips_of_one_group_do_not_count_as_many() {
        let wide = |clips: &[_]| {
            let [low, high] = of(clips).intervals["accuracy"];
            high - low
        };
        let apart: Vec<_> = (0..80).map(|i| (i % 2, i, (i / 2) % 4 != 0)).collect();
        let together: Vec<_> = (0..80).map(|i| (i % 2, (i / 8) * 2 + i % 2, (i / 8) % 4 != 0)).collect();
        assert!(wide(&together) > 1.5 * wide(&apart), "{} {}", wide(&together), wide(&apart));
    }

    #[test]
    fn resamples_without_a_class_are_counted_out() {
        // One group of class b: a resample lacks it with probability (3/4)^4.
        let got = of(&[(0, 0, true), (0, 1, false), (0, 2, true), (1, 3, true)]);
        let share = got.complete as f64 / 2000.0;
        assert!((share - (1.0 - 0.75_f64.powi(4))).abs() < 0.04, "{share}");
        assert!(got.warnings[0].starts_with("4 groups only"));
        assert!(got.methods["balanced_accuracy"].contains(&format!("{} resamples", got.complete)));
    }
}
