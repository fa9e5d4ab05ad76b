//! The part of an evaluation on unknown sounds: how many are rejected, by set, and how their p-values are distributed.

use stats::{Groups, bootstrap, clopper_pearson, quantile_sorted, seed};

use crate::bar::{Bar, range};
use crate::data::{Unknown, UnknownSet};
use crate::error::Result;
use crate::number::{UNKNOWN, fixed, percent, thousands};
use crate::plot::{Chart, Line, N_COLORS, Plot, share_text};
use crate::run::{Evaluation, Prediction};

/// Resamples of the groups for the interval of a share.
const RESAMPLES: usize = 1000;
/// What the stream of the resamples is for.
const STREAM: u64 = 0x7265_6a65_6374_6564;
/// Bins of the histogram.
const N_BINS: usize = 20;
/// The name of the known clips among the sets.
const KNOWN: &str = "known sounds";

/// What `unknown.html` shows.
pub(crate) struct UnknownView {
    pub(crate) sentences: Vec<String>,
    pub(crate) alpha: String,
    pub(crate) sets: Vec<SetView>,
    pub(crate) histogram: Option<Chart>,
}

/// A row of the table of sets.
pub(crate) struct SetView {
    pub(crate) name: String,
    pub(crate) n: String,
    pub(crate) auroc: String,
    pub(crate) auroc_interval: String,
    pub(crate) rejected: String,
    pub(crate) rejected_interval: String,
    pub(crate) bar: Option<Bar>,
}

/// None where no unknown sound was measured.
pub(crate) fn view(evaluation: &Evaluation, detector: &[String]) -> Result<Option<UnknownView>> {
    let Some(unknown) = evaluation.metrics.unknown.as_ref().filter(|unknown| !unknown.sets.is_empty()) else {
        return Ok(None);
    };
    let of_set = |(name, set): (&String, &UnknownSet)| {
        let clips: Vec<&Prediction> =
            evaluation.predictions.iter().filter(|clip| clip.class.is_none() && clip.set == *name).collect();
        row(name, set.n, set.auroc.zip(set.interval), set.rejected, &clips, unknown.alpha)
    };
    let known: Vec<&Prediction> = evaluation.predictions.iter().filter(|clip| clip.class.is_some()).collect();
    let rejected = unknown.known_rejected.unwrap_or(f64::NAN);
    let mut sets: Vec<SetView> = unknown.sets.iter().map(of_set).collect();
    sets.push(row(KNOWN, unknown.n_known, None, rejected, &known, unknown.alpha));
    Ok(Some(UnknownView {
        sentences: detector.iter().cloned().chain(sentences(unknown)).collect(),
        alpha: share_text(unknown.alpha),
        sets,
        histogram: histogram(evaluation, unknown.alpha)?,
    }))
}

fn sentences(unknown: &Unknown) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(rejected) = unknown.known_rejected {
        sentences.push(format!(
            "Of {} known clips it rejects {}; at most {} should be.",
            thousands(unknown.n_known),
            percent(rejected),
            percent(unknown.alpha)
        ));
    }
    let hardest = unknown.sets.iter().filter(|(_, set)| set.n > 0).min_by(|a, b| a.1.rejected.total_cmp(&b.1.rejected));
    if let Some((name, set)) = hardest {
        sentences.push(format!(
            "Hardest set: of {} clips of {name}, {} are rejected; the other {} are given a class.",
            thousands(set.n),
            percent(set.rejected),
            percent(1.0 - set.rejected)
        ));
    }
    sentences
}

fn row(
    name: &str,
    n: u64,
    auroc: Option<(f64, [f64; 2])>,
    rejected: f64,
    clips: &[&Prediction],
    alpha: f64,
) -> SetView {
    let interval = interval(clips, alpha);
    SetView {
        name: name.to_owned(),
        n: thousands(n),
        auroc: auroc.map_or(UNKNOWN.into(), |(value, _)| fixed(value, 3)),
        auroc_interval: auroc.map_or_else(String::new, |(_, interval)| range(interval)),
        rejected: percent(rejected),
        rejected_interval: interval
            .map_or_else(String::new, |[low, high]| format!("{} to {}", percent(low), percent(high))),
        bar: interval.filter(|_| rejected.is_finite()).map(|interval| Bar::new(rejected, interval)),
    }
}

/// The 95 % interval of the share that is rejected, over groups: by a bootstrap, and where all or none are rejected by Clopper and
/// Pearson's exact interval of as many groups. None where the clips are not known.
fn interval(clips: &[&Prediction], alpha: f64) -> Option<[f64; 2]> {
    let rejected: Vec<f64> =
        clips.iter().map(|clip| clip.outlier_p.map(|p| f64::from(u8::from(p <= alpha)))).collect::<Option<_>>()?;
    let names: Vec<&str> = clips.iter().map(|clip| group(clip)).collect();
    let groups = Groups::from_names(&names);
    let n = rejected.iter().sum::<f64>();
    if rejected.is_empty() {
        return None;
    }
    if n == 0.0 || n == rejected.len() as f64 {
        let n_groups = groups.n_groups();
        return Some(clopper_pearson(if n == 0.0 { 0 } else { n_groups }, n_groups, 0.95));
    }
    let share = |weights: &[f64]| {
        rejected.iter().zip(weights).map(|(rejected, weight)| rejected * weight).sum::<f64>()
            / weights.iter().sum::<f64>()
    };
    let mut shares =
        bootstrap([&groups], RESAMPLES, |nth| seed::stream(STREAM, nth as u64), |[weights]| share(weights));
    shares.sort_by(f64::total_cmp);
    Some([quantile_sorted(&shares, 0.025)?, quantile_sorted(&shares, 0.975)?])
}

