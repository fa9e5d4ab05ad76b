//! The model with the named groups as classes of their own: a new last layer over the same network, new thresholds, and
//! what that changed.

use super::Options;
use super::form::{Changed, Named, OfClass};
use crate::anomaly::fit;
use crate::anomaly::sets::read_all;
use crate::config::Config;
use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::strategy::{ModelKind, Strategy, recipe};
use candle_core::{Device, Tensor};
use classifier::{Finished, LinearHead, Parameters};
use inference::unknown::{BackboneFeatures, Calibrated, ClipKey, Detectors, FitFrom, Fitted, KnownClips, Outputs};
use inference::{DETECTOR_PREFIX, Model, Predictor, read_model};
use serde_json::json;
use shard::{ClipRecord, Embeddings, Header, Provenance};
use std::collections::BTreeMap;
use std::path::Path;
use train::{Control, Data, RunHeader, Start};

/// The folder of the new run within the results.
const RUN: &str = "run";
const HEAD: [&str; 2] = ["head.weight", "head.bias"];
const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Trains a last layer for the old classes and the named ones, fits the detectors again, and measures both models.
pub(super) fn refit(
    options: &Options,
    alpha: f64,
    predictor: &Predictor<'_>,
    rejected: &Outputs,
    named: &[Named],
    job: &Job<'_>,
) -> Result<Changed> {
    let model = predictor.model;
    let stored = predictor.detectors.as_ref().context("no detector")?;
    let backbone = match (&stored.backbone, options.backbone_features.is_empty()) {
        (None, _) => None,
        (Some(backbone), false) => Some(BackboneFeatures::open(backbone, &options.backbone_features, model)?),
        (Some(_), true) => bail!(
            "--backbone-features: the model's detector needs its backbone's features; name the folder that `anomaly \
             fit` was given"
        ),
    };
    let mut classes = model.header.classes.clone();
    for label in named.iter().map(|named| &named.label) {
        if !classes.contains(label) {
            classes.push(label.clone());
        }
    }
    let old = read_all(model, &options.features, backbone.as_ref(), job)?;
    let rows = old.rows(|key| key.class.is_some() && SPLITS.contains(&key.split.as_str()));
    let mut all = old.subset(&rows);
    let mut new = rejected.subset(&named.iter().map(|named| named.row).collect::<Vec<_>>());
    for (key, named) in new.keys.iter_mut().zip(named) {
        key.class = classes.iter().position(|class| *class == named.label).map(|class| class as u32);
        key.group.clone_from(&named.group);
        key.split.clone_from(&named.split);
    }
    all.extend(new);
    let before = judged(stored.detector(&options.reject)?, &all, alpha)?;

    let out = options.out.join(RUN);
    train_head(model, &all, &classes, job, &out)?;
    let (written, file) = read_model(&out)?;
    let sha256 = shard::sha256_hex(&storage::read(written)?);
    let mut after = Outputs { logits: logits(&all, &file.tensors)?, n_classes: classes.len(), ..all.clone() };
    if stored.backbone.is_none() {
        after.backbone = None;
    }
    let of_split = |split: &str| after.subset(&after.rows(|key| key.split == split));
    let (training, validation) = (of_split("train"), of_split("val"));
    let from = FitFrom { training: &training, validation: &validation, unknowns: None };
    let mut detectors = Vec::new();
    for old in &stored.detectors {
        if old.fitted.method.needs_unknowns() {
            job.warn(format!(
                "{}: left out of the new model, for it learns from unknown sounds; `barkbird anomaly fit` puts it back",
                old.fitted.method.name
            ));
            continue;
        }
        let fitted = Fitted::fit(&old.fitted.method, &from)?;
        detectors.push(Calibrated::new(fitted, &validation)?);
    }
    if detectors.is_empty() {
        bail!("none of the model's detectors can be fitted again without unknown sounds");
    }
    let known = KnownClips::of(&training, &classes);
    let record = json!({"why": "as before, with new classes", "calibration_clips": validation.len(), "calibration_groups": detectors[0].conformal.n_groups()});
    let (backbone, front_end) = (stored.backbone.as_ref(), stored.backbone_front_end.as_ref());
    let parts = Detectors::parts(&detectors, backbone, front_end, &known, record)?;
    fit::put(&out, &sha256, None, parts)?;
    let after_rates = judged(&detectors[0], &after, alpha)?;

    let rate = |class: u32| {
        let rows = after.rows(|key| key.split == "test" && key.class == Some(class));
        let share = |is: &dyn Fn(usize) -> bool| rows.iter().filter(|&&row| is(row)).count() as f64 / rows.len() as f64;
        let right = |said: &[Option<usize>]| share(&|row| said[row] == Some(class as usize));
        let neither = |said: &[Option<usize>]| share(&|row| said[row].is_none());
        OfClass {
            clips: rows.len(),
            right: [right(&before), right(&after_rates)],
            neither: [neither(&before), neither(&after_rates)],
        }
    };
    let of_class = |(nth, class): (usize, &String)| (class.clone(), rate(nth as u32));
    let by_class = classes.iter().enumerate().map(of_class).filter(|(_, of)| of.clips > 0).collect();
    Ok(Changed { run: out.display().to_string(), alpha, classes: by_class })
}

