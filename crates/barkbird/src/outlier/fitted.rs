//! A way to tell an unknown sound, fitted: scores of clips, and its arrays for the model file.

use super::methods::{Combination, Part, Way};
use super::table::{Source, Table};
use anomaly::{Detector, Inputs, Known, Labels, LogisticFusion, RankMean, Stored};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

/// What joins the parts' scores.
#[derive(Debug, Clone, PartialEq)]
enum Joint {
    RankMean(RankMean),
    Fusion(LogisticFusion),
}

/// A fitted way. Higher scores are unknown sound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fitted {
    /// What was fitted.
    pub(crate) way: Way,
    detectors: Vec<(Source, Detector)>,
    joint: Option<Joint>,
}

/// What a way is fitted from.
#[derive(Clone, Copy)]
pub(crate) struct FitFrom<'a> {
    /// Training clips of the known classes.
    pub(crate) training: &'a Table,
    /// Validation clips of the known classes, for combinations.
    pub(crate) validation: &'a Table,
    /// Known unknown sounds, for the ways that need them.
    pub(crate) unknowns: Option<&'a Table>,
}

impl Fitted {
    /// Fits each part, then what joins them.
    pub(crate) fn fit(way: &Way, from: &FitFrom<'_>) -> Result<Self> {
        let detectors = way.parts.iter().map(|part| Ok((part.source, fit_part(part, from)?)));
        let detectors: Vec<(Source, Detector)> = detectors.collect::<Result<_>>().with_context(|| way.name.clone())?;
        let joint = match &way.combination {
            None => None,
            Some(Combination::RankMean) => {
                let scores = scores_of_parts(&detectors, from.validation)?;
                Some(Joint::RankMean(RankMean::fit(&slices(&scores))?))
            }
            Some(Combination::Fusion(config)) => {
                let unknowns =
                    from.unknowns.with_context(|| format!("{}: labelled unknown sounds are wanted", way.name))?;
                let mut scores = scores_of_parts(&detectors, from.validation)?;
                let of_unknowns = scores_of_parts(&detectors, unknowns)?;
                scores.iter_mut().zip(of_unknowns).for_each(|(all, unknown)| all.extend(unknown));
                let is_unknown: Vec<bool> = (0..scores[0].len()).map(|row| row >= from.validation.len()).collect();
                Some(Joint::Fusion(LogisticFusion::fit(&slices(&scores), &is_unknown, config)?))
            }
        };
        Ok(Self { way: way.clone(), detectors, joint })
    }

    /// Scores of clips, `[N]`.
    pub(crate) fn score(&self, table: &Table) -> Result<Vec<f64>> {
        let mut scores = scores_of_parts(&self.detectors, table).with_context(|| self.way.name.clone())?;
        Ok(match &self.joint {
            None => scores.swap_remove(0),
            Some(Joint::RankMean(joint)) => joint.score(&slices(&scores))?,
            Some(Joint::Fusion(joint)) => joint.score(&slices(&scores))?,
        })
    }

    /// Which of the backbone's own sounds each class fires, with weights, the heaviest first.
    pub(crate) fn fired(&self) -> Option<Vec<Vec<(usize, f32)>>> {
        self.detectors.iter().find_map(|(_, detector)| match detector {
            Detector::Semantic(semantic) => Some(semantic.fired()),
            _ => None,
        })
    }

    /// How many numbers it has learned, those that are zero not counted.
    pub(crate) fn n_numbers(&self) -> usize {
        let arrays = self.to_stored().into_values().flat_map(|stored| stored.tensors.into_values());
        arrays.flat_map(|array| array.values).filter(|value| *value != 0.0).count()
    }

    /// Whether it looks at what a backbone hears.
    pub(crate) fn needs_backbone(&self) -> bool {
        self.way.parts.iter().any(|part| part.source == Source::Backbone)
    }

    /// Its arrays and settings: each detector under its number, what joins them under `joint`.
    pub(crate) fn to_stored(&self) -> BTreeMap<String, Stored> {
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
    pub(crate) fn from_stored(way: Way, stored: &BTreeMap<String, Stored>) -> Result<Self> {
        let part = |name: &str| stored.get(name).with_context(|| format!("{}: part {name}: missing", way.name));
        let detector = |(nth, of): (usize, &Part)| Ok((of.source, Detector::from_tensors(part(&nth.to_string())?)?));
        let detectors = way.parts.iter().enumerate().map(detector).collect::<Result<Vec<_>>>()?;
        if detectors.is_empty() || (detectors.len() > 1) != way.combination.is_some() {
            bail!("{}: {} parts do not fit its combination", way.name, detectors.len());
        }
        let joint = match &way.combination {
            None => None,
            Some(Combination::RankMean) => Some(Joint::RankMean(RankMean::from_tensors(part("joint")?)?)),
            Some(Combination::Fusion(_)) => Some(Joint::Fusion(LogisticFusion::from_tensors(part("joint")?)?)),
        };
        Ok(Self { way, detectors, joint })
    }
}

fn fit_part(part: &Part, from: &FitFrom<'_>) -> Result<Detector> {
    let training = from.training;
    let labels: Vec<u32> = training.places.iter().map(|place| place.class.unwrap_or(u32::MAX)).collect();
    let unknowns = match from.unknowns {
        Some(unknowns) => unknowns.inputs(part.source)?,
        None => Inputs::default(),
    };
    let known =
        Known { inputs: training.inputs(part.source)?, labels: Labels::new(&labels, training.n_classes)?, unknowns };
    Ok(part.method.fit(&known)?)
}

fn scores_of_parts(detectors: &[(Source, Detector)], table: &Table) -> Result<Vec<Vec<f64>>> {
    detectors.iter().map(|(source, detector)| Ok(detector.score(&table.inputs(*source)?)?)).collect()
}

fn slices(scores: &[Vec<f64>]) -> Vec<&[f64]> {
    scores.iter().map(Vec::as_slice).collect()
}