/// The group of a clip, or the recording where none is known.
pub(crate) fn group(clip: &Prediction) -> &str {
    if clip.group.is_empty() { &clip.clip.path } else { &clip.group }
}

/// Shares of clips by p-value, a line a set; none where there are no p-values.
fn histogram(evaluation: &Evaluation, alpha: f64) -> Result<Option<Chart>> {
    let mut sets: Vec<(&str, Vec<f64>)> = vec![(KNOWN, Vec::new())];
    for clip in &evaluation.predictions {
        let Some(p) = clip.outlier_p else { continue };
        let name = if clip.class.is_some() { KNOWN } else { clip.set.as_str() };
        match sets.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.push(p),
            None => sets.push((name, vec![p])),
        }
    }
    sets.retain(|(_, all)| !all.is_empty());
    sets.truncate(N_COLORS);
    if sets.is_empty() {
        return Ok(None);
    }
    let lines: Vec<Line> = sets.iter().map(|(name, all)| steps(name, all)).collect();
    let highest = lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);
    let names: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
    let plot = Plot {
        title: "p-values",
        x_label: "p-value of being a known sound",
        x: 0.0..1.0,
        y: 0.0..1.05 * highest,
        lines: &lines,
        guide: Some([(alpha, 0.0), (alpha, 1.05 * highest)]),
        x_text: &share_text,
        y_text: &share_text,
        described: format!("Histogram of p-values: {}", names.join("; ")),
    };
    plot.chart(format!(
        "Share of a set\u{2019}s clips (up) by p-value, in steps of {}. Clips left of the dashed line (alpha = {}) are answered with \
         \u{201c}neither\u{201d}. p-values of known sounds should be spread evenly.",
        share_text(1.0 / N_BINS as f64),
        share_text(alpha)
    ))
    .map(Some)
}

fn steps(name: &str, p: &[f64]) -> Line {
    let mut counts = [0u64; N_BINS];
    for p in p {
        counts[((p * N_BINS as f64) as usize).min(N_BINS - 1)] += 1;
    }
    let edge = |bin: usize| bin as f64 / N_BINS as f64;
    let step = |(bin, n): (usize, &u64)| {
        let share = *n as f64 / p.len() as f64;
        [(edge(bin), share), (edge(bin + 1), share)]
    };
    let points = counts.iter().enumerate().flat_map(step).collect();
    Line { name: format!("{name} ({})", thousands(p.len() as u64)), points, is_minor: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Metrics;

    fn evaluation() -> Evaluation {
        let clip = |p: f64, class: Option<usize>, group: &str| Prediction {
            outlier_p: Some(p),
            class,
            set: if class.is_some() { "test".into() } else { "ood-test".into() },
            group: group.into(),
            ..Prediction::default()
        };
        let unknown: Unknown = serde_json::from_value(serde_json::json!({
            "method": "knn", "alpha": 0.1, "known_rejected": 0.0, "n_known": 2,
            "sets": {"ood-test": {"n": 3, "n_groups": 2, "auroc": 0.9, "interval": [0.8, 1.0], "rejected": 0.667}},
        }))
        .unwrap();
        let predictions = vec![
            clip(0.5, Some(0), "a"),
            clip(1.0, Some(1), "b"),
            clip(0.01, None, "c"),
            clip(0.02, None, "c"),
            clip(0.9, None, "d"),
        ];
        Evaluation { metrics: Metrics { unknown: Some(unknown), ..Metrics::default() }, predictions, temperature: None }
    }

    #[test]
    fn sets_and_known_sounds_have_their_shares_and_intervals() {
        let view = view(&evaluation(), &["It is kNN.".to_owned()]).unwrap().unwrap();
        let row = &view.sets[0];
        assert_eq!((row.name.as_str(), row.n.as_str(), row.auroc.as_str()), ("ood-test", "3", "0.900"));
        assert_eq!(row.rejected_interval, "0\u{a0}% to 100\u{a0}%");
        // None of two groups is rejected: exact.
        assert_eq!(view.sets[1].rejected_interval, "0\u{a0}% to 84\u{a0}%");
        assert_eq!(view.histogram.unwrap().lines, ["known sounds (2)", "ood-test (3)"]);
        assert!(view.sentences[2].contains("of 3 clips of ood-test, 67\u{a0}% are rejected"), "{:?}", view.sentences);
    }

    #[test]
    fn nothing_is_shown_of_nothing() {
        assert!(view(&Evaluation::default(), &[]).unwrap().is_none());
    }
}
