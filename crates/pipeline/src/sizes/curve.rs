//! Curves over the number of clips: means over the seeds, their intervals, and the power law.
//!
//! One resample draws groups of the set and seeds of the trainings, the same for all models and sizes, so that differences
//! are of pairs. A seed is drawn with its whole curve: its subsets are nested.

use super::one::Finished;
use super::options::By;
use crate::balanced::balanced_accuracy;
use crate::compare::is_right;
use crate::error::{Result, bail};
use crate::evaluate::RowAnswer;
use serde::Serialize;
use stats::{Groups, PowerLaw, bootstrap, quantile_sorted, seed};
use std::collections::{BTreeMap, BTreeSet};

/// Resamples of groups and seeds.
const RESAMPLES: usize = 1000;
/// What they are drawn for.
const STREAM: u64 = 0x7369_7a65_732d_3033;
/// Sizes that a power law needs: it has three numbers.
const FEWEST_SIZES: usize = 4;

/// A model's error over the number of clips, on one set.
#[derive(Debug, Clone, Serialize)]
pub struct Curve {
    /// The model.
    pub model: String,
    /// The set.
    pub set: String,
    /// By groups: whether the clips are of as many groups as there are.
    pub spread: bool,
    /// By rising size.
    pub points: Vec<Point>,
    /// The power law, where it can be fitted.
    pub fit: Option<Fit>,
    /// Why it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_fit: Option<String>,
}

/// The trainings of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The size as it was asked for.
    pub size_requested: String,
    /// Training clips, mean over the seeds.
    pub n_clips: f64,
    /// Their groups, mean over the seeds.
    pub n_groups: f64,
    /// Balanced accuracy, mean over the seeds.
    pub balanced_accuracy: f64,
    /// Its 95 % interval, from resamples of groups and seeds.
    pub interval: [f64; 2],
    /// The lowest and the highest seed.
    pub seeds_range: [f64; 2],
    /// Seconds of training, mean over the seeds.
    pub train_seconds: f64,
    /// Number of the cell among the resamples.
    #[serde(skip)]
    pub(super) cell: usize,
}

/// A value and its 95 % interval; infinity is `null` in the file.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Low and high end.
    pub interval: [f64; 2],
}

/// error(n) = a n^-b + c.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// Height.
    pub a: f64,
    /// How fast the error falls.
    pub b: Estimate,
    /// What no number of clips takes away.
    pub c: Estimate,
    /// Number of clips that `now` is of: the largest size.
    pub n_now: f64,
    /// The error of the curve there.
    pub now: Estimate,
    /// With twice as many clips.
    pub at_twice: Estimate,
    /// What twice as many clips take away.
    pub gain: Estimate,
    /// With how many clips the error is 0.01 lower.
    pub for_one_point: Estimate,
}

impl Fit {
    /// The error with `n` clips.
    pub fn error(&self, n: f64) -> f64 {
        PowerLaw { a: self.a, b: self.b.value, c: self.c.value }.error(n)
    }
}

/// Which trainings are one point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    model: usize,
    spread: bool,
    /// Rising with the size.
    rank: usize,
}

/// A set, its curves, and the resamples of their points.
pub(super) struct OfSet {
    pub(super) set: String,
    pub(super) n: usize,
    pub(super) n_groups: usize,
    /// Recordings that some training could not be asked about.
    pub(super) left_out: usize,
    pub(super) curves: Vec<Curve>,
    /// By resample and cell: the error, mean over the drawn seeds.
    resamples: Vec<Vec<f64>>,
}

impl OfSet {
    /// An estimate of what is computed from the errors of cells.
    pub(super) fn estimate(&self, value: f64, of: impl Fn(&[f64]) -> f64) -> Estimate {
        Estimate { value, interval: interval(self.resamples.iter().map(|errors| of(errors)).collect(), value) }
    }
}

fn interval(mut values: Vec<f64>, value: f64) -> [f64; 2] {
    values.sort_by(f64::total_cmp);
    // Between infinities there is nothing to interpolate.
    [0.025, 0.975].map(|share| match quantile_sorted(&values, share) {
        Some(quantile) if quantile.is_nan() => f64::INFINITY,
        Some(quantile) => quantile,
        None => value,
    })
}

