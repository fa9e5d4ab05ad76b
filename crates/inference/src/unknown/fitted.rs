//! A fitted method: scores of clips, and its arrays for the model file.

use super::methods::{Combination, OodMethod, Part};
use super::outputs::{Outputs, RowSource};
use crate::error::{Context, Result, bail};
use anomaly::{Detector, Inputs, Known, Labels, LogisticFusion, RankMean, Stored};
use std::collections::BTreeMap;

/// What joins the parts' scores.
#[derive(Debug, Clone, PartialEq)]
enum Joint {
    RankMean(RankMean),
    Fusion(LogisticFusion),
}

/// A fitted method. Higher scores are less like the known sounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// What was fitted.
    pub method: OodMethod,
    detectors: Vec<(RowSource, Detector)>,
    joint: Option<Joint>,
}

/// What a method is fitted from.
#[derive(Clone, Copy)]
pub struct FitFrom<'a> {
    /// Training clips of the known classes.
    pub training: &'a Outputs,
    /// Validation clips of the known classes, for combinations.
    pub validation: &'a Outputs,
    /// Labeled unknown sounds, for the methods that need them.
    pub unknowns: Option<&'a Outputs>,
}

impl Fitted {
    /// Fits each part, then what joins them.
    pub fn fit(method: &OodMethod, from: &FitFrom<'_>) -> Result<Self> {
        let detectors = method.parts.iter().map(|part| Ok((part.source, fit_part(part, from)?)));
        let detectors: Vec<(RowSource, Detector)> =
            detectors.collect::<Result<_>>().with_context(|| method.name.clone())?;
        let joint = match &method.combination {
            None => None,
            Some(Combination::RankMean) => {
                let scores = scores_of_parts(&detectors, from.validation)?;
                Some(Joint::RankMean(RankMean::fit(&slices(&scores))?))
            }
            Some(Combination::Fusion(config)) => {
                let unknowns = from
                    .unknowns
                    .with_context(|| format!("{}: labeled unknown sounds are needed (--choose-on)", method.name))?;
                let mut scores = scores_of_parts(&detectors, from.validation)?;
                let of_unknowns = scores_of_parts(&detectors, unknowns)?;
                scores.iter_mut().zip(of_unknowns).for_each(|(all, unknown)| all.extend(unknown));
                let is_unknown: Vec<bool> = (0..scores[0].len()).map(|row| row >= from.validation.len()).collect();
                Some(Joint::Fusion(LogisticFusion::fit(&slices(&scores), &is_unknown, config)?))
            }
        };
        Ok(Self { method: method.clone(), detectors, joint })
    }

    /// Fits on all clips, and scores each clip by parts that were fitted on the folds that it is not in: `[N]`. What joins the
    /// parts is fitted on such scores.
    ///
    /// # Errors
    /// As for [`Calibrated::cross`](super::Calibrated::cross).
    pub fn cross(method: &OodMethod, clips: &Outputs, fold: &[usize]) -> Result<(Self, Vec<f64>)> {
        if method.needs_unknowns() {
            bail!("{}: needs labeled unknown sounds, so that it cannot be calibrated by folds", method.name);
        }
        let n_folds = fold.iter().max().map_or(0, |last| last + 1);
        let mut scores = vec![vec![0.0; clips.len()]; method.parts.len()];
        for held_out in 0..n_folds {
            let (rows, others): (Vec<usize>, Vec<usize>) = (0..clips.len()).partition(|&row| fold[row] == held_out);
            let (rows_of, training) = (clips.subset(&rows), clips.subset(&others));
            let from = FitFrom { training: &training, validation: &training, unknowns: None };
            for (scores, part) in scores.iter_mut().zip(&method.parts) {
                let detector = fit_part(part, &from).with_context(|| method.name.clone())?;
                let of_rows = detector.score(&rows_of.inputs(part.source)?)?;
                rows.iter().zip(of_rows).for_each(|(row, score)| scores[*row] = score);
            }
        }
        let from = FitFrom { training: clips, validation: clips, unknowns: None };
        let detectors = method.parts.iter().map(|part| Ok((part.source, fit_part(part, &from)?)));
        let detectors = detectors.collect::<Result<_>>().with_context(|| method.name.clone())?;
        let (joint, joined) = match method.combination {
            None => (None, scores.swap_remove(0)),
            Some(_) => {
                let joint = RankMean::fit(&slices(&scores))?;
                let joined = joint.score(&slices(&scores))?;
                (Some(Joint::RankMean(joint)), joined)
            }
        };
        Ok((Self { method: method.clone(), detectors, joint }, joined))
    }

