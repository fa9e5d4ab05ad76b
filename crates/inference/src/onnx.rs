//! An ONNX model in place of a spectrogram: its embedding and class scores are the values of a clip.
//!
//! A header names the model by its path and SHA-256, and has how it is read; the weights stay in their file.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[cfg(not(feature = "onnx"))]
pub(crate) use absent::{Network, describe};
#[cfg(feature = "onnx")]
pub(crate) use opened::{Network, describe};

/// Names a folder where ONNX files are looked for that are no longer where they were.
const FOLDER_VARIABLE: &str = "BARKBIRD_BACKBONES";

/// What a header says of an ONNX model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxModel {
    /// Where it was, absolute. A file of its name in the folder of the model file or the features goes before.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its license, where one is stated.
    pub license: Option<String>,
    /// Width of the embedding, D; for a model without one, its log-odds are the embedding, too.
    pub dim: usize,
    /// Classes of its own, K.
    pub n_own: usize,
    /// How input and outputs are read, by the keys of its TOML file.
    pub reading: BTreeMap<String, String>,
}

/// Where the file is does not count.
impl PartialEq for OnnxModel {
    fn eq(&self, other: &Self) -> bool {
        (&self.sha256, &self.reading, self.dim, self.n_own) == (&other.sha256, &other.reading, other.dim, other.n_own)
    }
}

impl OnnxModel {
    /// Values of a clip: the embedding, then the log-odds of its own classes.
    pub fn n_values(&self) -> usize {
        self.dim + self.n_own
    }

    /// The name of the file.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Takes the file of that name beside `other`, a model file or a folder, where there is one; else the stored path;
    /// else the file of that name in the folder that [`FOLDER_VARIABLE`] names.
    pub(crate) fn find_beside(&mut self, other: &Path) {
        let folder = if storage::is_dir(other) { other } else { other.parent().unwrap_or(Path::new("")) };
        let beside = folder.join(self.name());
        let kept = std::env::var_os(FOLDER_VARIABLE).map(|folder| Path::new(&folder).join(self.name()));
        let candidates = [Some(beside), Some(self.path.clone()), kept];
        if let Some(found) = candidates.into_iter().flatten().find(|path| storage::is_file(path)) {
            self.path = found;
        }
    }
}

/// What a chain and a network need to know beside [`OnnxModel`].
pub(crate) struct Facts {
    /// Rate of its input.
    pub(crate) sample_rate_hz: u32,
    /// Length of a window in seconds; none for any length.
    pub(crate) window_s: Option<f64>,
    /// Names of its own classes, `[K]`.
    pub(crate) classes: Vec<String>,
}

#[cfg(not(feature = "onnx"))]
mod absent {
    use super::{Facts, OnnxModel};
    use crate::error::{Result, bail};
    use std::path::Path;

    const ABSENT: &str = "this barkbird is built without ONNX: build it with `cargo build --release --features onnx`";

    /// Never there.
    pub(crate) enum Network {}

    impl Network {
        pub(crate) fn row(&self, _: &[f32]) -> Result<Vec<f32>> {
            match *self {}
        }
    }

    impl OnnxModel {
        /// Says how to build a barkbird that can.
        pub(crate) fn open(&self) -> Result<Network> {
            bail!("{}: {ABSENT}", self.path.display())
        }
    }

    pub(crate) fn describe(path: &Path) -> Result<(OnnxModel, Facts)> {
        bail!("{}: {ABSENT}", path.display())
    }
}

#[cfg(feature = "onnx")]
mod opened {
    use super::{FOLDER_VARIABLE, Facts, OnnxModel};
    use crate::error::{Context, Result, bail};
    use models_onnx::{Description, OnnxBackbone};
    use std::collections::BTreeMap;
    use std::path::Path;

    /// A model that is open.
    pub(crate) struct Network(OnnxBackbone);

    impl Network {
        /// The values of a clip, `[D + K]`.
        pub(crate) fn row(&self, samples: &[f32]) -> Result<Vec<f32>> {
            let of_clip = self.0.clip(samples)?;
            let mut row = if of_clip.embedding.is_empty() { of_clip.log_odds.clone() } else { of_clip.embedding };
            row.extend(of_clip.log_odds);
            Ok(row)
        }
    }

