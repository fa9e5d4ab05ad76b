//! The pretrained network that heads and the detector look at: where its weights are, and how it is opened.

use crate::download::{Request, fetch};
use crate::error::{Context, Result, bail};
use crate::job::Job;
use crate::origin::{Origin, missing, origin};
use audio_io::ClipConfig;
use candle_core::Tensor;
use classifier::{Classifier, Parameters, Precomputed, PrecomputedConfig};
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
     recordings from new places it is less accurate, and knows unknown sounds less well; `barkbird fetch yamnet` fetches \
     one, once";

/// A pretrained network, ready to be asked: YAMNet, or what an ONNX model has computed as the front end.
pub(super) struct Pretrained {
    /// The network.
    pub(super) body: Box<dyn Classifier>,
    /// Its parameters.
    pub(super) parameters: Parameters,
    /// From a recording to its input.
    pub(super) chain: Chain,
    /// SHA-256 of the file.
    pub(super) sha256: String,
    /// What a reader should know of it.
    pub(super) note: Option<String>,
}

/// Whether a path is an ONNX model, by its name.
pub(crate) fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Where the weights are: what was named (a path, or a repository of the hub), else the first of the usual places that
/// holds them; none where there are none.
pub(super) fn find(named: Option<&str>, usual: &[PathBuf], offline: bool, job: &Job<'_>) -> Result<Option<PathBuf>> {
    let Some(named) = named else {
        let holds = |folder: &&PathBuf| FILES.iter().any(|name| storage::is_file(folder.join(name)));
        return Ok(usual.iter().find(holds).cloned());
    };
    if named == "none" {
        return Ok(None);
    }
    match origin(named).map_err(|error| crate::Error::Invalid(format!("--backbone {}", crate::one_line(&error))))? {
        Origin::Local(path) => {
            // A model that cannot be used is an error before anything is done.
            if is_onnx(&path) {
                Chain::of_onnx(&path)?;
            }
            Ok(Some(path))
        }
        Origin::Hub(repository) => {
            let request =
                Request { revision: repository.revision.as_deref(), offline, ..Request::of(&repository.name) };
            Ok(Some(fetch(&request, job)?.folder))
        }
        Origin::Missing => bail!("{}", missing("--backbone")),
    }
}

impl Pretrained {
    /// Reads the weights of a file or a folder, or what is known of an ONNX model.
    pub(super) fn open(path: &Path, n_classes: usize, job: &Job<'_>) -> Result<Self> {
        if is_onnx(path) {
            return Self::of_onnx(path, n_classes, job);
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
        Ok(Self { body: Box::new(yamnet), parameters, chain, sha256, note: None })
    }

    fn of_onnx(path: &Path, n_classes: usize, job: &Job<'_>) -> Result<Self> {
        let (chain, classes) = Chain::of_onnx(path)?;
        let model = chain.onnx.as_ref().context("no ONNX model")?;
        if model.n_own == 0 {
            bail!(
                "{}: has no class scores, which heads and detectors look at; if it has some, name them: class_output = \"NAME\" \
                 in {}",
                path.display(),
                path.with_extension("toml").display()
            );
        }
        let license = match &model.license {
            Some(license) => format!("its license is {license}; see what it says of models that are made with it"),
            None => "its license is not stated, and may restrict models that are made with it".to_owned(),
        };
        let note = format!(
            "the model file refers to {} (SHA-256 {}) and does not contain it: keep that file, there or beside the model file; \
             {license}",
            model.path.display(),
            model.sha256
        );
        let body = Precomputed::new(PrecomputedConfig { dim: model.dim, classes }, n_classes);
        let sha256 = model.sha256.clone();
        let parameters = Parameters::seeded(0, &job.device);
        Ok(Self { body: Box::new(body), parameters, chain, sha256, note: Some(note) })
    }

    /// Its weights by name.
    pub(super) fn tensors(&self) -> Result<BTreeMap<String, Tensor>> {
        self.parameters.snapshot().context("weights of the backbone")
    }
}