/// The class of each clip; none where it is called neither.
fn judged(detector: &Calibrated, outputs: &Outputs, alpha: f64) -> Result<Vec<Option<usize>>> {
    let scores = detector.fitted.score(outputs)?;
    let said = |(row, score): (usize, f64)| {
        let is_known = detector.conformal.p_value(score) > alpha;
        is_known.then(|| classifier::largest(&outputs.logits[row * outputs.n_classes..][..outputs.n_classes]))
    };
    Ok(scores.into_iter().enumerate().map(said).collect())
}

/// The last layer's answer to embeddings that are there: `[N, C]`.
fn logits(outputs: &Outputs, tensors: &std::collections::HashMap<String, Tensor>) -> Result<Vec<f32>> {
    let tensor = |name: &str| tensors.get(name).with_context(|| format!("tensor {name}: missing"));
    let embedding = Tensor::from_slice(&outputs.embedding, (outputs.len(), outputs.dim), &Device::Cpu)?;
    let logits = embedding.matmul(&tensor(HEAD[0])?.t()?)?.broadcast_add(tensor(HEAD[1])?)?;
    Ok(logits.flatten_all()?.to_vec1()?)
}

/// A last layer over the embeddings, written as a run of its own.
fn train_head(model: &Model, all: &Outputs, classes: &[String], job: &Job<'_>, out: &Path) -> Result<()> {
    let device = &job.device;
    let (path, file) = read_model(&model.path)?;
    let mut tensors: BTreeMap<String, Tensor> = file.tensors.into_iter().collect();
    tensors.retain(|name, _| !name.starts_with(DETECTOR_PREFIX));
    if !HEAD.iter().all(|name| tensors.contains_key(*name)) {
        bail!(
            "{}: a model that votes by its nearest clips has no last layer to train; train it again on the new manifest",
            path.display()
        );
    }
    tensors.insert(HEAD[0].into(), Tensor::zeros((classes.len(), all.dim), candle_core::DType::F32, device)?);
    tensors.insert(HEAD[1].into(), Tensor::zeros(classes.len(), candle_core::DType::F32, device)?);
    let whole = Finished {
        architecture: model.header.architecture.clone(),
        normalization: model.header.normalization.clone(),
        tensors,
    };
    let data = Data::from_spectrograms(embeddings(model, all, classes)?, SPLITS[0], SPLITS[1])?;
    let mut config = recipe(ModelKind::Vit, Strategy::Probe);
    config.seed = job.seed();
    let applied = Config::default().compute.apply(device, ModelKind::Cnn)?;
    let header = RunHeader {
        version: env!("CARGO_PKG_VERSION").into(),
        compute: applied.compute,
        compute_record: applied.record,
        front_end: model.header.front_end.clone(),
        unit_per_db: model.chain()?.unit_per_db(),
    };
    let mut parameters = Parameters::seeded(config.seed, device);
    let head = LinearHead::new(whole, &mut parameters)?;
    let control = Control { cancel: job.cancel.flag(), progress: &|_| {} };
    train::run(&head, &parameters, &data, &config, &header, out, Start::Overwrite, &control)?;
    Ok(())
}

/// The clips as embeddings with labels and splits.
fn embeddings(model: &Model, all: &Outputs, classes: &[String]) -> Result<Embeddings> {
    let record = |key: &ClipKey| ClipRecord {
        id: format!("{}#{}", key.path, key.start_ms),
        path: key.path.clone(),
        group: Some(key.group.clone()),
        source_sha256: String::new(),
        start_s: key.start_ms as f64 / 1000.0,
        seconds: 0.0,
        view: 0,
        channel: None,
        steps: Vec::new(),
    };
    let split = |key: &ClipKey| SPLITS.iter().position(|split| *split == key.split).unwrap_or(0) as u8;
    let embeddings = Embeddings {
        header: Header {
            schema: shard::EMBEDDING.into(),
            front_end: model.header.front_end.clone(),
            classes: classes.to_vec(),
            splits: SPLITS.map(str::to_owned).to_vec(),
            clips: all.keys.iter().map(record).collect(),
            provenance: Provenance {
                stage: "discover".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                configuration: json!({}),
                seed: 0,
                inputs: BTreeMap::from([("model".to_owned(), model.sha256.clone())]),
            },
        },
        dim: all.dim,
        n_logits: all.n_classes,
        embedding: all.embedding.clone(),
        logits: all.logits.clone(),
        frames: vec![1; all.len()],
        label: all.keys.iter().map(|key| key.class.unwrap_or(shard::NO_LABEL)).collect(),
        split: all.keys.iter().map(split).collect(),
    };
    embeddings.validate()?;
    Ok(embeddings)
}
