//! A model of barkbird as pretrained weights: one of its networks, without what was made of it for its classes.

use crate::error::{Context, Result, bail};
use candle_core::Tensor;
use classifier::Normalization;
use inference::{Chain, MODEL_FILE, MemberHeader, read_model};
use serde_json::Value;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest header of a safetensors file that is looked at, in bytes.
const MOST_HEADER: u64 = 100 << 20;

/// A network of a model's file.
pub(crate) struct OwnNetwork {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its configuration.
    pub(crate) architecture: Value,
    /// From a recording to its input.
    pub(crate) chain: Chain,
    /// Of its input.
    pub(crate) normalization: Normalization,
    /// Classes of the model.
    pub(crate) classes: Vec<String>,
    /// By the names of the network; its head is among them where it has one of its own.
    pub(crate) tensors: HashMap<String, Tensor>,
}

/// The file of a model of barkbird in this place; none where there is another thing.
pub(crate) fn model_file(place: &Path) -> Option<PathBuf> {
    let path = if storage::is_dir(place) { place.join(MODEL_FILE) } else { place.to_owned() };
    if !storage::is_file(&path) {
        return None;
    }
    let mut file = storage::open(&path).ok()?;
    let mut n_bytes = [0; 8];
    file.read_exact(&mut n_bytes).ok()?;
    let n_bytes = u64::from_le_bytes(n_bytes);
    if n_bytes > MOST_HEADER {
        return None;
    }
    let mut header = Vec::new();
    file.take(n_bytes).read_to_end(&mut header).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    header["__metadata__"]["model"].is_string().then_some(path)
}

impl OwnNetwork {
    /// The first network of this kind (`cnn`, `vit`) in a model's file: by itself, below heads or neighbors, or among others.
    ///
    /// # Errors
    /// A file that cannot be read, or a model without such a network.
    pub(crate) fn read(path: &Path, kind: &str) -> Result<Self> {
        let (path, mut file) = read_model(path)?;
        let header = &file.header;
        let members: Vec<MemberHeader> = match header.architecture["kind"] == "average" {
            true => serde_json::from_value(header.architecture["members"].clone())
                .with_context(|| format!("{}: architecture", path.display()))?,
            false => vec![MemberHeader {
                name: String::new(),
                scale: 1.0,
                n_votes: 1,
                architecture: header.architecture.clone(),
                front_end: header.front_end.clone(),
                normalization: header.normalization.clone(),
            }],
        };
        let is_average = header.architecture["kind"] == "average";
        let bodies: Vec<(&Value, bool)> = members.iter().map(|member| body(&member.architecture)).collect();
        let Some(nth) = bodies.iter().position(|(body, _)| body["kind"] == kind) else {
            let kinds: Vec<&str> = bodies.iter().filter_map(|(body, _)| body["kind"].as_str()).collect();
            bail!(
                "--pretrained {}: a model with the network {}; expected one with {kind} (`barkbird train {}` takes it)",
                path.display(),
                kinds.join(", "),
                kinds.first().unwrap_or(&"cnn")
            );
        };
        let (architecture, has_head) = (bodies[nth].0.clone(), bodies[nth].1);
        let classes = header.classes.clone();
        let chain = Chain::from_header(&members[nth].front_end, &path)?;
        let mut tensors = if is_average { file.take(&format!("member.{nth}.")) } else { file.tensors };
        if !has_head {
            tensors.retain(|name, _| !is_of_head(name));
        }
        Ok(Self { path, architecture, chain, normalization: members[nth].normalization.clone(), classes, tensors })
    }

    /// Its weights for a model of these classes: with its head where the classes are the same, else without.
    pub(crate) fn weights(&self, classes: &[String]) -> HashMap<String, Tensor> {
        let keeps_head = self.classes == classes;
        let kept = self.tensors.iter().filter(|(name, _)| keeps_head || !is_of_head(name));
        kept.map(|(name, tensor)| (name.clone(), tensor.clone())).collect()
    }

    /// Refuses spectrograms of another front end than the network learned from.
    ///
    /// # Errors
    /// They differ; the message says how to compute those that it takes.
    pub(crate) fn check(&self, chain: &Chain, features: &Path, name: &str) -> Result<()> {
        if self.chain == *chain {
            return Ok(());
        }
        bail!(
            "{}: another front end than that of --pretrained {name}; compute the features with `barkbird features MANIFEST --like {name} \
             --out DIR`",
            features.display()
        )
    }
}

/// Whether a tensor is of a last layer, which belongs to classes.
fn is_of_head(name: &str) -> bool {
    name.starts_with("head.")
}

/// The network itself, and whether its last layer answers for the model's classes.
fn body(architecture: &Value) -> (&Value, bool) {
    match architecture.get("body") {
        Some(below) => (body(below).0, false),
        None => (architecture, true),
    }
}
