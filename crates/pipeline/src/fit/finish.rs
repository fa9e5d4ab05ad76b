//! The model file: the chosen parts, fitted on all clips, with calibration and detector.

use super::backbone::Pretrained;
use super::candidates::{Answered, Candidate, Known, Part};
use super::detector::{self, Chosen, DetectorRecord};
use super::held_out::held_out;
use super::measured::{Measured, Trained};
use crate::error::{Context, Result, bail};
use crate::job::Job;
use anomaly::coverage::Coverage;
use anomaly::{Labels, Rows};
use candle_core::Tensor;
use classifier::{Calibration, Head, Headed, MODEL_SCHEMA, ModelFile, ModelHeader, Normalization, Top};
use inference::unknown::{Detectors, Outputs};
use inference::{DETECTOR_PREFIX, Input, MODEL_FILE, MemberHeader, Model, Windows, averaged, read_model};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Clips whose spectrograms are in memory at once.
const BLOCK: usize = 32;

/// What the model is made of.
pub(super) struct Recipe<'a> {
    pub(super) classes: &'a [String],
    pub(super) parts: &'a [Answered],
    pub(super) candidate: &'a Candidate,
    pub(super) backbone: Option<&'a Pretrained>,
    pub(super) trained: &'a [Trained],
    /// The folder of each trained network's training on all clips; none where the candidate lacks it.
    pub(super) runs: &'a [Option<std::path::PathBuf>],
    /// What the header says of the training.
    pub(super) training: Value,
    pub(super) n_folds: usize,
}

/// A network of the model: its header, and its tensors.
type Member = (MemberHeader, BTreeMap<String, Tensor>);

/// Writes the model, and returns how its detector was chosen.
pub(super) fn write(
    recipe: &Recipe<'_>,
    measured: &Measured,
    known: &Known<'_>,
    out: &Path,
    job: &Job<'_>,
) -> Result<DetectorRecord> {
    let members = members(recipe, measured, known)?;
    let has_heads = members.iter().any(|(header, _)| header.architecture["kind"] == "headed");
    let first = members[0].0.clone();
    let (architecture, tensors) = match members.len() {
        1 => {
            members.into_iter().map(|(header, tensors)| (header.architecture, tensors)).next().context("no network")?
        }
        _ => averaged(members),
    };
    let calibration = Calibration::fit(&recipe.candidate.logits[0], &known.class, known.n_classes)?;
    let groups: std::collections::BTreeSet<&str> = known.group.iter().copied().collect();
    let mut header = ModelHeader {
        schema: MODEL_SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        architecture,
        front_end: first.front_end,
        normalization: first.normalization,
        classes: recipe.classes.to_vec(),
        split: json!({"clips": known.class.len(), "groups": groups.len(), "folds": recipe.n_folds}),
        seed: job.seed(),
        training: recipe.training.clone(),
        calibration: Some(calibration),
        outlier: None,
        coverage: Some(coverage(recipe.candidate, calibration, known)?.to_json()),
        held_out: None,
        place: None,
    };
    // The model is asked before it is finished: it goes under its own name once it has everything.
    let draft = out.join("work").join(MODEL_FILE);
    let Chosen { calibrated, record, clips, outlier_p } = if has_heads {
        detector::over_backbone(measured, recipe.candidate, known, recipe.classes, job)?
    } else {
        shard::write_atomic(&draft, &ModelFile::to_bytes(&header, &tensors)?)?;
        detector::over_logits(of_model(&draft, measured, job)?, recipe.candidate, recipe.classes, job.seed())?
    };
    let detectors = Detectors {
        detectors: vec![calibrated],
        backbone: None,
        own_backbone: has_heads,
        backbone_front_end: None,
        known: clips,
        record: serde_json::to_value(&record)?,
    };
    let (outlier, of_detector) = detectors.to_parts()?;
    header.outlier = Some(outlier);
    let mut all = tensors;
    all.extend(of_detector);
    shard::write_atomic(&draft, &ModelFile::to_bytes(&header, &all)?)?;
    let held_out = held_out(&draft, measured, recipe.candidate, known, &outlier_p, job)?;
    header.held_out = Some(held_out.to_json());
    shard::write_atomic(&out.join(MODEL_FILE), &ModelFile::to_bytes(&header, &all)?)?;
    Ok(record)
}

