//! A trained model, from its file to something that can be asked.

use crate::front_end::Chain;
use anyhow::{Context, Result, bail};
use candle_core::Device;
use classifier::{Classifier, ModelFile, ModelHeader, Parameters};
use models_cnn::{Cnn, CnnConfig};
use std::path::{Path, PathBuf};

/// Name of the finished model in a run's folder.
pub(crate) const MODEL_FILE: &str = "model.safetensors";

/// A model with its weights, ready for a forward pass.
pub(crate) struct Loaded {
    /// The network.
    pub(crate) classifier: Box<dyn Classifier>,
    /// What its file says of it.
    pub(crate) header: ModelHeader,
    /// The file.
    pub(crate) path: PathBuf,
    /// SHA-256 of the file.
    pub(crate) sha256: String,
}

impl Loaded {
    /// Reads a run's model, or a model file.
    pub(crate) fn open(run: &Path, device: &Device) -> Result<Self> {
        let path = locate(run)?;
        let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let file = ModelFile::from_bytes(&bytes, &path)?;
        let seed = file.header.seed;
        let (classifier, parameters) = build(&file.header.architecture, file.header.classes.len(), seed, device)
            .with_context(|| format!("{}: architecture", path.display()))?;
        file.load_into(&parameters, &path)?;
        let sha256 = shard::sha256_hex(&bytes);
        Ok(Self { classifier, header: file.header, path, sha256 })
    }

    /// The model with what stands around it when it is asked.
    pub(crate) fn predictor<'a>(&'a self, device: &'a Device) -> train::Predictor<'a> {
        train::Predictor {
            model: &*self.classifier,
            device,
            normalization: &self.header.normalization,
            temperature: self.header.calibration.map_or(1.0, |calibration| calibration.temperature),
        }
    }

    /// The front end that the model was trained on.
    pub(crate) fn chain(&self) -> Result<Chain> {
        Chain::from_header(&self.header.front_end, &self.path)
    }

    /// Refuses features of another front end, and says what differs.
    pub(crate) fn check_front_end(&self, front_end: &serde_json::Value, features: &Path) -> Result<()> {
        if *front_end == self.header.front_end {
            return Ok(());
        }
        let mut differences = Vec::new();
        compare(&self.header.front_end, front_end, "", &mut differences);
        bail!(
            "{}: made by another front end than {} was trained on ({}); run `barkbird features ... --like {}`",
            features.display(),
            self.path.display(),
            differences.join("; "),
            self.path.parent().unwrap_or(&self.path).display()
        )
    }
}

/// Builds the network that `architecture` names, with fresh parameters.
pub(crate) fn build(
    architecture: &serde_json::Value,
    n_classes: usize,
    seed: u64,
    device: &Device,
) -> Result<(Box<dyn Classifier>, Parameters)> {
    let kind = architecture["kind"].as_str().unwrap_or("none");
    match kind {
        "cnn" => {
            let mut fields = architecture.clone();
            if let Some(object) = fields.as_object_mut() {
                object.remove("kind");
            }
            let config: CnnConfig = serde_json::from_value(fields).context("configuration of the CNN")?;
            let mut parameters = Parameters::seeded(seed, device);
            let cnn = Cnn::new(&config, n_classes, &mut parameters)?;
            Ok((Box::new(cnn), parameters))
        }
        other => bail!("kind: expected cnn, got {other}; a newer version of barkbird may have written it"),
    }
}

/// Reads the model file of a run without building the network.
pub(crate) fn read(run: &Path) -> Result<(PathBuf, ModelFile)> {
    let path = locate(run)?;
    let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let file = ModelFile::from_bytes(&bytes, &path)?;
    Ok((path, file))
}

fn locate(run: &Path) -> Result<PathBuf> {
    if run.is_file() {
        return Ok(run.to_owned());
    }
    let path = run.join(MODEL_FILE);
    if path.is_file() {
        return Ok(path);
    }
    if !run.exists() {
        bail!("{}: no such run; `barkbird train cnn --features DIR --out {}` makes one", run.display(), run.display());
    }
    if run.join("last.safetensors").exists() {
        bail!("{}: the training did not finish; run the same `barkbird train` with --resume", run.display());
    }
    bail!("{}: holds no {MODEL_FILE}; it is not the folder of a run", run.display())
}

/// Collects `key: ours, theirs` for every leaf that differs.
fn compare(ours: &serde_json::Value, theirs: &serde_json::Value, at: &str, out: &mut Vec<String>) {
    use serde_json::Value::Object;
    match (ours, theirs) {
        (Object(a), Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let null = serde_json::Value::Null;
                let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                compare(a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null), &path, out);
            }
        }
        _ if ours != theirs => out.push(format!("{at}: expected {ours}, got {theirs}")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_are_named() {
        let mut out = Vec::new();
        compare(&json!({"a": {"b": 1, "c": 2}}), &json!({"a": {"b": 1, "c": 3, "d": 4}}), "", &mut out);
        assert_eq!(out, ["a.c: expected 2, got 3", "a.d: expected null, got 4"]);
    }

    #[test]
    fn an_unknown_kind_is_refused() {
        let message = build(&json!({"kind": "tree"}), 2, 0, &Device::Cpu).err().unwrap().to_string();
        assert!(message.starts_with("kind: expected cnn, got tree"), "{message}");
    }
}
