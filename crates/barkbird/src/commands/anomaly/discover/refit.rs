//! The model with the named groups as classes of their own: a new last layer over the same network, new thresholds, and
//! what that changed.

use super::name::Named;
use crate::cancel;
use crate::cli::{DiscoverArgs, Global, ModelKind};
use crate::commands::anomaly::fit;
use crate::config::Config;
use crate::finetune::{Way, recipe};
use crate::model::{self, Loaded};
use crate::outlier::fitted::{FitFrom, Fitted};
use crate::outlier::stored::{Calibrated, KnownClips, Outlier};
use crate::outlier::table::{self, Place, Table};
use crate::ui::{Ui, table as columns};
use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use classifier::{Finished, LinearHead, Parameters};
use serde::Serialize;
use serde_json::json;
use shard::{ClipRecord, Embeddings, Header, Provenance};
use std::collections::BTreeMap;
use train::{Control, Data, RunHeader, Start};

/// The folder of the new run within the results.
const RUN: &str = "run";
const HEAD: [&str; 2] = ["head.weight", "head.bias"];
const SPLITS: [&str; 3] = ["train", "val", "test"];

/// What the new classes changed, on test clips.
#[derive(Serialize)]
pub(super) struct Changed {
    run: String,
    alpha: f64,
    classes: BTreeMap<String, OfClass>,
}

/// Of one class's test clips.
#[derive(Serialize)]
struct OfClass {
    clips: usize,
    /// Share that got its class and was not called neither, before and after.
    right: [f64; 2],
    /// Share that was called neither, before and after.
    neither: [f64; 2],
}

impl Changed {
    /// As a table.
    pub(super) fn words(&self) -> String {
        let row = |(class, of): (&String, &OfClass)| {
            let percent = |share: f64| format!("{:.0} %", 100.0 * share);
            let [before, after] = of.right.map(percent);
            let [neither_before, neither_after] = of.neither.map(percent);
            vec![class.clone(), of.clips.to_string(), before, after, neither_before, neither_after]
        };
        let rows: Vec<Vec<String>> = self.classes.iter().map(row).collect();
        let header = ["test clips of", "clips", "right before", "after", "neither before", "after"];
        format!("{}\nthe new model: {}", columns(&header, &rows), self.run)
    }
}