/// Calibration scores of the classes, from what models answered about clips that they did not see.
fn coverage(candidate: &Candidate, calibration: Calibration, known: &Known<'_>) -> Result<Coverage> {
    let n_classes = known.n_classes;
    let probability = Calibration::probabilities(calibration.temperature, &candidate.logits[0], n_classes);
    Ok(Coverage::fit(Rows::new(&probability, n_classes)?, Labels::new(&known.class, n_classes)?, &known.group)?)
}

/// The networks of the chosen parts; heads are one network together.
fn members(recipe: &Recipe<'_>, measured: &Measured, known: &Known<'_>) -> Result<Vec<Member>> {
    let chosen = || recipe.candidate.parts.iter().map(|&part| &recipe.parts[part]);
    let heads: Vec<(&Answered, Head)> = chosen()
        .filter_map(|answered| match answered.part {
            Part::Head(kind) => Some((answered, kind)),
            Part::Network(_) => None,
        })
        .map(|(answered, kind)| Ok((answered, Head::fit(kind, &measured.conditions[0].1.rows(), &known.labeled())?)))
        .collect::<Result<_>>()?;
    let mut members = Vec::new();
    if !heads.is_empty() {
        let backbone = recipe.backbone.context("heads without a backbone")?;
        let tops: Vec<Top> =
            heads.iter().map(|(answered, head)| Top { head: head.kind, scale: answered.scale }).collect();
        let names: Vec<&str> = heads.iter().map(|(answered, _)| answered.name.as_str()).collect();
        let mut tensors = backbone.tensors()?;
        let of_heads: Vec<Head> = heads.iter().map(|(_, head)| head.clone()).collect();
        tensors.extend(Headed::tensors(&of_heads, &candle_core::Device::Cpu)?);
        let n_bands = match &backbone.chain.onnx {
            Some(model) => model.n_values(),
            None => backbone.chain.build()?.n_bands(),
        };
        let normalization = backbone.body.normalization(n_bands).unwrap_or(Normalization::uniform(n_bands, 0.0, 1.0));
        let header = MemberHeader {
            name: names.join("+"),
            scale: if heads.len() == 1 { tops[0].scale } else { 1.0 },
            n_votes: heads.len(),
            architecture: json!({"kind": "headed", "heads": tops, "body": backbone.body.architecture()}),
            front_end: backbone.chain.to_header()?,
            normalization,
        };
        members.push((header, tensors));
    }
    for answered in chosen() {
        let Part::Network(nth) = answered.part else { continue };
        let run = recipe.runs[nth].as_ref().context("a network that was not trained")?;
        let (_, mut file) = read_model(run)?;
        drop(file.take(DETECTOR_PREFIX));
        let header = MemberHeader {
            name: recipe.trained[nth].network.name.to_owned(),
            scale: answered.scale,
            n_votes: 1,
            architecture: file.header.architecture,
            front_end: file.header.front_end,
            normalization: file.header.normalization,
        };
        members.push((header, file.tensors.into_iter().collect()));
    }
    if members.is_empty() {
        bail!("no candidate could be fitted");
    }
    Ok(members)
}

/// What the finished model computes for the known clips.
fn of_model(path: &Path, measured: &Measured, job: &Job<'_>) -> Result<Outputs> {
    let model = Model::open_on(path, &job.device)?;
    let windows = Windows::as_trained(&model, None)?;
    let inputs: Vec<&Input> =
        measured.clips.iter().filter(|clip| clip.class.is_some()).map(|clip| &clip.input).collect();
    let mut all: Option<Outputs> = None;
    for block in inputs.chunks(BLOCK) {
        let windowed = block.iter().enumerate().map(|(nth, input)| Ok(windows.of(nth, input)?));
        let windowed = windowed.collect::<Result<Vec<_>>>()?;
        let of_block: Vec<_> = windowed.iter().filter_map(|of| of.windows.first()).collect();
        let outputs = windows.outputs(&model, None, &of_block, |nth| block[nth].name.as_str())?;
        match (&mut all, outputs) {
            (Some(all), Some(outputs)) => all.extend(outputs),
            (None, outputs) => all = outputs,
            (Some(_), None) => {}
        }
    }
    let mut all = all.context("no clip")?;
    all.keys = detector::keys(measured, true);
    Ok(all)
}
