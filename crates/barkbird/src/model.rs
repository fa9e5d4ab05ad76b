//! A trained model, from its file to something that can be asked.

use crate::front_end::Chain;
use crate::outlier::stored::{Outlier, PREFIX};
use anyhow::{Context, Result, bail};
use candle_core::{Device, Tensor};
use classifier::{Classifier, ModelFile, ModelHeader, Neighbours, NeighboursConfig, Parameters};
use models_cnn::{Cnn, CnnConfig, Yamnet, YamnetConfig};
use models_vit::{Trained, Vit, VitConfig};
use std::collections::HashMap;
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
    /// Tensors of its detectors of unknown sounds, without [`PREFIX`].
    outlier: HashMap<String, Tensor>,
}

impl Loaded {
    /// Reads a run's model, or a model file.
    pub(crate) fn open(run: &Path, device: &Device) -> Result<Self> {
        let path = locate(run)?;
        let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let mut file = ModelFile::from_bytes(&bytes, &path)?;
        let outlier = file.take(PREFIX);
        let seed = file.header.seed;
        let (classifier, parameters) = build(&file.header.architecture, file.header.classes.len(), seed, device)
            .with_context(|| format!("{}: architecture", path.display()))?;
        file.load_into(&parameters, &path)?;
        let sha256 = shard::sha256_hex(&bytes);
        Ok(Self { classifier, header: file.header, path, sha256, outlier })
    }

    /// Its detectors of unknown sounds, where `barkbird anomaly fit` has put some.
    pub(crate) fn outlier(&self, device: &Device) -> Result<Option<Outlier>> {
        let header = self.header.outlier.as_ref();
        header.map(|header| Outlier::from_parts(header, &self.outlier, &self.path, device)).transpose()
    }

    /// Whether spectrograms of a folder are what the model takes.
    pub(crate) fn check_front_end(&self, front_end: &serde_json::Value, folder: &Path) -> Result<()> {
        let words = ["the model has", "the spectrograms have"];
        let different = train::differences(words, &self.header.front_end, front_end);
        if different.is_empty() {
            return Ok(());
        }
        bail!(
            "{}: another front end than the model's: {}; compute the features with `--like {}`",
            folder.display(),
            different.join("; "),
            self.path.display()
        )
    }

    /// The model with what stands around it when it is asked.
    pub(crate) fn predictor<'a>(&'a self, device: &'a Device) -> classifier::Predictor<'a> {
        classifier::Predictor {
            model: &*self.classifier,
            device,
            normalization: &self.header.normalization,
            temperature: self.header.calibration.map_or(1.0, |calibration| calibration.temperature),
            compute: kernels::Compute::current(),
        }
    }

    /// The front end that the model was trained on.
    pub(crate) fn chain(&self) -> Result<Chain> {
        Chain::from_header(&self.header.front_end, &self.path)
    }
}

/// Builds the network that `architecture` names, with fresh parameters; only a convolutional network of ours is trained.
pub(crate) fn build(
    architecture: &serde_json::Value,
    n_classes: usize,
    seed: u64,
    device: &Device,
) -> Result<(Box<dyn Classifier>, Parameters)> {
    let mut parameters = Parameters::seeded(seed, device);
    let classifier = network(architecture, n_classes, &mut parameters)?;
    Ok((classifier, parameters))
}

fn network(
    architecture: &serde_json::Value,
    n_classes: usize,
    parameters: &mut Parameters,
) -> Result<Box<dyn Classifier>> {
    let kind = architecture["kind"].as_str().unwrap_or("none");
    let mut fields = architecture.clone();
    if let Some(object) = fields.as_object_mut() {
        object.remove("kind");
    }
    Ok(match kind {
        "cnn" => {
            let config: CnnConfig = serde_json::from_value(fields).context("configuration of the CNN")?;
            Box::new(Cnn::new(&config, n_classes, parameters)?)
        }
        "vit" => {
            let config: VitConfig = serde_json::from_value(fields).context("configuration of the ViT")?;
            Box::new(Vit::new(&config, n_classes, Trained::Head, 1.0, parameters)?)
        }
        "yamnet" => {
            let config: YamnetConfig = serde_json::from_value(fields).context("configuration of YAMNet")?;
            Box::new(Yamnet::new(&config, n_classes, 0, parameters)?)
        }
        "neighbours" => {
            let config: NeighboursConfig =
                serde_json::from_value(fields["neighbours"].take()).context("configuration of the neighbours")?;
            let n_clips = fields["n_clips"].as_u64().context("neighbours: no number of clips")? as usize;
            let body = network(&fields["body"], n_classes, parameters)?;
            Box::new(Neighbours::new(body, config, n_clips, parameters)?)
        }
        other => bail!(
            "kind: expected cnn, vit, yamnet or neighbours, got {other}; a newer version of barkbird may have written it"
        ),
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_kind_is_refused() {
        let message = build(&json!({"kind": "tree"}), 2, 0, &Device::Cpu).err().unwrap().to_string();
        assert!(message.starts_with("kind: expected cnn, vit, yamnet or neighbours, got tree"), "{message}");
    }
}
