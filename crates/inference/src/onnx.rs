//! A network in an ONNX file of others, as the body that heads look at. A model refers to the file and never holds it.

use crate::error::{Context, Result, bail};
use classifier::Classifier;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Names a folder where ONNX files are looked for, where they are no longer where they were.
pub const FOLDER_VARIABLE: &str = "BARKBIRD_BACKBONES";

/// What to say of an ONNX file in a build without the feature `onnx`.
#[cfg(not(feature = "onnx"))]
pub fn not_built(path: &Path) -> String {
    let how = "this barkbird is built without ONNX: build it with `cargo build --release --features onnx`";
    format!("{}: {how}", path.display())
}

/// What a model's header says of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxReference {
    /// Where it was.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its license, as it states it.
    pub license: Option<String>,
}

impl OnnxReference {
    /// The file: where it was, else the one of the same name in the folder that [`FOLDER_VARIABLE`] names.
    fn find(&self) -> Result<PathBuf> {
        if self.path.is_file() {
            return Ok(self.path.clone());
        }
        let name = self.path.file_name().map(Path::new).unwrap_or(&self.path);
        let elsewhere = std::env::var_os(FOLDER_VARIABLE).map(|folder| Path::new(&folder).join(name));
        elsewhere.filter(|file| file.is_file()).with_context(|| {
            format!(
                "{}: the model needs this backbone, which is not there; put it there, or name the folder that holds it in the \
                 environment variable {FOLDER_VARIABLE}",
                self.path.display()
            )
        })
    }
}

/// The network that a header refers to.
pub(crate) fn open(fields: serde_json::Value) -> Result<Box<dyn Classifier>> {
    let reference: OnnxReference = serde_json::from_value(fields).context("reference to an ONNX file")?;
    network(&reference.find()?, Some(&reference))
}

/// In a build without the feature `onnx`: always an error.
#[cfg(not(feature = "onnx"))]
fn network(path: &Path, _: Option<&OnnxReference>) -> Result<Box<dyn Classifier>> {
    bail!("{}", not_built(path))
}

#[cfg(feature = "onnx")]
fn network(path: &Path, reference: Option<&OnnxReference>) -> Result<Box<dyn Classifier>> {
    let network = waveform::OnnxNetwork::open(path)?;
    match reference {
        Some(reference) if reference.sha256 != network.reference().sha256 => bail!(
            "{}: SHA-256: expected {}, which the model was fitted on, got {}; put the former file back, or fit again",
            path.display(),
            reference.sha256,
            network.reference().sha256
        ),
        _ => Ok(Box::new(network)),
    }
}

#[cfg(feature = "onnx")]
pub use waveform::OnnxNetwork;

#[cfg(feature = "onnx")]
mod waveform {
    use super::OnnxReference;
    use crate::chain::Chain;
    use crate::error::{Context, Result, bail};
    use candle_core::{Device, Tensor};
    use classifier::{Classifier, Error, Mode, Output, Pretrained};
    use models_onnx::OnnxBackbone;
    use std::path::Path;

    /// Probabilities closer to 0 or 1 than this count as this: as for YAMNet.
    const LEAST_PROBABILITY: f64 = 1e-4;

    /// An ONNX model with an embedding and classes of its own. Its input are clips of samples, `[B, 1, N]`; each is cut into
    /// windows, and what the model computes for them is pooled as YAMNet's windows are.
    pub struct OnnxNetwork {
        backbone: OnnxBackbone,
        names: Vec<String>,
        dim: usize,
        reference: OnnxReference,
    }

    impl OnnxNetwork {
        /// Reads the file and what is known of it.
        ///
        /// # Errors
        /// As for [`OnnxBackbone::open`], or a model without an embedding or without class scores.
        pub fn open(path: &Path) -> Result<Self> {
            let backbone = OnnxBackbone::open(path).map_err(|error| crate::Error::Invalid(error.to_string()))?;
            let of = backbone.description();
            let (Some(scores), Some(embedding)) = (&of.scores, &of.embedding) else {
                bail!(
                    "{}: a backbone of heads needs an embedding and class scores; it has one of the two",
                    path.display()
                );
            };
            let names = match of.classes.is_empty() {
                true => (0..scores.n_classes).map(|nth| format!("class {nth}")).collect(),
                false => of.classes.clone(),
            };
            let path = path.canonicalize().with_context(|| format!("{}: cannot be read", path.display()))?;
            let reference = OnnxReference { path, sha256: of.sha256.clone(), license: of.license.clone() };
            Ok(Self { dim: embedding.dim, names, reference, backbone })
        }

