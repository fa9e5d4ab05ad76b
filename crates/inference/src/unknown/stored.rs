//! Detectors in a model's file: JSON in its header's `outlier`, arrays as tensors `outlier.…`.
//!
//! | tensor | what |
//! |---|---|
//! | `outlier.N.P.NAME` | array NAME of part P of the N-th detector; P is a number, `joint` (what joins several), `p` or `p_recording` (scores of known clips and recordings, from which p-values are read) |
//! | `outlier.known.embedding` | `[N, D]`: training clips that answers are compared with |
//! | `outlier.backbone.NAME` | weights of the backbone |

use super::backbone::Backbone;
use super::calibrated::Calibrated;
use super::fitted::Fitted;
use super::known_clips::{KnownClip, KnownClips};
use super::methods::OodMethod;
use super::outputs::{RowSource, Wants};
use crate::error::{Context, Result, bail};
use crate::model::{DETECTOR_PREFIX, Model};
use anomaly::Stored;
use anomaly::conformal::Conformal;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The `schema` of a header.
const SCHEMA: &str = "outlier/1";

/// What goes into a header, and tensors by name.
pub type Parts = (serde_json::Value, BTreeMap<String, Tensor>);

/// What a model's file has for detecting unknown sounds.
pub struct Detectors {
    /// Calibrated methods; the first is the one that `auto` takes.
    pub detectors: Vec<Calibrated>,
    /// The backbone that they look at, where one does.
    pub backbone: Option<Backbone>,
    /// Whether that is the model's own pretrained network, so that it is computed with the answer.
    pub own_backbone: bool,
    /// From a recording to the backbone's input, as JSON.
    pub backbone_front_end: Option<serde_json::Value>,
    /// Training clips that answers are compared with.
    pub known: KnownClips,
    /// How the detectors came to be there, for people.
    pub record: serde_json::Value,
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
    #[serde(alias = "way")]
    method: OodMethod,
    /// Settings of each part.
    settings: BTreeMap<String, serde_json::Value>,
}

/// The `kind` of a backbone that is the model's own pretrained network.
const OWN: &str = "own";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BackboneHeader {
    kind: String,
    front_end: serde_json::Value,
}

impl Detectors {
    /// What goes into the header and beside the model's tensors.
    pub fn to_parts(&self) -> Result<Parts> {
        let (backbone, front_end) = (self.backbone.as_ref(), self.backbone_front_end.as_ref());
        let mut parts = Self::parts(&self.detectors, backbone, front_end, &self.known, self.record.clone())?;
        if self.own_backbone {
            parts.0["backbone"] = serde_json::to_value(BackboneHeader { kind: OWN.into(), front_end: Value::Null })?;
        }
        Ok(parts)
    }

    /// The same of detectors whose backbone belongs to another model.
    pub fn parts(
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
                    tensors.insert(format!("{DETECTOR_PREFIX}{nth}.{part}.{name}"), tensor);
                }
                settings.insert(part, stored.settings);
            }
            detectors.push(DetectorHeader { method: fitted.method.clone(), settings });
        }
        let embedding = Tensor::from_slice(&known.embedding, (known.clips.len(), known.dim), &Device::Cpu)?;
        tensors.insert(format!("{DETECTOR_PREFIX}known.embedding"), embedding);
        let mut backbone_header = None;
        if let Some((of, front_end)) = backbone.zip(backbone_front_end) {
            tensors.extend(
                of.weights()?.into_iter().map(|(name, tensor)| (format!("{DETECTOR_PREFIX}backbone.{name}"), tensor)),
            );
            backbone_header = Some(BackboneHeader { kind: "yamnet".into(), front_end: front_end.clone() });
        }
        let header =
            Header { schema: SCHEMA.into(), detectors, backbone: backbone_header, known: known.clips.clone(), record };
        Ok((serde_json::to_value(header)?, tensors))
    }

    /// Those of a model, where `barkbird anomaly fit` has put some.
    ///
    /// # Errors
    /// A header or tensors that are damaged or of a newer version.
    pub fn of(model: &Model) -> Result<Option<Self>> {
        let (tensors, path) = (&model.detector_tensors, &model.path);
        let read = |header| {
            Self::read(header, tensors, path, &model.device)
                .with_context(|| format!("{}: its detector of unknown sounds", path.display()))
        };
        model.header.outlier.as_ref().map(read).transpose()
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
            Ok(Calibrated { fitted: Fitted::from_stored(of.method, &parts)?, conformal, of_recordings })
        };
        let detectors: Vec<Calibrated> =
            header.detectors.into_iter().enumerate().map(detector).collect::<Result<_>>()?;
        let (mut backbone, mut backbone_front_end) = (None, None);
        let own_backbone = header.backbone.as_ref().is_some_and(|of| of.kind == OWN);
        if let Some(of) = header.backbone.filter(|of| of.kind != OWN) {
            if of.kind != "yamnet" {
                bail!("backbone: expected yamnet, got {}; a newer version of barkbird may have written it", of.kind);
            }
            backbone = Some(Backbone::from_weights(&backbone_tensors(tensors), path, device)?);
            backbone_front_end = Some(of.front_end);
        }
        let has_backbone = backbone.is_some() || own_backbone;
        if detectors.is_empty() || (!has_backbone && detectors.iter().any(|of| of.fitted.needs_backbone())) {
            bail!("no detector, or one without its backbone");
        }
        let embedding = tensors.get("known.embedding").context("tensor known.embedding: missing")?;
        let (n, dim) = embedding.dims2()?;
        if n != header.known.len() {
            bail!("known clips: expected {} rows, got {n}", header.known.len());
        }
        let known = KnownClips { clips: header.known, dim, embedding: embedding.flatten_all()?.to_vec1()? };
        Ok(Self { detectors, backbone, own_backbone, backbone_front_end, known, record: header.record })
    }

    /// What of the classifier the detectors look at beside logits and embeddings.
    pub fn wants(&self) -> Wants {
        let parts = || self.detectors.iter().flat_map(|of| &of.fitted.method.parts);
        Wants {
            layers: parts().any(|part| matches!(part.source, RowSource::Layer(_))),
            cells: parts().any(|part| part.method.needs().contains(&anomaly::Input::Cells)),
        }
    }

    /// The detector of this name; `auto` is the first.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn detector(&self, name: &str) -> Result<&Calibrated> {
        Ok(&self.detectors[self.position(name)?])
    }

    /// Its number among the detectors.
    pub(crate) fn position(&self, name: &str) -> Result<usize> {
        let wanted = anomaly::canonical_name(name);
        let found = self.detectors.iter().position(|of| name == "auto" || of.fitted.method.name == wanted);
        found.with_context(|| {
            let names: Vec<&str> = self.detectors.iter().map(|of| of.fitted.method.name.as_str()).collect();
            format!(
                "--reject {name}: the model has {}; `barkbird anomaly fit` with --method {name} adds it",
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
