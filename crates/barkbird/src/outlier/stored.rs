//! Detectors in a model's file: JSON in its header's `outlier`, arrays as tensors `outlier.…`.
//!
//! | tensor | what |
//! |---|---|
//! | `outlier.N.P.NAME` | array NAME of part P of the N-th detector; P is a number, `joint` (what joins several), `p` or `p_recording` (scores of known clips and recordings, from which p-values are read) |
//! | `outlier.known.embedding` | `[N, D]`: training clips that answers are compared with |
//! | `outlier.backbone.NAME` | weights of the backbone |

use super::backbone::Backbone;
use super::fitted::Fitted;
use super::methods::Way;
use super::table::{Source, Table};
use anomaly::Stored;
use anomaly::conformal::{Conformal, Form};
use anomaly::pool::{Pool, pool};
use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The `schema` of what stands in a header.
const SCHEMA: &str = "outlier/1";
/// What names of tensors begin with.
pub(crate) const PREFIX: &str = "outlier.";
/// Share of known sounds that may be called neither where nobody says another.
const ALPHA: f64 = 0.05;
/// Training clips that are kept to compare with.
const MOST_KNOWN: usize = 2000;

/// A fitted way and what its scores mean.
pub(crate) struct Calibrated {
    pub(crate) fitted: Fitted,
    /// Of windows.
    pub(crate) conformal: Conformal,
    /// Of recordings, whose score is the mean of their windows'.
    pub(crate) of_recordings: Conformal,
}

impl Calibrated {
    /// Calibrates a way on known clips that it was not fitted on.
    pub(crate) fn new(fitted: Fitted, validation: &Table) -> Result<Self> {
        let scores = fitted.score(validation)?;
        let conformal = Conformal::fit(&scores, &validation.groups(), Form::Weighted)?;
        let mut group_of = BTreeMap::new();
        validation.places.iter().for_each(|place| {
            group_of.entry(place.path.as_str()).or_insert(place.group.as_str());
        });
        let paths: Vec<&str> = validation.places.iter().map(|place| place.path.as_str()).collect();
        let recordings = pool(&scores, &paths, Pool::Mean)?;
        let groups: Vec<&str> = recordings.iter().map(|(path, _)| group_of[path]).collect();
        let scores: Vec<f64> = recordings.iter().map(|(_, score)| *score).collect();
        let of_recordings = Conformal::fit(&scores, &groups, Form::Weighted)?;
        Ok(Self { fitted, conformal, of_recordings })
    }

    /// The share of known sounds that may be called neither: what was asked for, or [`ALPHA`], or where there are too few
    /// calibration groups for that the smallest that there is.
    ///
    /// # Errors
    /// What was asked for takes more groups.
    pub(crate) fn alpha(&self, asked: Option<f64>, ui: &crate::ui::Ui) -> Result<f64> {
        let smallest = self.conformal.smallest_alpha();
        let Some(alpha) = asked else {
            if smallest > ALPHA {
                ui.say(format!(
                    "with {} groups of known sounds to calibrate on, alpha is {smallest:.3} and not {ALPHA}",
                    self.conformal.n_groups()
                ));
            }
            return Ok(ALPHA.max(smallest));
        };
        if let Err(error) = self.conformal.check_alpha(alpha) {
            bail!("--alpha {alpha}: {error}; with this model's calibration the smallest is {smallest:.3}");
        }
        Ok(alpha)
    }
}

/// What goes into a header, and tensors by name.
pub(crate) type Parts = (serde_json::Value, BTreeMap<String, Tensor>);

/// All that a model's file has for telling unknown sounds.
pub(crate) struct Outlier {
    /// The first is the one that `auto` takes.
    pub(crate) detectors: Vec<Calibrated>,
    pub(crate) backbone: Option<Backbone>,
    /// From a recording to what the backbone hears, as JSON.
    pub(crate) backbone_front_end: Option<serde_json::Value>,
    pub(crate) known: KnownClips,
    /// How the detectors came to be there, for people.
    pub(crate) record: serde_json::Value,
}