    /// Scores of clips, `[N]`.
    pub fn score(&self, table: &Outputs) -> Result<Vec<f64>> {
        let mut scores = scores_of_parts(&self.detectors, table).with_context(|| self.method.name.clone())?;
        Ok(match &self.joint {
            None => scores.swap_remove(0),
            Some(Joint::RankMean(joint)) => joint.score(&slices(&scores))?,
            Some(Joint::Fusion(joint)) => joint.score(&slices(&scores))?,
        })
    }

    /// Which of the backbone's own classes speak for each class, with weights, the heaviest first.
    pub fn fired(&self) -> Option<Vec<Vec<(usize, f32)>>> {
        self.detectors.iter().find_map(|(_, detector)| match detector {
            Detector::Semantic(semantic) => Some(semantic.fired()),
            _ => None,
        })
    }

    /// How many numbers it has learned, those that are zero not counted.
    pub fn n_numbers(&self) -> usize {
        let arrays = self.to_stored().into_values().flat_map(|stored| stored.tensors.into_values());
        arrays.flat_map(|array| array.values).filter(|value| *value != 0.0).count()
    }

    /// Whether it looks at a backbone's outputs.
    pub fn needs_backbone(&self) -> bool {
        self.method.parts.iter().any(|part| part.source == RowSource::Backbone)
    }

    /// Its arrays and settings: each detector under its number, what joins them under `joint`.
    pub fn to_stored(&self) -> BTreeMap<String, Stored> {
        let numbered =
            self.detectors.iter().enumerate().map(|(nth, (_, fitted))| (nth.to_string(), fitted.to_tensors()));
        let mut stored: BTreeMap<String, Stored> = numbered.collect();
        if let Some(joint) = &self.joint {
            let joint = match joint {
                Joint::RankMean(joint) => joint.to_tensors(),
                Joint::Fusion(joint) => joint.to_tensors(),
            };
            stored.insert("joint".to_owned(), joint);
        }
        stored
    }

    /// What [`to_stored`](Self::to_stored) gave.
    pub fn from_stored(method: OodMethod, stored: &BTreeMap<String, Stored>) -> Result<Self> {
        let part = |name: &str| stored.get(name).with_context(|| format!("{}: part {name}: missing", method.name));
        let detector = |(nth, of): (usize, &Part)| Ok((of.source, Detector::from_tensors(part(&nth.to_string())?)?));
        let detectors = method.parts.iter().enumerate().map(detector).collect::<Result<Vec<_>>>()?;
        if detectors.is_empty() || (detectors.len() > 1) != method.combination.is_some() {
            bail!("{}: {} parts do not fit its combination", method.name, detectors.len());
        }
        let joint = match &method.combination {
            None => None,
            Some(Combination::RankMean) => Some(Joint::RankMean(RankMean::from_tensors(part("joint")?)?)),
            Some(Combination::Fusion(_)) => Some(Joint::Fusion(LogisticFusion::from_tensors(part("joint")?)?)),
        };
        Ok(Self { method, detectors, joint })
    }
}

fn fit_part(part: &Part, from: &FitFrom<'_>) -> Result<Detector> {
    let training = from.training;
    let labels: Vec<u32> = training.keys.iter().map(|key| key.class.unwrap_or(u32::MAX)).collect();
    let unknowns = match from.unknowns {
        Some(unknowns) => unknowns.inputs(part.source)?,
        None => Inputs::default(),
    };
    let known =
        Known { inputs: training.inputs(part.source)?, labels: Labels::new(&labels, training.n_classes)?, unknowns };
    Ok(part.method.fit(&known)?)
}

fn scores_of_parts(detectors: &[(RowSource, Detector)], table: &Outputs) -> Result<Vec<Vec<f64>>> {
    detectors.iter().map(|(source, detector)| Ok(detector.score(&table.inputs(*source)?)?)).collect()
}

fn slices(scores: &[Vec<f64>]) -> Vec<&[f64]> {
    scores.iter().map(Vec::as_slice).collect()
}
