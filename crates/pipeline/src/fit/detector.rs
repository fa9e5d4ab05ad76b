//! The detector of unknown sounds of the fitted model, calibrated on every group by the folds.

use super::candidates::{Candidate, Known};
use super::measured::{Measured, OfCondition};
use crate::anomaly::choice::{Scored, choose_scored};
use crate::anomaly::results::RandomSplits;
use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::one_line;
use inference::unknown::methods::{self, OodMethod};
use inference::unknown::{BackboneOutput, Calibrated, ClipKey, FitFrom, Fitted, KnownClips, Outputs, RowSource};
use serde::Serialize;

/// The method where there are no unknown sounds to choose on: with a backbone, and without.
const DEFAULT: [&str; 2] = ["semantic", "max_softmax"];

/// How the detector was chosen.
#[derive(Debug, Clone, Serialize)]
pub struct DetectorRecord {
    /// Its name.
    pub method: String,
    /// Why it was taken.
    pub why: String,
    /// AUROC of each method on the unknown sounds of the choice, against known clips that were held out.
    pub auroc: Vec<(String, f64)>,
    /// Clips that it is calibrated on.
    pub calibration_clips: usize,
    /// Groups that these belong to.
    pub calibration_groups: usize,
    /// The smallest alpha that so many groups allow.
    pub smallest_alpha: f64,
    /// How often known sounds are rejected when the held-out scores of one half of the groups calibrate, and those of the
    /// other half are new.
    pub random_splits: RandomSplits,
}

/// A detector, and what goes along with it.
pub(super) struct Chosen {
    /// Fitted and calibrated.
    pub(super) calibrated: Calibrated,
    /// How it was chosen.
    pub(super) record: DetectorRecord,
    /// What answers can be compared with.
    pub(super) clips: KnownClips,
    /// The p-value of each known clip, by the fold that it was held out of.
    pub(super) outlier_p: Vec<f64>,
}

/// A detector over the pretrained network of the model.
pub(super) fn over_backbone(
    measured: &Measured,
    candidate: &Candidate,
    known: &Known<'_>,
    classes: &[String],
    job: &Job<'_>,
) -> Result<Chosen> {
    let of_known = outputs(measured, &measured.conditions[0].1, candidate, known, true);
    let of_unknown = outputs(measured, &measured.unknowns, candidate, known, false);
    let is_possible = |method: &OodMethod| {
        !method.needs_unknowns() && method.parts.iter().all(|part| part.source == RowSource::Backbone)
    };
    let has_unknowns = !of_unknown.is_empty();
    let methods = methods::all(0, true).into_iter().filter(is_possible);
    let methods: Vec<OodMethod> = methods.filter(|method| has_unknowns || method.name == DEFAULT[0]).collect();
    let bar = job.progress("detectors", methods.len());
    let mut fitted = Vec::new();
    for method in methods {
        job.check("run the same command with --resume to go on")?;
        match Fitted::cross(&method, &of_known, &known.fold) {
            Ok((one, scores)) => {
                let unknown = if has_unknowns { one.score(&of_unknown)? } else { Vec::new() };
                fitted.push((Scored { n_numbers: one.n_numbers(), known: scores, unknown }, one));
            }
            Err(error) => job.warn(format!("left out: {}", one_line(&error))),
        }
        bar.inc(1);
    }
    drop(bar);
    let mut auroc = Vec::new();
    let (nth, why) = match has_unknowns {
        false => {
            (0, "no unknown sounds to choose on (split ood-val, or label neither); this has done best on others".into())
        }
        true => {
            for (scored, one) in &fitted {
                let figures = anomaly::metrics::figures(&scored.known, &scored.unknown)?;
                auroc.push((one.method.name.clone(), figures.auroc));
            }
            let all: Vec<&Scored> = fitted.iter().map(|(scored, _)| scored).collect();
            let choice = choose_scored(&all, [&of_known.groups(), &of_unknown.groups()], job.seed())?;
            let choice = choice.context("no detector could be fitted; the reasons are above")?;
            (choice.nth, format!("chosen on ood-val beside held-out clips (AUROC {:.3})", choice.auroc))
        }
    };
    if nth >= fitted.len() {
        bail!("no detector could be fitted; the reasons are above");
    }
    let (scored, one) = fitted.swap_remove(nth);
    let calibrated = Calibrated::from_scores(one, &scored.known, &of_known)?;
    let splits = RandomSplits::of(&scored.known, &of_known.groups(), job.seed())?;
    let record = record(&calibrated, why, auroc, of_known.len(), splits);
    let outlier_p = scored.known.iter().map(|score| calibrated.conformal.p_value(*score)).collect();
    Ok(Chosen { calibrated, record, clips: KnownClips::of(&of_known, classes), outlier_p })
}