/// The curves of all models on one set. `models` are their names in order.
pub(super) fn of_set(set: &str, models: &[String], all: &[Finished], n_classes: usize, seed: u64) -> Result<OfSet> {
    let answers = |finished: &Finished| finished.answers.get(set).cloned().unwrap_or_default();
    let answers: Vec<Vec<RowAnswer>> = all.iter().map(answers).collect();
    let numbers = |answers: &Vec<RowAnswer>| answers.iter().map(|answer| answer.row).collect::<BTreeSet<_>>();
    let some: BTreeSet<usize> = answers.iter().flat_map(numbers).collect();
    let rows = answers.iter().map(numbers).reduce(|a, b| &a & &b).unwrap_or_default();
    let Some(first) = answers.first().filter(|_| !rows.is_empty()) else {
        bail!("split {set}: no recording of a known class that every model could be asked about");
    };
    let known: Vec<&RowAnswer> = first.iter().filter(|answer| rows.contains(&answer.row)).collect();
    let class: Vec<u32> = known.iter().map(|answer| answer.class).collect();
    let groups = Groups::from_names(&known.iter().map(|answer| answer.group.as_str()).collect::<Vec<_>>());
    let right = |answers: &Vec<RowAnswer>| -> Vec<bool> {
        answers.iter().filter(|answer| rows.contains(&answer.row)).map(is_right).collect()
    };
    let right: Vec<Vec<bool>> = answers.iter().map(right).collect();

    let seeds: Vec<u64> = all.iter().map(|of| of.run.subset.seed).collect::<BTreeSet<_>>().into_iter().collect();
    let mut cells: BTreeMap<Key, Vec<(usize, usize)>> = BTreeMap::new();
    let ranks = ranks(all);
    for (nth, finished) in all.iter().enumerate() {
        let subset = &finished.run.subset;
        let model = models.iter().position(|name| *name == subset.model).unwrap_or(0);
        let of_seed = seeds.iter().position(|seed| *seed == subset.seed).unwrap_or(0);
        let key = Key { model, spread: subset.spread, rank: ranks[&subset.size_requested] };
        cells.entry(key).or_default().push((of_seed, nth));
    }
    let error = |nth: usize, weights: &[f64]| 1.0 - balanced_accuracy(&right[nth], &class, n_classes, weights);
    let mean = |of: &[(usize, usize)], weights: &[f64], seeds: &[f64]| {
        let sum: f64 = of.iter().map(|&(seed, nth)| seeds[seed] * error(nth, weights)).sum();
        sum / of.iter().map(|&(seed, _)| seeds[seed]).sum::<f64>()
    };
    let of_seeds = Groups::new((0..seeds.len()).collect(), seeds.len());
    let generator = |resample: usize| seed::stream(seed ^ STREAM, resample as u64);
    let resamples = bootstrap([&groups, &of_seeds], RESAMPLES, generator, |[weights, seeds]| {
        cells.values().map(|of| mean(of, weights, seeds)).collect::<Vec<f64>>()
    });

    let ones = vec![1.0; class.len()];
    let mut curves: Vec<Curve> = Vec::new();
    for (cell, (key, of)) in cells.iter().enumerate() {
        let runs: Vec<&Finished> = of.iter().map(|&(_, nth)| &all[nth]).collect();
        let average =
            |value: &dyn Fn(&Finished) -> f64| runs.iter().map(|run| value(run)).sum::<f64>() / runs.len() as f64;
        let by_seed: Vec<f64> = of.iter().map(|&(_, nth)| 1.0 - error(nth, &ones)).collect();
        let value = by_seed.iter().sum::<f64>() / by_seed.len() as f64;
        let exact = runs.first().and_then(|run| Some(run.run.sets.get(set)?.interval)).filter(|_| value >= 1.0);
        let drawn = interval(resamples.iter().map(|errors| 1.0 - errors[cell]).collect(), value);
        let point = Point {
            size_requested: runs[0].run.subset.size_requested.clone(),
            n_clips: average(&|of| of.run.subset.n_clips as f64),
            n_groups: average(&|of| of.run.subset.n_groups as f64),
            balanced_accuracy: value,
            interval: exact.unwrap_or(drawn),
            seeds_range: [
                by_seed.iter().copied().fold(f64::INFINITY, f64::min),
                by_seed.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ],
            train_seconds: average(&|of| of.run.train_seconds),
            cell,
        };
        let model = &models[key.model];
        match curves.last_mut().filter(|curve| curve.model == *model && curve.spread == key.spread) {
            Some(curve) => curve.points.push(point),
            None => curves.push(Curve {
                model: model.clone(),
                set: set.to_owned(),
                spread: key.spread,
                points: vec![point],
                fit: None,
                no_fit: None,
            }),
        }
    }
    let by = all.first().map_or(By::Clips, |of| of.run.subset.by);
    let left_out = some.len() - rows.len();
    let mut of_set =
        OfSet { set: set.to_owned(), n: class.len(), n_groups: groups.n_groups(), left_out, curves, resamples };
    if by == By::Clips {
        let fits: Vec<_> = of_set.curves.iter().map(|curve| fit(&of_set, curve)).collect();
        for (curve, fit) in of_set.curves.iter_mut().zip(fits) {
            match fit {
                Ok(fit) => curve.fit = Some(fit),
                Err(why) => curve.no_fit = Some(why),
            }
        }
    }
    Ok(of_set)
}

