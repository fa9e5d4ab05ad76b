//! A trained model, from its file to a forward pass.

use crate::chain::Chain;
use crate::error::{Context, Result, bail};
use crate::network::build;
use candle_core::{Device, Tensor};
use classifier::{Classifier, ModelFile, ModelHeader};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Name of the finished model in a run's folder.
pub const MODEL_FILE: &str = "model.safetensors";

/// What names of tensors that belong to the detectors of unknown sounds begin with.
pub const DETECTOR_PREFIX: &str = "outlier.";

/// A model with its weights, ready for a forward pass.
pub struct Model {
    /// The network.
    pub classifier: Box<dyn Classifier>,
    /// The header of its file.
    pub header: ModelHeader,
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Where its parameters are.
    pub device: Device,
    /// Instructions and precision on the CPU.
    pub compute: kernels::Compute,
    /// Tensors of its detectors of unknown sounds, without [`DETECTOR_PREFIX`].
    pub(crate) detector_tensors: HashMap<String, Tensor>,
}

impl Model {
    /// Reads a run's model, or a model file, onto the CPU.
    ///
    /// # Errors
    /// No such run, a training that did not finish, or a file that is damaged or of a newer version.
    pub fn open(run: impl AsRef<Path>) -> Result<Self> {
        Self::open_on(run.as_ref(), &Device::Cpu)
    }

    /// The same onto another device.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    #[tracing::instrument(level = "debug", skip_all, fields(run = %run.display()))]
    pub fn open_on(run: &Path, device: &Device) -> Result<Self> {
        let path = locate(run)?;
        let bytes = std::fs::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let mut file = ModelFile::from_bytes(&bytes, &path)?;
        let detector_tensors = file.take(DETECTOR_PREFIX);
        let seed = file.header.seed;
        let (classifier, parameters) = build(&file.header.architecture, file.header.classes.len(), seed, device)
            .with_context(|| format!("{}: architecture", path.display()))?;
        file.load_into(&parameters, &path)?;
        let sha256 = shard::sha256_hex(&bytes);
        Ok(Self {
            classifier,
            header: file.header,
            path,
            sha256,
            device: device.clone(),
            compute: kernels::Compute::default(),
            detector_tensors,
        })
    }

    /// Fails where spectrograms of a folder are not what the model takes.
    ///
    /// # Errors
    /// The differences, in words.
    pub fn check_front_end(&self, front_end: &serde_json::Value, folder: &Path) -> Result<()> {
        let words = ["the model has", "the spectrograms have"];
        let different = shard::differences(words, &self.header.front_end, front_end);
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

    /// The forward pass with what surrounds it: normalization and calibration.
    pub fn forward(&self) -> Forward<'_> {
        Forward {
            model: &*self.classifier,
            device: &self.device,
            normalization: &self.header.normalization,
            temperature: self.temperature(),
            compute: self.compute,
        }
    }

    /// What logits are divided by before they become probabilities.
    pub fn temperature(&self) -> f32 {
        self.header.calibration.map_or(1.0, |calibration| calibration.temperature)
    }

    /// The front end that the model was trained on.
    ///
    /// # Errors
    /// A front end that this version does not compute.
    pub fn chain(&self) -> Result<Chain> {
        Chain::from_header(&self.header.front_end, &self.path)
    }
}

/// The forward pass of a model.
pub use classifier::Predictor as Forward;

/// Reads the model file of a run without building the network.
pub fn read_model(run: &Path) -> Result<(PathBuf, ModelFile)> {
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