/// Training clips that an answer is compared with: what the backbone, or without one the classifier, makes of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KnownClips {
    pub(crate) clips: Vec<KnownClip>,
    dim: usize,
    /// `[N, D]`, each of length 1.
    embedding: Vec<f32>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownClip {
    pub(crate) path: String,
    pub(crate) start: f64,
    pub(crate) label: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    schema: String,
    detectors: Vec<DetectorHeader>,
    #[serde(alias = "trunk")]
    backbone: Option<BackboneHeader>,
    known: Vec<KnownClip>,
    record: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DetectorHeader {
    way: Way,
    /// Settings of each part.
    settings: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackboneHeader {
    kind: String,
    front_end: serde_json::Value,
}

impl KnownClips {
    /// Of training clips, at most so many, spread over them.
    pub(crate) fn of(training: &Table, classes: &[String]) -> Self {
        let step = training.len().div_ceil(MOST_KNOWN).max(1);
        let rows: Vec<usize> = (0..training.len()).step_by(step).collect();
        let few = training.subset(&rows);
        let clip = |place: &super::table::Place| KnownClip {
            path: place.path.clone(),
            start: place.start_ms as f64 / 1000.0,
            label: place.class.map_or(String::new(), |class| classes[class as usize].clone()),
        };
        let (dim, mut embedding) = described(&few);
        embedding.chunks_exact_mut(dim).for_each(to_length_one);
        Self { clips: few.places.iter().map(clip).collect(), dim, embedding }
    }

    /// The `k` nearest to each clip by the cosine of the angle between them, the nearest first.
    pub(crate) fn nearest(&self, table: &Table, k: usize) -> Result<Vec<Vec<(&KnownClip, f32)>>> {
        let (dim, mut embedding) = described(table);
        if dim != self.dim {
            bail!("the model's known clips have {} values each, the recordings' {dim}", self.dim);
        }
        let of_clip = |row: &mut [f32]| {
            to_length_one(row);
            let cosine = |known: &[f32]| known.iter().zip(&*row).map(|(a, b)| a * b).sum::<f32>();
            let mut all: Vec<(usize, f32)> = self.embedding.chunks_exact(dim).map(cosine).enumerate().collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            all.truncate(k);
            all.into_iter().map(|(nth, cosine)| (&self.clips[nth], cosine)).collect()
        };
        Ok(embedding.chunks_exact_mut(dim).map(of_clip).collect())
    }
}

/// What the backbone makes of clips, or without one the classifier: width and rows.
fn described(table: &Table) -> (usize, Vec<f32>) {
    match &table.heard {
        Some(heard) => (heard.dim, heard.embedding.clone()),
        None => (table.dim, table.embedding.clone()),
    }
}

fn to_length_one(row: &mut [f32]) {
    let length = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|value| *value /= length);
    }
}

impl Outlier {
    /// What goes into the header and beside the model's tensors.
    pub(crate) fn to_parts(&self) -> Result<Parts> {
        let (backbone, front_end) = (self.backbone.as_ref(), self.backbone_front_end.as_ref());
        Self::parts(&self.detectors, backbone, front_end, &self.known, self.record.clone())
    }

    /// The same of detectors that are not together yet.
    pub(crate) fn parts(
        of: &[Calibrated],
        backbone: Option<&Backbone>,
        backbone_front_end: Option<&serde_json::Value>,
        known: &KnownClips,
        record: serde_json::Value,
    ) -> Result<Parts> {
        let mut tensors = BTreeMap::new();
        let mut detectors = Vec::new();
        for (nth, Calibrated { fitted, conformal, of_recordings }) in of.iter().enumerate() {
            let mut parts = fitted.to_stored();
            parts.insert("p".to_owned(), conformal.to_tensors());
            parts.insert("p_recording".to_owned(), of_recordings.to_tensors());
            let mut settings = BTreeMap::new();
            for (part, stored) in parts {
                for (name, array) in stored.tensors {
                    let tensor = Tensor::from_vec(array.values, array.shape, &Device::Cpu)?;
                    tensors.insert(format!("{PREFIX}{nth}.{part}.{name}"), tensor);
                }
                settings.insert(part, stored.settings);
            }
            detectors.push(DetectorHeader { way: fitted.way.clone(), settings });
        }
        let embedding = Tensor::from_slice(&known.embedding, (known.clips.len(), known.dim), &Device::Cpu)?;
        tensors.insert(format!("{PREFIX}known.embedding"), embedding);
        let mut backbone_header = None;
        if let Some((of, front_end)) = backbone.zip(backbone_front_end) {
            tensors
                .extend(of.weights()?.into_iter().map(|(name, tensor)| (format!("{PREFIX}backbone.{name}"), tensor)));
            backbone_header = Some(BackboneHeader { kind: "yamnet".into(), front_end: front_end.clone() });
        }
        let header =
            Header { schema: SCHEMA.into(), detectors, backbone: backbone_header, known: known.clips.clone(), record };
        Ok((serde_json::to_value(header)?, tensors))
    }