/// Sizes as they were asked for, in the order of their clips.
fn ranks(all: &[Finished]) -> BTreeMap<String, usize> {
    let mut of: BTreeMap<&String, usize> = BTreeMap::new();
    for finished in all {
        let n = of.entry(&finished.run.subset.size_requested).or_default();
        *n = (*n).max(finished.run.subset.n_clips);
    }
    let mut names: Vec<(usize, &String)> = of.into_iter().map(|(name, n)| (n, name)).collect();
    names.sort();
    names.into_iter().enumerate().map(|(rank, (_, name))| (name.clone(), rank)).collect()
}

/// The power law of a curve with its intervals, or why there is none.
fn fit(of_set: &OfSet, curve: &Curve) -> std::result::Result<Fit, String> {
    let points = &curve.points;
    let n = points.len();
    if n < FEWEST_SIZES {
        return Err(format!("it needs {FEWEST_SIZES} sizes, and there are {n}"));
    }
    let (first, last) = (&points[0], &points[n - 1]);
    let fall = of_set
        .estimate(last.balanced_accuracy - first.balanced_accuracy, |errors| errors[first.cell] - errors[last.cell]);
    if fall.interval[0] <= 0.0 {
        return Err(format!(
            "the error does not fall measurably from {:.0} to {:.0} clips: by {:.3} ({:.3} to {:.3})",
            first.n_clips, last.n_clips, fall.value, fall.interval[0], fall.interval[1]
        ));
    }
    let sizes: Vec<f64> = points.iter().map(|point| point.n_clips).collect();
    let weights: Vec<f64> = (1..=n).map(|rank| rank as f64).collect();
    let through = |errors: &[f64]| PowerLaw::fit(&sizes, errors, &weights);
    let too_few = || "too few sizes".to_owned();
    let means: Vec<f64> = points.iter().map(|point| 1.0 - point.balanced_accuracy).collect();
    let law = through(&means).ok_or_else(too_few)?;
    let of_resample = |errors: &Vec<f64>| through(&points.iter().map(|point| errors[point.cell]).collect::<Vec<_>>());
    let laws: Option<Vec<PowerLaw>> = of_set.resamples.iter().map(of_resample).collect();
    let laws = laws.ok_or_else(too_few)?;
    let n_now = last.n_clips;
    let estimate = |of: &dyn Fn(&PowerLaw) -> f64| {
        let value = of(&law);
        Estimate { value, interval: interval(laws.iter().map(of).collect(), value) }
    };
    Ok(Fit {
        a: law.a,
        b: estimate(&|law| if law.a > 0.0 { law.b } else { 0.0 }),
        c: estimate(&|law| law.c),
        n_now,
        now: estimate(&|law| law.error(n_now)),
        at_twice: estimate(&|law| law.error(2.0 * n_now)),
        gain: estimate(&|law| law.error(n_now) - law.error(2.0 * n_now)),
        for_one_point: estimate(&|law| law.size_of(law.error(n_now) - 0.01)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::one::Run;
    use super::super::options::By;
    use super::super::plan::Subset;
    use super::*;

    /// Recordings, each a group of its own; as many of each class.
    const N: usize = 400;
    const SIZES: [usize; 5] = [25, 50, 100, 200, 400];

    /// Trainings of three seeds, whose models are wrong about so many recordings of each class.
    fn trainings(model: &str, wrong: impl Fn(usize) -> usize) -> Vec<Finished> {
        let of = |(n, seed): (usize, u64)| {
            let answer = |row: usize| {
                let (class, nth) = (row % 2, row / 2);
                // Every seed is wrong about others, about one more or less.
                let is_wrong = (nth + 7 * seed as usize) % (N / 2) < (wrong(n) + seed as usize).saturating_sub(1);
                let p = if is_wrong == (class == 0) { 0.1 } else { 0.9 };
                RowAnswer { row, class: class as u32, group: format!("g{row}"), probability: vec![p, 1.0 - p] }
            };
            let subset = Subset {
                model: model.into(),
                by: By::Clips,
                size_requested: n.to_string(),
                spread: false,
                seed,
                n_clips: n,
                n_groups: n / 2,
                clips_sha256: String::new(),
            };
            let run = Run { subset, sets: BTreeMap::new(), train_seconds: 1.0, best_epoch: 1 };
            Finished { run, answers: BTreeMap::from([("test".to_owned(), (0..N).map(answer).collect())]) }
        };
        SIZES.into_iter().flat_map(|n| (0..3).map(move |seed| (n, seed))).map(of).collect()
    }

    #[test]
    fn a_curve_that_falls_is_fitted_and_a_flat_one_is_not() {
        // 2.5 n^-0.7 + 0.02
        let law = |n: usize| 2.5 * (n as f64).powf(-0.7) + 0.02;
        let mut all = trainings("falls", |n| (law(n) * (N / 2) as f64).round() as usize);
        all.extend(trainings("flat", |_| 30));
        let names = ["falls", "flat"].map(str::to_owned);
        let of_set = of_set("test", &names, &all, 2, 0).unwrap();
        let [falls, flat] = &of_set.curves[..] else { panic!("{:?}", of_set.curves) };
        let fit = falls.fit.as_ref().unwrap();
        assert!((fit.b.value - 0.7).abs() < 0.15 && (fit.now.value - law(400)).abs() < 0.01, "{fit:?}");
        let Estimate { value, interval: [low, high] } = fit.at_twice;
        assert!(low < law(800) && law(800) < high && low <= value && value <= high, "{fit:?}");
        assert!(fit.gain.interval[0] > 0.0 && fit.for_one_point.value > 400.0, "{fit:?}");
        assert_eq!(flat.points.len(), SIZES.len());
        assert!(flat.fit.is_none() && flat.no_fit.as_ref().unwrap().contains("does not fall"), "{flat:?}");
        let best = super::super::versus::at_sizes(&of_set);
        assert_eq!((best.len(), best[0].best.as_str(), best[4].best.as_str()), (5, "flat", "falls"));
        assert!(!best[0].others[0].is_level && !best[4].others[0].is_level, "{best:?}");
    }

    #[test]
    fn few_sizes_are_not_fitted_and_what_one_did_not_answer_is_in_no_figure() {
        let mut all = trainings("falls", |n| 1000 / n);
        all.retain(|of| of.run.subset.n_clips <= 100);
        all[0].answers.get_mut("test").unwrap().pop();
        let of_set = of_set("test", &["falls".to_owned()], &all, 2, 0).unwrap();
        assert_eq!((of_set.n, of_set.left_out), (N - 1, 1));
        assert!(of_set.curves[0].no_fit.as_ref().unwrap().contains("there are 3"));
    }
}