/// Trains a last layer for the old classes and the named ones, fits the detectors again, and measures both models.
#[allow(clippy::too_many_arguments, reason = "each is another thing that the command owns")]
pub(super) fn refit(
    args: &DiscoverArgs,
    alpha: f64,
    global: &Global,
    loaded: &Loaded,
    outlier: &Outlier,
    rejected: &Table,
    named: &[Named],
    device: &Device,
    ui: &Ui,
) -> Result<Changed> {
    let backbone = match (&outlier.backbone, args.backbone_features.is_empty()) {
        (None, _) => None,
        (Some(backbone), false) => Some((backbone, args.backbone_features.as_slice())),
        (Some(_), true) => bail!(
            "--backbone-features: the model's detector listens with a backbone; name the folder that `anomaly fit` was given"
        ),
    };
    let mut classes = loaded.header.classes.clone();
    for label in named.iter().map(|named| &named.label) {
        if !classes.contains(label) {
            classes.push(label.clone());
        }
    }
    let old = table::read(loaded, device, &args.features, backbone, ui)?;
    let rows = old.rows(|place| place.class.is_some() && SPLITS.contains(&place.split.as_str()));
    let mut all = old.subset(&rows);
    let mut new = rejected.subset(&named.iter().map(|named| named.row).collect::<Vec<_>>());
    for (place, named) in new.places.iter_mut().zip(named) {
        place.class = classes.iter().position(|class| *class == named.label).map(|class| class as u32);
        place.group.clone_from(&named.group);
        place.split.clone_from(&named.split);
    }
    all.extend(new);
    let before = judged(outlier.detector(&args.reject)?, &all, alpha)?;

    let out = args.out.join(RUN);
    train_head(loaded, &all, &classes, global, device, &out)?;
    let (_, file) = model::read(&out)?;
    let mut after = Table { logits: logits(&all, &file.tensors)?, n_classes: classes.len(), ..all.clone() };
    if outlier.backbone.is_none() {
        after.heard = None;
    }
    let of_split = |split: &str| after.subset(&after.rows(|place| place.split == split));
    let (training, validation) = (of_split("train"), of_split("val"));
    let from = FitFrom { training: &training, validation: &validation, unknowns: None };
    let mut detectors = Vec::new();
    for old in &outlier.detectors {
        if old.fitted.way.needs_unknowns() {
            ui.warn(format!(
                "{}: left out of the new model, for it learns from unknown sounds; `barkbird anomaly fit` puts it back",
                old.fitted.way.name
            ));
            continue;
        }
        let fitted = Fitted::fit(&old.fitted.way, &from)?;
        detectors.push(Calibrated::new(fitted, &validation)?);
    }
    if detectors.is_empty() {
        bail!("none of the model's detectors can be fitted again without unknown sounds");
    }
    let known = KnownClips::of(&training, &classes);
    let record = json!({"why": "as before, with new classes", "calibration_clips": validation.len(), "calibration_groups": detectors[0].conformal.n_groups()});
    let parts =
        Outlier::parts(&detectors, outlier.backbone.as_ref(), outlier.backbone_front_end.as_ref(), &known, record)?;
    fit::put(&out, None, parts)?;
    let after_rates = judged(&detectors[0], &after, alpha)?;

    let rate = |class: u32| {
        let rows = after.rows(|place| place.split == "test" && place.class == Some(class));
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
fn judged(detector: &Calibrated, table: &Table, alpha: f64) -> Result<Vec<Option<usize>>> {
    let scores = detector.fitted.score(table)?;
    let said = |(row, score): (usize, f64)| {
        let is_known = detector.conformal.p_value(score) > alpha;
        is_known.then(|| classifier::largest(&table.logits[row * table.n_classes..][..table.n_classes]))
    };
    Ok(scores.into_iter().enumerate().map(said).collect())
}

/// The last layer's answer to embeddings that are there: `[N, C]`.
fn logits(table: &Table, tensors: &std::collections::HashMap<String, Tensor>) -> Result<Vec<f32>> {
    let tensor = |name: &str| tensors.get(name).with_context(|| format!("tensor {name}: missing"));
    let embedding = Tensor::from_slice(&table.embedding, (table.len(), table.dim), &Device::Cpu)?;
    let logits = embedding.matmul(&tensor(HEAD[0])?.t()?)?.broadcast_add(tensor(HEAD[1])?)?;
    Ok(logits.flatten_all()?.to_vec1()?)
}

/// A last layer over the embeddings, written as a run of its own.
fn train_head(
    loaded: &Loaded,
    all: &Table,
    classes: &[String],
    global: &Global,
    device: &Device,
    out: &std::path::Path,
) -> Result<()> {
    let (path, file) = model::read(&loaded.path)?;
    let mut tensors: BTreeMap<String, Tensor> = file.tensors.into_iter().collect();
    tensors.retain(|name, _| !name.starts_with(crate::outlier::stored::PREFIX));
    if !HEAD.iter().all(|name| tensors.contains_key(*name)) {
        bail!(
            "{}: a model whose answer is that of its nearest clips has no last layer to train; train it again on the new manifest",
            path.display()
        );
    }
    tensors.insert(HEAD[0].into(), Tensor::zeros((classes.len(), all.dim), candle_core::DType::F32, device)?);
    tensors.insert(HEAD[1].into(), Tensor::zeros(classes.len(), candle_core::DType::F32, device)?);
    let whole = Finished {
        architecture: loaded.header.architecture.clone(),
        normalization: loaded.header.normalization.clone(),
        tensors,
    };
    let data = Data::from_spectrograms(embeddings(loaded, all, classes)?, SPLITS[0], SPLITS[1])?;
    let mut config = recipe(ModelKind::Vit, Way::Probe);
    config.seed = global.seed();
    let (compute, compute_record) = Config::default().compute.apply(device, ModelKind::Cnn)?;
    let header = RunHeader {
        version: env!("CARGO_PKG_VERSION").into(),
        compute,
        compute_record,
        front_end: loaded.header.front_end.clone(),
        unit_per_db: loaded.chain()?.unit_per_db(),
    };
    let mut parameters = Parameters::seeded(config.seed, device);
    let head = LinearHead::new(whole, &mut parameters)?;
    let control = Control { cancel: &cancel::REQUESTED, progress: &|_| {} };
    train::run(&head, &parameters, &data, &config, &header, out, Start::Overwrite, &control)?;
    Ok(())
}

/// The clips as embeddings with labels and splits.
fn embeddings(loaded: &Loaded, all: &Table, classes: &[String]) -> Result<Embeddings> {
    let record = |place: &Place| ClipRecord {
        id: format!("{}#{}", place.path, place.start_ms),
        path: place.path.clone(),
        group: Some(place.group.clone()),
        source_sha256: String::new(),
        start_s: place.start_ms as f64 / 1000.0,
        channel: None,
        seconds: 0.0,
        view: 0,
        steps: Vec::new(),
    };
    let split = |place: &Place| SPLITS.iter().position(|split| *split == place.split).unwrap_or(0) as u8;
    let embeddings = Embeddings {
        header: Header {
            schema: shard::EMBEDDING.into(),
            front_end: loaded.header.front_end.clone(),
            classes: classes.to_vec(),
            splits: SPLITS.map(str::to_owned).to_vec(),
            clips: all.places.iter().map(record).collect(),
            provenance: Provenance {
                stage: "discover".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                configuration: json!({}),
                seed: 0,
                inputs: BTreeMap::from([("model".to_owned(), loaded.sha256.clone())]),
            },
        },
        dim: all.dim,
        n_logits: all.n_classes,
        embedding: all.embedding.clone(),
        logits: all.logits.clone(),
        frames: vec![1; all.len()],
        label: all.places.iter().map(|place| place.class.unwrap_or(shard::NO_LABEL)).collect(),
        split: all.places.iter().map(split).collect(),
    };
    embeddings.validate()?;
    Ok(embeddings)
}
