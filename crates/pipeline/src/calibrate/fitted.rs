//! What is fitted for a place, and whether it helps.

use super::clips::Asked;
use crate::error::Result;
use anomaly::conformal::Conformal;
use anomaly::pool::{Pool, pool};
use classifier::{PlaceCheck, PlaceClips, PlacePrior};
use inference::Model;
use inference::unknown::{ALPHA, Calibrated, Detectors};
use serde::Serialize;
use std::collections::BTreeMap;

/// How a place is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rule {
    /// What is believed of biases and temperature before a clip is seen.
    pub prior: PlacePrior,
    /// Take what was fitted whatever held-out clips say.
    pub always: bool,
}

/// What was fitted for a place.
#[derive(Debug, Clone, Serialize)]
pub struct Fitted {
    /// Added to the logits, by class; empty where that would not help.
    pub bias: BTreeMap<String, f32>,
    /// What logits are divided by.
    pub temperature: f32,
    /// What held-out clips say of biases and temperature; none where the clips are of one class.
    pub check: Option<PlaceCheck>,
    /// The detector of unknown sounds; none where the model has none.
    pub detector: Option<Detector>,
    /// Biases by number of the class.
    #[serde(skip)]
    pub biases: Option<Vec<f32>>,
    /// Probabilities of the clips of known classes, `[N, C]`, each by what clips of other groups gave.
    #[serde(skip)]
    pub held_out: Vec<f32>,
}

/// The calibration of a detector for a place.
#[derive(Debug, Clone, Serialize)]
pub struct Detector {
    /// Its method.
    pub method: String,
    /// Maximum false-rejection rate of the shares below.
    pub alpha: f64,
    /// Whether it is calibrated for the place.
    pub taken: bool,
    /// Share of the known clips of the place that were rejected, groups weighing the same.
    pub false_rejections_before: f64,
    /// The same with what the other groups of the place gave.
    pub false_rejections_after: f64,
    /// Share of the place's unknown sounds that were rejected; none without any.
    pub detected_before: Option<f64>,
    /// The same after.
    pub detected_after: Option<f64>,
    /// The p-value of each known clip, by the other groups of the place.
    #[serde(skip)]
    pub p_values: Vec<f64>,
    /// Calibration of windows for the place.
    #[serde(skip)]
    pub conformal: Option<Conformal>,
    /// Calibration of recordings for the place.
    #[serde(skip)]
    pub of_recordings: Option<Conformal>,
}

impl Fitted {
    /// Whether anything was taken.
    pub fn helps(&self) -> bool {
        self.biases.is_some() || self.detector.as_ref().is_some_and(|detector| detector.taken)
    }

    /// What was taken, and why, in words.
    pub(super) fn notes(&self, classes: &[String]) -> Vec<String> {
        let mut notes = Vec::new();
        match (&self.check, &self.biases) {
            (None, _) => notes.push(
                "class biases: clips of one class say nothing of the line between classes; the model's own are kept"
                    .into(),
            ),
            (Some(check), taken) => {
                let (before, after) = (check.balanced_accuracy_before, check.balanced_accuracy_after);
                let words = match taken {
                    Some(biases) => {
                        let of = |(class, bias): (&String, &f32)| format!("{class} {bias:+.2}");
                        classes.iter().zip(biases).map(of).collect::<Vec<_>>().join(", ")
                    }
                    None => "not taken, the model's own are as good".into(),
                };
                notes.push(format!(
                    "class biases: {words} (balanced accuracy of held-out clips {before:.3} before, {after:.3} after; loss {:.3} \
                     before, {:.3} after)",
                    check.loss_before, check.loss_after
                ));
            }
        }
        if let Some(detector) = &self.detector {
            let Detector { false_rejections_before: before, false_rejections_after: after, alpha, .. } = detector;
            let detected =
                detector.detected_before.zip(detector.detected_after).map_or(String::new(), |(before, after)| {
                    format!("; unknown sounds rejected {:.0} % before, {:.0} % after", before * 100.0, after * 100.0)
                });
            notes.push(format!(
                "detector of unknown sounds: {} (known clips rejected {:.0} % before, {:.0} % after, at alpha {alpha:.3}{detected})",
                if detector.taken { "calibrated for the place" } else { "kept as it is" },
                before * 100.0,
                after * 100.0,
            ));
        }
        notes
    }
}

/// Fits a model to the clips of a place.
///
/// # Errors
/// Clips that do not fit the model.
pub fn fit(model: &Model, asked: &Asked, rule: &Rule) -> Result<Fitted> {
    let detectors = Detectors::of(model)?;
    let calibrated = detectors.as_ref().map(|detectors| detectors.detector("auto")).transpose()?;
    fit_with(&model.header.classes, model.temperature(), calibrated, asked, rule)
}

