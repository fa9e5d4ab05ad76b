//! The model file for a place: the weights as they were, and what was fitted.

use super::clips::Asked;
use super::fitted::Fitted;
use super::outcome::Outcome;
use crate::error::Result;
use anomaly::coverage::Coverage;
use anomaly::precision::{HeldOut, HeldOutClip};
use anomaly::{Labels, Rows};
use classifier::{Calibration, ModelFile, Place};
use inference::unknown::Detectors;
use inference::{DETECTOR_PREFIX, Model, read_model};
use std::collections::BTreeSet;
use std::path::Path;

/// Writes the model. Its header says that it is for a place, and what held-out clips of the place say.
pub(super) fn write(model: &Model, asked: &Asked, outcome: &Outcome, path: &Path) -> Result<()> {
    let (_, mut file) = read_model(&model.path)?;
    let (classes, fitted) = (&model.header.classes, &outcome.fitted);
    let bias = fitted.biases.clone().unwrap_or_else(|| vec![0.0; classes.len()]);
    let n = fitted.biases.as_ref().map_or(file.header.calibration.map_or(0, |of| of.n), |_| asked.known().len());
    file.header.calibration = Some(Calibration { temperature: fitted.temperature, n });
    let mut record = serde_json::to_value(outcome)?;
    // What names a place on this machine is for calibrate.json alone.
    ["model", "command", "from", "skipped"]
        .iter()
        .for_each(|key| drop(record.as_object_mut().map(|of| of.remove(*key))));
    if let Some(stored) = &model.header.held_out {
        let home = HeldOut::from_json(stored, classes.len())?;
        let clips = held_out(&home, asked, fitted, model.temperature());
        file.header.held_out = Some(HeldOut::new(&clips, classes.len())?.to_json());
        file.header.coverage = Some(coverage(&clips, classes.len())?.to_json());
    }
    if let Some(detector) = fitted.detector.as_ref().filter(|detector| detector.taken)
        && let Some(mut detectors) = Detectors::of(model)?
        && let (Some(conformal), Some(of_recordings)) = (&detector.conformal, &detector.of_recordings)
        && let Some(first) = detectors.detectors.first_mut()
    {
        (first.conformal, first.of_recordings) = (conformal.clone(), of_recordings.clone());
        let (header, tensors) = detectors.to_parts()?;
        drop(file.take(DETECTOR_PREFIX));
        file.header.outlier = Some(header);
        file.tensors.extend(tensors);
    }
    file.header.place = Some(Place { bias, record });
    let names: BTreeSet<&String> = file.tensors.keys().collect();
    let tensors = names.into_iter().map(|name| (name, &file.tensors[name]));
    Ok(shard::write_atomic(path, &ModelFile::to_bytes(&file.header, tensors)?)?)
}

/// What the model for the place says of clips that it was not fitted on: those of its former calibration, and those of the place.
fn held_out(home: &HeldOut, asked: &Asked, fitted: &Fitted, temperature: f32) -> Vec<HeldOutClip<usize>> {
    let mut clips = home.clips();
    if let Some(bias) = &fitted.biases {
        for clip in &mut clips {
            shift(&mut clip.probability, bias, temperature, fitted.temperature);
        }
    }
    let next = clips.iter().map(|clip| clip.group + 1).max().unwrap_or(0);
    let (known, names) = (asked.known(), asked.groups());
    let names: Vec<&str> = names.into_iter().collect();
    clips.extend(known.iter().enumerate().map(|(nth, &row)| HeldOutClip {
        class: asked.class[row],
        group: next + names.partition_point(|name| *name < asked.group[row].as_str()),
        probability: fitted.held_out[nth * asked.n_classes..(nth + 1) * asked.n_classes].to_vec(),
        outlier_p: fitted.detector.as_ref().map(|detector| detector.p_values[nth]),
    }));
    clips
}

/// Probabilities under another temperature and with biases.
fn shift(probability: &mut [f32], bias: &[f32], from: f32, to: f32) {
    let mut logits: Vec<f32> = probability.iter().map(|p| p.max(1e-6).ln() * from).collect();
    logits.iter_mut().zip(bias).for_each(|(logit, bias)| *logit += bias);
    probability.copy_from_slice(&Calibration::probabilities(to, &logits, bias.len()));
}

/// Calibration scores of the classes.
fn coverage(clips: &[HeldOutClip<usize>], n_classes: usize) -> Result<Coverage> {
    let known: Vec<(&HeldOutClip<usize>, u32)> = clips.iter().filter_map(|clip| Some((clip, clip.class?))).collect();
    let probability: Vec<f32> = known.iter().flat_map(|(clip, _)| clip.probability.iter().copied()).collect();
    let class: Vec<u32> = known.iter().map(|(_, class)| *class).collect();
    let group: Vec<usize> = known.iter().map(|(clip, _)| clip.group).collect();
    Ok(Coverage::fit(Rows::new(&probability, n_classes)?, Labels::new(&class, n_classes)?, &group)?)
}
