//! A trained model, from its file to a forward pass.

use crate::chain::{Chain, without_place};
use crate::error::{Context, Result, bail};
use crate::members;
use candle_core::{Device, Tensor};
use classifier::{Calibration, Classifier, ModelFile, ModelHeader, Normalization};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Name of the finished model in a run's folder.
pub const MODEL_FILE: &str = "model.safetensors";

/// What names of tensors that belong to the detectors of unknown sounds begin with.
pub const DETECTOR_PREFIX: &str = "outlier.";

/// One of the networks of a model, with what surrounds it.
pub struct Member {
    /// Its name, such as `cnn`.
    pub name: String,
    /// The network.
    pub classifier: Box<dyn Classifier>,
    /// From a recording to its input.
    pub front_end: serde_json::Value,
    /// Normalization of its input.
    pub normalization: Normalization,
    /// What its logits are multiplied with before it votes, see [`classifier::votes`].
    pub scale: f32,
    /// Votes that it has: the number of its heads.
    pub n_votes: usize,
}

/// A model with its weights, ready for a forward pass.
pub struct Model {
    /// Its networks: one, or several whose votes are averaged.
    pub members: Vec<Member>,
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
        let bytes = storage::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let mut file = ModelFile::from_bytes(&bytes, &path)?;
        let detector_tensors = file.take(DETECTOR_PREFIX);
        let members = members::read(&mut file, &path, device)?;
        let sha256 = shard::sha256_hex(&bytes);
        Ok(Self {
            members,
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
        let (own, theirs) = (without_place(&self.header.front_end), without_place(front_end));
        let different = shard::differences(words, &own, &theirs);
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

    /// The only network of the model.
    ///
    /// # Errors
    /// A model that averages several networks, which takes recordings and not the features of one front end.
    pub fn only(&self) -> Result<&Member> {
        match &self.members[..] {
            [only] => Ok(only),
            several => bail!(
                "{}: averages {} networks ({}), each with a front end of its own, so that it takes recordings and no features",
                self.path.display(),
                several.len(),
                several.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    /// The forward pass of the only network, with what surrounds it: normalization and calibration.
    ///
    /// # Errors
    /// As for [`only`](Self::only).
    pub fn forward(&self) -> Result<Forward<'_>> {
        Ok(self.forward_of(self.only()?))
    }

    fn forward_of<'a>(&'a self, member: &'a Member) -> Forward<'a> {
        Forward {
            model: &*member.classifier,
            device: &self.device,
            normalization: &member.normalization,
            temperature: self.temperature(),
            compute: self.compute,
        }
    }

    /// Runs every network over its own spectrograms of the same clips and averages their votes; `mels` has the spectrograms
    /// of each member. The embedding is that of the first pretrained network, else of the first.
    ///
    /// # Errors
    /// Spectrograms of another shape than a network takes, or outputs that are not finite; `name` is what a clip is called.
    pub fn average(
        &self,
        mels: &[(Vec<&[f32]>, usize)],
        batch_size: usize,
        name: &dyn Fn(usize) -> String,
    ) -> Result<classifier::Rows> {
        let mut all = Vec::with_capacity(self.members.len());
        for (member, (mels, n_frames)) in self.members.iter().zip(mels) {
            let n_mels = member.normalization.mean.len();
            let forward = self.forward_of(member);
            all.push(classifier::predict_mels(forward, mels, n_mels, *n_frames, batch_size, name)?);
        }
        let n_classes = self.header.classes.len();
        let votes = all.iter().zip(&self.members).flat_map(|(rows, member)| {
            std::iter::repeat_n(classifier::votes(&rows.logits, n_classes, member.scale), member.n_votes)
        });
        let logits = classifier::mean_votes(&votes.collect::<Vec<_>>());
        let mut shifted = logits.clone();
        self.header.shift(&mut shifted);
        let probability = Calibration::probabilities(self.temperature(), &shifted, n_classes);
        let first = all.iter().position(|rows| rows.n_own > 0).unwrap_or(0);
        Ok(classifier::Rows { logits, probability, ..all.swap_remove(first) })
    }

    /// Names of the pretrained network's own classes that the detectors and heads look at; empty where there is none.
    pub fn pretrained_classes(&self) -> &[String] {
        self.members
            .iter()
            .map(|member| member.classifier.pretrained_classes())
            .find(|all| !all.is_empty())
            .unwrap_or(&[])
    }

    /// What logits are divided by before they become probabilities.
    pub fn temperature(&self) -> f32 {
        self.header.calibration.map_or(1.0, |calibration| calibration.temperature)
    }

    /// The front end that the model, or its first network, was trained on.
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
    let bytes = storage::read(&path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let file = ModelFile::from_bytes(&bytes, &path)?;
    Ok((path, file))
}

fn locate(run: &Path) -> Result<PathBuf> {
    if storage::is_file(run) {
        return Ok(run.to_owned());
    }
    let path = run.join(MODEL_FILE);
    if storage::is_file(&path) {
        return Ok(path);
    }
    if !storage::exists(run) {
        bail!("{}: no such run; `barkbird train cnn --features DIR --out {}` makes one", run.display(), run.display());
    }
    if storage::exists(run.join("last.safetensors")) {
        bail!("{}: the training did not finish; run the same `barkbird train` with --resume", run.display());
    }
    bail!("{}: holds no {MODEL_FILE}; it is not the folder of a run", run.display())
}
