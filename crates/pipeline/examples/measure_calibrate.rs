//! What `calibrate` is worth in a place: clips are drawn by group again and again, the model is calibrated on them, and measured on
//! all other clips of the place before and after.
//!
//! ```text
//! measure_calibrate RUN CLIPS SPLITS [DRAWS] [BIAS_SD TEMPERATURE_SD always|helps]
//! ```
//!
//! SPLITS are those of CLIPS that are taken, separated by commas; the classes' own and those of unknown sounds. Prints a table.
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use inference::Model;
use inference::unknown::{Calibrated, Detectors};
use pipeline::Job;
use pipeline::calibrate::{Asked, PlacePrior, Rule, ask, fit};
use rand::seq::SliceRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Clips that are drawn.
const SIZES: [usize; 3] = [5, 10, 20];

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Figures of one draw.
#[derive(Debug, Clone, Copy, Default)]
struct Draw {
    taken: bool,
    detector_taken: bool,
    /// Balanced accuracy on the rest, before and after.
    balanced: [f64; 2],
    /// Share of known clips of the rest that are rejected.
    rejected: [f64; 2],
    /// Share of unknown sounds that are rejected.
    detected: [f64; 2],
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, clips, splits, rest @ ..] = &arguments[..] else {
        return Err("expected: measure_calibrate RUN CLIPS SPLITS [DRAWS]".into());
    };
    let number = |nth: usize| rest.get(nth).map(|text| text.parse::<f64>()).transpose();
    let n_draws = number(0)?.unwrap_or(200.0) as usize;
    let usual = PlacePrior::default();
    let prior = PlacePrior {
        bias_sd: number(1)?.unwrap_or(usual.bias_sd),
        temperature_sd: number(2)?.unwrap_or(usual.temperature_sd),
    };
    let rule = Rule { prior, always: rest.get(3).is_some_and(|word| word == "always") };
    let model = Model::open(run)?;
    let all = ask(&model, &[PathBuf::from(clips)], Some(splits), &Job::default())?;
    let detectors = Detectors::of(&model)?;
    let calibrated = detectors.as_ref().map(|detectors| detectors.detector("auto")).transpose()?;
    let (known, groups) = (all.known(), all.groups());
    println!(
        "{} clips of {} groups, {} unknown sounds, {n_draws} draws; prior {:.2} {:.2}{}",
        known.len(),
        groups.len(),
        all.class.len() - known.len(),
        prior.bias_sd,
        prior.temperature_sd,
        if rule.always { ", always taken" } else { "" }
    );
    println!(
        "| clips | biases taken | balanced accuracy before | after | 95 % of draws | worse | known rejected before | after | \
         detector taken | unknown rejected before | after |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for size in SIZES {
        let mut draws = Vec::new();
        for draw in 0..n_draws {
            draws.push(one(&model, calibrated, &all, size, draw as u64, &rule)?);
        }
        println!("{}", row(size, &draws));
    }
    Ok(())
}

/// Draws whole groups of known clips until there are `size` clips; unknown sounds of the place are not drawn.
fn one(
    model: &Model,
    calibrated: Option<&Calibrated>,
    all: &Asked,
    size: usize,
    draw: u64,
    rule: &Rule,
) -> Outcome<Draw> {
    let mut groups: Vec<&str> = all.groups().into_iter().collect();
    groups.shuffle(&mut stats::seed::stream(size as u64, draw));
    let known = all.known();
    let (mut taken, mut drawn) = (BTreeSet::new(), Vec::new());
    for group in groups {
        if drawn.len() >= size {
            break;
        }
        taken.insert(group);
        drawn.extend(known.iter().copied().filter(|&row| all.group[row] == group));
    }
    let clips = all.only(&drawn);
    let fitted = fit(model, &clips, rule)?;
    let rest: Vec<usize> = known.into_iter().filter(|&row| !taken.contains(all.group[row].as_str())).collect();
    let mut of = Draw { taken: fitted.biases.is_some(), ..Draw::default() };
    let bias = fitted.biases.clone().unwrap_or_else(|| vec![0.0; all.n_classes]);
    of.balanced = [balanced(all, &rest, &vec![0.0; all.n_classes]), balanced(all, &rest, &bias)];
    if let (Some(calibrated), Some(detector), Some(scores)) = (calibrated, &fitted.detector, &all.scores) {
        of.detector_taken = detector.taken;
        let after = detector.conformal.as_ref().filter(|_| detector.taken).unwrap_or(&calibrated.conformal);
        for (nth, conformal) in [&calibrated.conformal, after].into_iter().enumerate() {
            let share = |rows: &[usize]| {
                let n = rows.iter().filter(|&&row| conformal.p_value(scores[row]) <= detector.alpha).count();
                n as f64 / rows.len().max(1) as f64
            };
            of.rejected[nth] = share(&rest);
            let unknown: Vec<usize> = (0..all.class.len()).filter(|&row| all.class[row].is_none()).collect();
            of.detected[nth] = share(&unknown);
        }
    }
    Ok(of)
}

/// Mean over classes of the share of their clips that are right.
fn balanced(all: &Asked, rows: &[usize], bias: &[f32]) -> f64 {
    let mut classes: BTreeMap<u32, [f64; 2]> = BTreeMap::new();
    for &row in rows {
        let Some(class) = all.class[row] else { continue };
        let logits: Vec<f32> = all.logits_of(row).iter().zip(bias).map(|(logit, bias)| logit + bias).collect();
        let right = classifier::largest(&logits) == class as usize;
        let sums = classes.entry(class).or_default();
        sums[0] += f64::from(u8::from(right));
        sums[1] += 1.0;
    }
    classes.values().map(|[right, n]| right / n).sum::<f64>() / classes.len().max(1) as f64
}

fn row(size: usize, draws: &[Draw]) -> String {
    let n = draws.len() as f64;
    let mean = |of: &dyn Fn(&Draw) -> f64| draws.iter().map(of).sum::<f64>() / n;
    let share = |of: &dyn Fn(&Draw) -> bool| mean(&|draw| f64::from(u8::from(of(draw))));
    let mut after: Vec<f64> = draws.iter().map(|draw| draw.balanced[1]).collect();
    after.sort_by(f64::total_cmp);
    let at = |share| stats::quantile_sorted(&after, share).unwrap_or(f64::NAN);
    format!(
        "| {size} | {:.2} | {:.3} | {:.3} | {:.3} to {:.3} | {:.2} | {:.3} | {:.3} | {:.2} | {:.3} | {:.3} |",
        share(&|draw| draw.taken),
        mean(&|draw| draw.balanced[0]),
        mean(&|draw| draw.balanced[1]),
        at(0.025),
        at(0.975),
        share(&|draw| draw.balanced[1] < draw.balanced[0] - 1e-9),
        mean(&|draw| draw.rejected[0]),
        mean(&|draw| draw.rejected[1]),
        share(&|draw| draw.detector_taken),
        mean(&|draw| draw.detected[0]),
        mean(&|draw| draw.detected[1]),
    )
}