    /// Reads what [`to_parts`](Self::to_parts) gave; `tensors` are those of the file, without [`PREFIX`].
    pub(crate) fn from_parts(
        header: &serde_json::Value,
        tensors: &HashMap<String, Tensor>,
        path: &Path,
        device: &Device,
    ) -> Result<Self> {
        Self::read(header, tensors, path, device)
            .with_context(|| format!("{}: its detector of unknown sounds", path.display()))
    }

    fn read(
        header: &serde_json::Value,
        tensors: &HashMap<String, Tensor>,
        path: &Path,
        device: &Device,
    ) -> Result<Self> {
        let schema = header["schema"].as_str().unwrap_or("none");
        if schema != SCHEMA {
            bail!("schema: expected {SCHEMA}, got {schema}; a newer version of barkbird may have written it");
        }
        let header: Header = serde_json::from_value(header.clone())?;
        let detector = |(nth, of): (usize, DetectorHeader)| {
            let mut parts = BTreeMap::new();
            for (part, settings) in of.settings {
                let arrays = under(tensors, &format!("{nth}.{part}."));
                let arrays = arrays.into_iter().map(|(name, tensor)| Ok((name, array(&tensor)?)));
                parts.insert(part, Stored { settings, tensors: arrays.collect::<Result<_>>()? });
            }
            let mut calibrated = |part: &str| -> Result<Conformal> {
                let stored = parts.remove(part).with_context(|| format!("part {part}: missing"))?;
                Ok(Conformal::from_tensors(&stored)?)
            };
            let (conformal, of_recordings) = (calibrated("p")?, calibrated("p_recording")?);
            Ok(Calibrated { fitted: Fitted::from_stored(of.way, &parts)?, conformal, of_recordings })
        };
        let detectors: Vec<Calibrated> =
            header.detectors.into_iter().enumerate().map(detector).collect::<Result<_>>()?;
        let (mut backbone, mut backbone_front_end) = (None, None);
        if let Some(of) = header.backbone {
            if of.kind != "yamnet" {
                bail!("backbone: expected yamnet, got {}; a newer version of barkbird may have written it", of.kind);
            }
            backbone = Some(Backbone::from_weights(&backbone_tensors(tensors), path, device)?);
            backbone_front_end = Some(of.front_end);
        }
        if detectors.is_empty() || (backbone.is_none() && detectors.iter().any(|of| of.fitted.needs_backbone())) {
            bail!("no detector, or one without its backbone");
        }
        let embedding = tensors.get("known.embedding").context("tensor known.embedding: missing")?;
        let (n, dim) = embedding.dims2()?;
        if n != header.known.len() {
            bail!("known clips: expected {} rows, got {n}", header.known.len());
        }
        let known = KnownClips { clips: header.known, dim, embedding: embedding.flatten_all()?.to_vec1()? };
        Ok(Self { detectors, backbone, backbone_front_end, known, record: header.record })
    }

    /// Whether a detector looks at layers below the classifier's last.
    pub(crate) fn needs_layers(&self) -> bool {
        let mut parts = self.detectors.iter().flat_map(|of| &of.fitted.way.parts);
        parts.any(|part| matches!(part.source, Source::Layer(_)))
    }

    /// Whether a detector looks at pooled spectrograms.
    pub(crate) fn needs_cells(&self) -> bool {
        let mut parts = self.detectors.iter().flat_map(|of| &of.fitted.way.parts);
        parts.any(|part| part.method.needs().contains(&anomaly::Input::Cells))
    }

    /// The detector of this name; `auto` is the first.
    pub(crate) fn detector(&self, name: &str) -> Result<&Calibrated> {
        let wanted = anomaly::canonical_name(name);
        let found = self.detectors.iter().find(|of| name == "auto" || of.fitted.way.name == wanted);
        found.with_context(|| {
            let names: Vec<&str> = self.detectors.iter().map(|of| of.fitted.way.name.as_str()).collect();
            format!(
                "--reject {name}: the model has {}; `barkbird anomaly fit` with --method {name} puts it there",
                names.join(", ")
            )
        })
    }
}

/// The weights of the backbone; files before version 0.2 have them under another name.
fn backbone_tensors(tensors: &HashMap<String, Tensor>) -> HashMap<String, Tensor> {
    let found = under(tensors, "backbone.");
    if found.is_empty() { under(tensors, "trunk.") } else { found }
}

/// The tensors under a prefix, without it.
fn under(tensors: &HashMap<String, Tensor>, prefix: &str) -> HashMap<String, Tensor> {
    let under = |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone()));
    tensors.iter().filter_map(under).collect()
}

fn array(tensor: &Tensor) -> Result<anomaly::Tensor> {
    Ok(anomaly::Tensor { shape: tensor.dims().to_vec(), values: tensor.flatten_all()?.to_vec1()? })
}