    impl OnnxModel {
        fn of(description: &Description) -> Result<Self> {
            let n_own = description.scores.as_ref().map_or(0, |scores| scores.n_classes);
            Ok(Self {
                path: storage::absolute(&description.path)?,
                sha256: description.sha256.clone(),
                license: description.license.clone(),
                dim: description.embedding.as_ref().map_or(n_own, |embedding| embedding.dim),
                n_own,
                reading: reading(description),
            })
        }

        /// Opens the file.
        ///
        /// # Errors
        /// A file that is not there, is another one, or is read in another way than when the header was written.
        pub(crate) fn open(&self) -> Result<Network> {
            let path = self.path.display();
            if !storage::is_file(&self.path) {
                bail!(
                    "{path}: no such file: the ONNX model that embeddings come from (SHA-256 {}); put {} there, into the \
                     folder of the model file or features that refer to it, or into one that {FOLDER_VARIABLE} names",
                    self.sha256,
                    self.name()
                );
            }
            // Before the graph is read: another file need not be one that can be opened.
            let bytes = storage::read(&self.path).with_context(|| format!("{path}: cannot be read"))?;
            let sha256 = shard::sha256_hex(&bytes);
            drop(bytes);
            if sha256 != self.sha256 {
                bail!(
                    "{path}: another file than the one that embeddings came from: expected SHA-256 {}, got {}; put that \
                     one there, or fit again with this one",
                    self.sha256,
                    sha256
                );
            }
            let network = OnnxBackbone::open(&self.path)?;
            let found = Self::of(network.description())?;
            let mut keys = self.reading.keys().chain(found.reading.keys());
            if let Some(key) = keys.find(|key| self.reading.get(*key) != found.reading.get(*key)) {
                let text = |of: &BTreeMap<String, String>| of.get(key).map_or("none", String::as_str).to_owned();
                bail!(
                    "{}: {key}: expected {}, as when embeddings were computed first, got {}; undo the change, or fit again",
                    self.path.with_extension("toml").display(),
                    text(&self.reading),
                    text(&found.reading)
                );
            }
            Ok(Network(network))
        }
    }

    /// Reads what an ONNX model takes and gives.
    pub(crate) fn describe(path: &Path) -> Result<(OnnxModel, Facts)> {
        let backbone = OnnxBackbone::open(path)?;
        let description = backbone.description();
        let rate_hz = description.sample_rate_hz;
        let model = OnnxModel::of(description).with_context(|| path.display().to_string())?;
        let classes = match description.classes.is_empty() {
            true => (0..model.n_own).map(|nth| format!("class {nth}")).collect(),
            false => description.classes.clone(),
        };
        let window_s = description.window_samples.map(|samples| samples as f64 / f64::from(rate_hz));
        Ok((model, Facts { sample_rate_hz: rate_hz, window_s, classes }))
    }

    /// What decides the values of a clip, beside the file.
    fn reading(of: &Description) -> BTreeMap<String, String> {
        let number = |samples: Option<usize>| samples.map_or_else(|| "any".to_owned(), |samples| samples.to_string());
        let mut reading = BTreeMap::from([
            ("sample_rate_hz", of.sample_rate_hz.to_string()),
            ("window_samples", number(of.window_samples)),
            ("hop_samples", number(of.hop_samples)),
            ("input", of.input.name.clone()),
            ("input_peak", of.input.peak.to_string()),
            ("normalize_peak", of.input.normalize_peak.map_or_else(|| "none".into(), |peak| peak.to_string())),
        ]);
        if let Some(scores) = &of.scores {
            reading.insert("class_output", scores.output.clone());
            reading.insert("activation", format!("{:?}", scores.activation).to_lowercase());
            reading.insert("activation_applied", scores.is_applied.to_string());
        }
        if let Some(embedding) = &of.embedding {
            reading.insert("embedding_output", embedding.output.clone());
        }
        reading.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}