fn fit_with(
    classes: &[String],
    temperature: f32,
    calibrated: Option<&Calibrated>,
    asked: &Asked,
    rule: &Rule,
) -> Result<Fitted> {
    let known = asked.only(&asked.known());
    let names: Vec<&str> = known.groups().into_iter().collect();
    let group: Vec<usize> = known.group.iter().map(|of| names.partition_point(|name| *name < of.as_str())).collect();
    let class: Vec<u32> = known.class.iter().flatten().copied().collect();
    let clips = PlaceClips { logits: &known.logits, class: &class, group: &group, n_classes: known.n_classes };
    let several = clips.present().len() > 1;
    let check = several.then(|| clips.cross_validate(temperature, rule.prior)).transpose()?;
    let taken = check.as_ref().is_some_and(|check| rule.always || check.helps());
    let n_classes = known.n_classes;
    let (mut fitted, mut of_home) = (None, known.logits.clone());
    of_home.iter_mut().for_each(|logit| *logit /= temperature);
    if taken {
        fitted = Some(clips.fit(temperature, rule.prior)?);
        of_home = clips.held_out(temperature, rule.prior)?;
    }
    let held_out = classifier::Calibration::probabilities(1.0, &of_home, n_classes);
    let detector = match (calibrated, &asked.scores) {
        (Some(calibrated), Some(scores)) => Some(detector(calibrated, asked, &known, scores, rule)?),
        _ => None,
    };
    Ok(Fitted {
        bias: fitted.iter().flat_map(|fitted| classes.iter().cloned().zip(fitted.bias.iter().copied())).collect(),
        temperature: fitted.as_ref().map_or(temperature, |fitted| fitted.temperature),
        check,
        detector,
        biases: fitted.map(|fitted| fitted.bias),
        held_out,
    })
}

/// Calibrates the detector for the place, and says whether that helps: known sounds that were rejected too often are no longer,
/// or more unknown sounds of the place are rejected while no more known ones are than alpha allows.
fn detector(calibrated: &Calibrated, asked: &Asked, known: &Asked, scores: &[f64], rule: &Rule) -> Result<Detector> {
    let (alpha, _) = calibrated.alpha(None, ALPHA)?;
    let home = &calibrated.conformal;
    let of_known: Vec<f64> = known.scores.clone().unwrap_or_default();
    let conformal = home.for_place(&of_known, &known.group)?;
    let p_values = home.place_p_values(&of_known, &known.group)?;
    let rejected = |p_values: &[f64]| share_by_group(p_values.iter().map(|p| *p <= alpha), &known.group);
    let before: Vec<f64> = of_known.iter().map(|score| home.p_value(*score)).collect();
    let (before, after) = (rejected(&before), rejected(&p_values));
    let unknown: Vec<f64> =
        (0..asked.class.len()).filter(|&row| asked.class[row].is_none()).map(|row| scores[row]).collect();
    let detected = |of: &Conformal| {
        let n = unknown.iter().filter(|score| of.p_value(**score) <= alpha).count();
        (!unknown.is_empty()).then(|| n as f64 / unknown.len() as f64)
    };
    let (detected_before, detected_after) = (detected(home), detected(&conformal));
    let is_fairer = before > alpha && after < before;
    let detects_more = after <= alpha && detected_after > detected_before;
    let paths = pool(&of_known, &known.path, Pool::Mean)?;
    let group_of: BTreeMap<&String, &String> = known.path.iter().zip(&known.group).collect();
    let groups: Vec<&String> = paths.iter().map(|(path, _)| group_of[path]).collect();
    let of_paths: Vec<f64> = paths.iter().map(|(_, score)| *score).collect();
    Ok(Detector {
        method: calibrated.fitted.method.name.clone(),
        alpha,
        taken: rule.always || is_fairer || detects_more,
        false_rejections_before: before,
        false_rejections_after: after,
        detected_before,
        detected_after,
        p_values,
        conformal: Some(conformal),
        of_recordings: Some(calibrated.of_recordings.for_place(&of_paths, &groups)?),
    })
}

/// The mean over groups of the share of their clips.
fn share_by_group(of: impl Iterator<Item = bool>, group: &[String]) -> f64 {
    let mut groups: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (is, group) in of.zip(group) {
        let sums = groups.entry(group).or_default();
        sums.0 += f64::from(u8::from(is));
        sums.1 += 1.0;
    }
    groups.values().map(|(sum, n)| sum / n).sum::<f64>() / groups.len().max(1) as f64
}
