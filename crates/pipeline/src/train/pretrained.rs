//! What the fine-tuning strategies share: a head over kept embeddings, and the nearest clips.

use super::kept::{Maker, fingerprint};
use super::session::Session;
use crate::download::{Request, fetch};
use crate::embeddings::Source;
use crate::error::{Result, bail};
use crate::origin::{Origin, missing, origin};
use crate::pretrained::{OwnNetwork, model_file};
use crate::strategy::Head;
use candle_core::Tensor;
use classifier::{Classifier, Finished, LinearHead, Neighbors, Normalization, Parameters};
use serde_json::json;
use std::path::{Path, PathBuf};
use train::{Data, Outcome, TrainConfig};

/// A pretrained network, ready to be asked: its head is not trained yet.
pub(super) struct Body {
    pub(super) classifier: Box<dyn Classifier>,
    pub(super) parameters: Parameters,
}

impl Session<'_> {
    /// The folder or file of pretrained weights and, where they come from the hub, their commit.
    pub(super) fn locate(&self, name: &str) -> Result<(PathBuf, Option<String>)> {
        let found = origin(name);
        match found.map_err(|error| crate::Error::Invalid(format!("--pretrained {}", crate::one_line(&error))))? {
            Origin::Local(place) => Ok((place, None)),
            Origin::Missing => bail!("{}", missing("--pretrained")),
            Origin::Hub(repository) => {
                let request = Request {
                    revision: repository.revision.as_deref().or(self.config.finetune.revision.as_deref()),
                    cache: self.options.cache.as_deref(),
                    offline: self.options.offline,
                    ..Request::of(&repository.name)
                };
                let model = fetch(&request, self.job)?;
                Ok((model.folder, Some(model.commit)))
            }
        }
    }

    /// The network of a kind in a model of barkbird, for the spectrograms at hand.
    ///
    /// # Errors
    /// Another thing, another network, another front end, or another number of frames.
    pub(super) fn own(&self, place: &Path, name: &str, kind: &str) -> Result<OwnNetwork> {
        let Some(file) = model_file(place) else {
            bail!(
                "--pretrained {name}: no model of barkbird, whose {kind} could go on; name a run, or what `barkbird export hub` wrote"
            );
        };
        let own = OwnNetwork::read(&file, kind)?;
        own.check(&self.chain, &self.options.features, name)?;
        Ok(own)
    }

    /// Takes the weights of a model over; its last layer too, where the classes are the same.
    pub(super) fn load(&self, own: &OwnNetwork, parameters: &Parameters) -> Result<()> {
        let left = parameters.load(&own.weights(&self.data.classes), &own.path)?;
        let is_new = |name: &String| name.starts_with("head.") || name.contains(".adapter.");
        if let Some(missing) = left.missing.iter().find(|name| !is_new(name)) {
            bail!("{}: tensor {missing}: missing", own.path.display());
        }
        let is_head_new = left.missing.iter().any(|name| name.starts_with("head."));
        let classes = own.classes.join(", ");
        self.job.say(match is_head_new {
            true => format!("begins with the weights of a model of {classes}, under a new last layer"),
            false => format!("begins with the weights of a model of the same classes, {classes}"),
        });
        Ok(())
    }

    /// What a model's input is normalized with.
    pub(super) fn normalization(&self, classifier: &dyn Classifier) -> Normalization {
        classifier.normalization(self.data.spectrograms.n_mels).unwrap_or_else(|| self.data.normalization.clone())
    }

    /// What frozen layers make of clips is kept for training and validation clips alone.
    pub(super) fn refuse_unknowns(&self) -> Result<()> {
        if self.config.train.exposure.is_off() {
            return Ok(());
        }
        bail!(
            "train.exposure: this strategy trains on outputs of frozen layers that are computed once; use --strategy lora or full"
        )
    }

    /// A head over embeddings that are computed once.
    pub(super) fn probe(&self, body: Body) -> Result<Outcome> {
        self.check_out()?;
        self.refuse_unknowns()?;
        let Body { classifier, parameters } = body;
        let normalization = self.normalization(&*classifier);
        let tensors = parameters.snapshot()?;
        let maker = Maker {
            description: json!({
                "architecture": classifier.architecture(),
                "normalization": normalization,
                "weights": fingerprint(&tensors)?,
                "compute": self.header.compute_record,
            }),
            data: &self.data,
            source: Source { clips: &self.data.spectrograms, normalization: &normalization, device: &self.job.device },
        };
        let kept = maker.embeddings(&*classifier, &self.options.out, self.job)?;
        let data = self.options.data(kept)?;
        let whole = Finished { architecture: classifier.architecture(), normalization, tensors };
        match self.config.finetune.head {
            Head::Linear => {
                let mut parameters = Parameters::seeded(self.config.train.seed, &self.job.device);
                let head = LinearHead::new(whole, &mut parameters)?;
                self.say(&format!("head over {} kept values a clip", data.spectrograms.n_mels), &parameters, "");
                self.fit(&head, &parameters, &data, &self.config.train)
            }
            Head::Neighbors => self.neighbors(classifier, parameters, &data),
        }
    }

    /// The nearest training clips vote: nothing is trained, so there is one epoch, which measures.
    fn neighbors(&self, body: Box<dyn Classifier>, mut parameters: Parameters, kept: &Data) -> Result<Outcome> {
        let (n, dim) = (kept.train.len(), kept.spectrograms.n_mels);
        let mut embeddings = vec![0.0; n * dim];
        for (example, embedding) in kept.train.iter().zip(embeddings.chunks_exact_mut(dim)) {
            kept.spectrograms.read(example.row as usize, embedding)?;
        }
        let classes: Vec<u32> = kept.train.iter().map(|example| example.class).collect();
        let embeddings = Tensor::from_vec(embeddings, (n, dim), &self.job.device)?;
        let tensors = Neighbors::tensors(&embeddings, &classes, kept.classes.len())?;
        parameters.freeze();
        let model = Neighbors::new(body, self.config.finetune.neighbors, n, &mut parameters)?;
        parameters.load(&tensors.into_iter().collect(), Path::new("neighbours"))?;
        self.say(&format!("the nearest {} of {n} clips", self.config.finetune.neighbors.k), &parameters, "");
        let config = TrainConfig { epochs: 1, ..self.config.train.clone() };
        self.fit(&model, &parameters, &self.data, &config)
    }
}