/// A detector over the logits, where there is no pretrained network; `of_model` is what the finished model computes for the
/// known clips.
pub(super) fn over_logits(
    mut of_model: Outputs,
    candidate: &Candidate,
    classes: &[String],
    seed: u64,
) -> Result<Chosen> {
    let clips = KnownClips::of(&of_model, classes);
    // What it says of clips that it was trained on is surer than of new ones.
    of_model.logits.clone_from(&candidate.logits[0]);
    let method = methods::all(0, false).into_iter().find(|method| method.name == DEFAULT[1]).context("no default")?;
    let from = FitFrom { training: &of_model, validation: &of_model, unknowns: None };
    let one = Fitted::fit(&method, &from)?;
    let scores = one.score(&of_model)?;
    let calibrated = Calibrated::from_scores(one, &scores, &of_model)?;
    let why = "without a pretrained network the softmax probability is all there is to go by".to_owned();
    let splits = RandomSplits::of(&scores, &of_model.groups(), seed)?;
    let record = record(&calibrated, why, Vec::new(), of_model.len(), splits);
    let outlier_p = scores.iter().map(|score| calibrated.conformal.p_value(*score)).collect();
    Ok(Chosen { calibrated, record, clips, outlier_p })
}

fn record(
    calibrated: &Calibrated,
    why: String,
    auroc: Vec<(String, f64)>,
    n: usize,
    random_splits: RandomSplits,
) -> DetectorRecord {
    DetectorRecord {
        method: calibrated.fitted.method.name.clone(),
        why,
        auroc,
        calibration_clips: n,
        calibration_groups: calibrated.conformal.n_groups(),
        smallest_alpha: calibrated.conformal.smallest_alpha(),
        random_splits,
    }
}

/// What identifies the known clips, or the unknown sounds.
pub(super) fn keys(measured: &Measured, is_known: bool) -> Vec<ClipKey> {
    let clips = measured.clips.iter().filter(|clip| clip.class.is_some() == is_known);
    let key = |clip: &super::table::Clip| ClipKey {
        id: clip.input.name.clone(),
        path: clip.input.name.clone(),
        start_ms: (clip.input.row.start_s.unwrap_or(0.0) * 1000.0).round() as u64,
        group: clip.group().to_owned(),
        class: clip.class,
        split: clip.split.clone(),
    };
    clips.map(key).collect()
}

fn outputs(measured: &Measured, of: &OfCondition, candidate: &Candidate, known: &Known<'_>, is_known: bool) -> Outputs {
    let keys = keys(measured, is_known);
    let n_classes = known.n_classes;
    let logits = if is_known { candidate.logits[0].clone() } else { vec![0.0; keys.len() * n_classes] };
    let scores = of.log_odds.iter().map(|log_odds| 1.0 / (1.0 + (-log_odds).exp())).collect();
    let (dim, embedding) = (of.dim, of.embedding.clone());
    let backbone = BackboneOutput { dim, embedding: embedding.clone(), n_scores: of.n_own, scores };
    Outputs { n_classes, logits, dim, embedding, layers: Vec::new(), cells: Vec::new(), backbone: Some(backbone), keys }
}
