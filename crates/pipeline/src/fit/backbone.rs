//! The pretrained network that heads and the detector look at: where its weights are, and how it is opened.

use crate::download::{Request, fetch};
use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::pretrained::{Place, place};
use audio_io::ClipConfig;
use candle_core::Tensor;
use classifier::{Classifier, Parameters};
use features::Preset;
use inference::Chain;
use inference::unknown::weights_file;
use models_cnn::{Yamnet, YamnetConfig, yamnet_weights};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files that a folder of weights may hold.
const FILES: [&str; 2] = ["model.safetensors", "yamnet.tflite"];

/// What is lost without it.
pub(super) const LOST: &str = "without a pretrained audio network: the model learns from your recordings alone, and measured on \
     recordings from new places it is less accurate, and knows unknown sounds less well; name YAMNet's weights with --backbone";

/// YAMNet, ready to be asked.
pub(super) struct Pretrained {
    /// The network.
    pub(super) body: Box<dyn Classifier>,
    /// Its parameters.
    pub(super) parameters: Parameters,
    /// From a recording to its input.
    pub(super) chain: Chain,
    /// SHA-256 of the file.
    pub(super) sha256: String,
}

/// Whether a file is an ONNX model.
pub(super) fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Where the weights are: what was named (a path, or a repository of the hub), else the first of the usual places that
/// holds them; none where there are none.
pub(super) fn find(named: Option<&str>, usual: &[PathBuf], offline: bool, job: &Job<'_>) -> Result<Option<PathBuf>> {
    let Some(named) = named else {
        let holds = |folder: &&PathBuf| FILES.iter().any(|name| folder.join(name).is_file());
        return Ok(usual.iter().find(holds).cloned());
    };
    if named == "none" {
        return Ok(None);
    }
    match place(named).map_err(|_| {
        crate::Error::Invalid(format!(
            "--backbone {named}: neither a file or folder that is there, nor a repository of the hub (owner/name)"
        ))
    })? {
        Place::Local(path) => Ok(Some(path)),
        Place::Hub(repository) => {
            let request = Request { repository: &repository, revision: None, cache: None, offline };
            Ok(Some(fetch(&request, job)?.folder))
        }
    }
}

impl Pretrained {
    /// Reads the weights of a file or a folder.
    pub(super) fn open(path: &Path, n_classes: usize, job: &Job<'_>) -> Result<Self> {
        if is_onnx(path) {
            return Self::open_onnx(path, job);
        }
        let (bytes, path) = weights_file(path, &FILES)?;
        let weights = yamnet_weights(&bytes, &path)?;
        let mut parameters = Parameters::seeded(0, &job.device);
        let yamnet = Yamnet::new(&YamnetConfig::default(), n_classes, 0, &mut parameters)?;
        let left = parameters.load(&weights, &path)?;
        if let Some(missing) = left.missing.iter().find(|name| !name.starts_with("head.")) {
            bail!("{}: tensor {missing}: missing", path.display());
        }
        let spectrogram = Preset::Yamnet.config();
        let clip = ClipConfig { sample_rate_hz: spectrogram.sample_rate_hz, ..ClipConfig::default() };
        let sha256 = shard::sha256_hex(&bytes);
        let chain = Chain::new(clip, spectrogram);
        Ok(Self { body: Box::new(yamnet), parameters, chain, sha256 })
    }

    #[cfg(feature = "onnx")]
    fn open_onnx(path: &Path, job: &Job<'_>) -> Result<Self> {
        let network = inference::onnx::OnnxNetwork::open(path)?;
        let reference = network.reference();
        job.say(format!(
            "backbone {}: license {}; the model refers to the file and does not contain it",
            path.display(),
            reference.license.as_deref().unwrap_or("not stated")
        ));
        let (chain, sha256) = (network.chain(), reference.sha256.clone());
        let parameters = Parameters::seeded(0, &job.device);
        Ok(Self { body: Box::new(network), parameters, chain, sha256 })
    }

    #[cfg(not(feature = "onnx"))]
    fn open_onnx(path: &Path, _: &Job<'_>) -> Result<Self> {
        bail!("{}", inference::onnx::not_built(path))
    }

    /// Its weights by name.
    pub(super) fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        self.parameters.snapshot().context("weights of the backbone")
    }
}