        /// What a model's header says of it.
        pub fn reference(&self) -> &OnnxReference {
            &self.reference
        }

        /// From a recording to its input.
        pub fn chain(&self) -> Chain {
            Chain::waveform(self.backbone.description().sample_rate_hz)
        }

        /// Where windows begin in a clip of `n_samples`, and how long they are.
        fn windows(&self, n_samples: usize) -> (Vec<usize>, usize) {
            let of = self.backbone.description();
            let length = of.window_samples.unwrap_or(n_samples);
            let hop = of.hop_samples.unwrap_or(length).max(1);
            let last = n_samples.saturating_sub(length);
            let mut starts: Vec<usize> = (0..=last).step_by(hop).collect();
            // Half a hop that no window holds is looked at too.
            if starts.last().is_some_and(|&start| start < last && 2 * (last - start) >= hop) {
                starts.push(last);
            }
            (starts, length)
        }

        fn pooled(&self, clip: &[f32]) -> Result<(Vec<f32>, Vec<f32>), Error> {
            let (starts, length) = self.windows(clip.len());
            let window =
                |&start: &usize| -> Vec<f32> { clip.iter().cycle().skip(start).take(length).copied().collect() };
            let windows: Vec<Vec<f32>> = starts.iter().map(window).collect();
            let windows: Vec<&[f32]> = windows.iter().map(Vec::as_slice).collect();
            let of = self.backbone.run(&windows).map_err(|error| Error::Fit(error.to_string()))?;
            let n = windows.len() as f64;
            let mean = |nth: usize| {
                (of.embedding.iter().skip(nth).step_by(self.dim).map(|&value| f64::from(value)).sum::<f64>() / n) as f32
            };
            let odds = |score: f32| {
                let score = f64::from(score).clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
                score / (1.0 - score)
            };
            let n_own = self.names.len();
            // The logarithm of the mean odds: a call in one window counts, and silence in the others does not hide it.
            let log_odds = |nth: usize| {
                let sum: f64 = of.scores.iter().skip(nth).step_by(n_own).map(|&score| odds(score)).sum();
                (sum / n).ln() as f32
            };
            Ok(((0..self.dim).map(mean).collect(), (0..n_own).map(log_odds).collect()))
        }
    }

    impl Classifier for OnnxNetwork {
        fn architecture(&self) -> serde_json::Value {
            let OnnxReference { path, sha256, license } = &self.reference;
            serde_json::json!({"kind": "onnx", "path": path, "sha256": sha256, "license": license})
        }

        fn n_classes(&self) -> usize {
            0
        }

        fn embedding_dim(&self) -> usize {
            self.dim
        }

        fn pretrained(&self, mel: &Tensor) -> Result<Option<Pretrained>, Error> {
            let (n_clips, _, n_samples) = mel.dims3()?;
            let device = mel.device().clone();
            let samples = mel.flatten_all()?.to_device(&Device::Cpu)?.to_vec1::<f32>()?;
            let (mut embedding, mut log_odds) = (Vec::new(), Vec::new());
            for clip in samples.chunks_exact(n_samples) {
                let of_clip = self.pooled(clip)?;
                embedding.extend(of_clip.0);
                log_odds.extend(of_clip.1);
            }
            Ok(Some(Pretrained {
                embedding: Tensor::from_vec(embedding, (n_clips, self.dim), &device)?,
                log_odds: Tensor::from_vec(log_odds, (n_clips, self.names.len()), &device)?,
            }))
        }

        fn pretrained_classes(&self) -> Vec<&str> {
            self.names.iter().map(String::as_str).collect()
        }

        fn forward(&self, _: &Tensor, _: Mode) -> Result<Output, Error> {
            Err(Error::Fit("an ONNX backbone has no classes of the user's; it needs heads".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named_with_what_to_do() {
        let fields = serde_json::json!({"path": "/nowhere/perch.onnx", "sha256": "00", "license": null});
        let message = open(fields).err().unwrap().to_string();
        assert!(message.contains("/nowhere/perch.onnx") && message.contains(FOLDER_VARIABLE), "{message}");
    }
}
