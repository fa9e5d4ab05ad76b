//! Every method behind one face: settings that fit, and a fitted detector that scores.

use serde::{Deserialize, Serialize};

use crate::autoencoder::{Autoencoder, AutoencoderConfig};
use crate::background_class::{BackgroundClass, BackgroundClassConfig};
use crate::energy::energy;
use crate::error::{Error, Result, check};
use crate::generalized_entropy::{GeneralizedEntropy, GeneralizedEntropyConfig};
use crate::isolation_forest::{IsolationForest, IsolationForestConfig};
use crate::isomap::{Isomap, IsomapConfig};
use crate::knn::{Knn, KnnConfig};
use crate::latent_regions::{LatentRegions, LatentRegionsConfig};
use crate::local_outlier_factor::{LocalOutlierFactor, LocalOutlierFactorConfig};
use crate::mahalanobis::{Mahalanobis, MahalanobisConfig, RelativeMahalanobis};
use crate::max_logit::max_logit;
use crate::max_softmax::{MaxSoftmax, MaxSoftmaxConfig};
use crate::pca_residual::{PcaResidual, PcaResidualConfig};
use crate::rows::{Labels, Rows};
use crate::semantic::{Semantic, SemanticConfig};
use crate::stored::Stored;
use crate::vim::{Vim, VimConfig};

/// What is known of some clips, row for row; a method takes what it looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Inputs<'a> {
    /// `[N, D]`: the model's embeddings, or those of a frozen backbone, or any other rows that describe a clip.
    pub embedding: Option<Rows<'a>>,
    /// `[N, C]`: the model's logits.
    pub logits: Option<Rows<'a>>,
    /// `[N, K]`: scores of a backbone's own classes, each 0 to 1.
    pub backbone_scores: Option<Rows<'a>>,
    /// `[N, cells]`: spectrograms, pooled to some thousand cells.
    pub cells: Option<Rows<'a>>,
}

/// What detectors are fitted from: clips of the known classes, and unknown sounds where there are known ones.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The training clips.
    pub inputs: Inputs<'a>,
    /// Their classes.
    pub labels: Labels<'a>,
    /// Known unknown sounds, for [`Method::BackgroundClass`] alone.
    pub unknowns: Inputs<'a>,
}

/// Which rows a method looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// [`Inputs::embedding`].
    Embedding,
    /// [`Inputs::logits`].
    Logits,
    /// [`Inputs::backbone_scores`].
    BackboneScores,
    /// [`Inputs::cells`].
    Cells,
}

impl Input {
    fn name(self) -> &'static str {
        match self {
            Input::Embedding => "embeddings",
            Input::Logits => "logits",
            Input::BackboneScores => "the scores of a backbone's own classes",
            Input::Cells => "the cells of spectrograms",
        }
    }

    fn of<'a>(self, inputs: &Inputs<'a>, method: &'static str) -> Result<Rows<'a>> {
        let rows = match self {
            Input::Embedding => inputs.embedding,
            Input::Logits => inputs.logits,
            Input::BackboneScores => inputs.backbone_scores,
            Input::Cells => inputs.cells,
        };
        rows.ok_or(Error::Missing { method, input: self.name() })
    }
}

/// Settings of [`Method::Energy`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnergyConfig {
    /// What logits are divided by, above 0.
    pub temperature: f64,
}

impl Default for EnergyConfig {
    fn default() -> Self {
        Self { temperature: 1.0 }
    }
}

/// Settings of [`Method::MaxLogit`]: there are none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxLogitConfig {}

/// A method with its settings. In JSON and TOML a table with `method` and the method's own settings:
/// `{"method": "knn", "k": 5}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum Method {
    /// [`MaxSoftmax`] of the logits.
    MaxSoftmax(MaxSoftmaxConfig),
    /// [`max_logit`].
    MaxLogit(MaxLogitConfig),
    /// [`energy`] of the logits.
    Energy(EnergyConfig),
    /// [`GeneralizedEntropy`] of the logits.
    GeneralizedEntropy(GeneralizedEntropyConfig),
    /// [`Knn`] of the embeddings.
    Knn(KnnConfig),
    /// [`Mahalanobis`] of the embeddings.
    Mahalanobis(MahalanobisConfig),
    /// [`RelativeMahalanobis`] of the embeddings.
    RelativeMahalanobis(MahalanobisConfig),
    /// [`Vim`] of embeddings and logits.
    Vim(VimConfig),
    /// [`LocalOutlierFactor`] of the embeddings.
    LocalOutlierFactor(LocalOutlierFactorConfig),
    /// [`IsolationForest`] of the embeddings.
    IsolationForest(IsolationForestConfig),
    /// [`Isomap`] of the embeddings.
    Isomap(IsomapConfig),
    /// [`BackgroundClass`] of the embeddings.
    #[serde(alias = "third_class")]
    BackgroundClass(BackgroundClassConfig),
    /// [`PcaResidual`] of the embeddings.
    PcaResidual(PcaResidualConfig),
    /// [`Autoencoder`] of the spectrograms' cells.
    Autoencoder(AutoencoderConfig),
    /// [`LatentRegions`] of the spectrograms' cells.
    LatentRegions(LatentRegionsConfig),
    /// [`Semantic`] score of a backbone's own classes.
    Semantic(SemanticConfig),
}

impl Method {
    /// Every method once with its defaults, and the Mahalanobis ones on normalised rows too, each with a name for tables.
    pub fn all() -> Vec<(&'static str, Method)> {
        let normalised = MahalanobisConfig { normalise: true, ..Default::default() };
        vec![
            ("max_softmax", Method::MaxSoftmax(Default::default())),
            ("max_logit", Method::MaxLogit(Default::default())),
            ("energy", Method::Energy(Default::default())),
            ("generalized_entropy", Method::GeneralizedEntropy(Default::default())),
            ("knn", Method::Knn(Default::default())),
            ("mahalanobis", Method::Mahalanobis(Default::default())),
            ("mahalanobis_normalised", Method::Mahalanobis(normalised.clone())),
            ("relative_mahalanobis", Method::RelativeMahalanobis(Default::default())),
            ("relative_mahalanobis_normalised", Method::RelativeMahalanobis(normalised)),
            ("vim", Method::Vim(Default::default())),
            ("local_outlier_factor", Method::LocalOutlierFactor(Default::default())),
            ("isolation_forest", Method::IsolationForest(Default::default())),
            ("isomap", Method::Isomap(Default::default())),
            ("background_class", Method::BackgroundClass(Default::default())),
            ("pca_residual", Method::PcaResidual(Default::default())),
            ("autoencoder", Method::Autoencoder(Default::default())),
            ("latent_regions", Method::LatentRegions(Default::default())),
            ("semantic", Method::Semantic(Default::default())),
        ]
    }

    /// The method's name, as in its settings.
    pub fn name(&self) -> &'static str {
        match self {
            Method::MaxSoftmax(_) => "max_softmax",
            Method::MaxLogit(_) => "max_logit",
            Method::Energy(_) => "energy",
            Method::GeneralizedEntropy(_) => "generalized_entropy",
            Method::Knn(_) => "knn",
            Method::Mahalanobis(_) => "mahalanobis",
            Method::RelativeMahalanobis(_) => "relative_mahalanobis",
            Method::Vim(_) => "vim",
            Method::LocalOutlierFactor(_) => "local_outlier_factor",
            Method::IsolationForest(_) => "isolation_forest",
            Method::Isomap(_) => "isomap",
            Method::BackgroundClass(_) => "background_class",
            Method::PcaResidual(_) => "pca_residual",
            Method::Autoencoder(_) => "autoencoder",
            Method::LatentRegions(_) => "latent_regions",
            Method::Semantic(_) => "semantic",
        }
    }

    /// Which rows it looks at.
    pub fn needs(&self) -> &'static [Input] {
        match self {
            Method::MaxSoftmax(_) | Method::MaxLogit(_) | Method::Energy(_) | Method::GeneralizedEntropy(_) => {
                &[Input::Logits]
            }
            Method::Vim(_) => &[Input::Embedding, Input::Logits],
            Method::Autoencoder(_) | Method::LatentRegions(_) => &[Input::Cells],
            Method::Semantic(_) => &[Input::BackboneScores],
            _ => &[Input::Embedding],
        }
    }

    /// Whether it is fitted with labelled unknown sounds.
    pub fn needs_unknowns(&self) -> bool {
        matches!(self, Method::BackgroundClass(_))
    }

    /// With two classes: the method that ranks exactly as this one does, so that its figures are no result of its own.
    /// Largest softmax probability at any temperature, entropy and generalized entropy are all monotone in |z₁ - z₂|.
    pub fn ranks_like(&self, n_classes: usize) -> Option<&'static str> {
        match self {
            Method::GeneralizedEntropy(config) if n_classes == 2 && config.n_largest >= 2 => Some("max_softmax"),
            Method::MaxSoftmax(config) if n_classes == 2 && config.temperature != 1.0 => Some("max_softmax"),
            _ => None,
        }
    }

    /// Fits it.
    ///
    /// # Errors
    /// [`Error::Missing`] where `known` has not the rows that it [`needs`](Self::needs); else as the method's own `fit`.
    pub fn fit(&self, known: &Known<'_>) -> Result<Detector> {
        let (inputs, labels, name) = (&known.inputs, known.labels, self.name());
        let embedding = || Input::Embedding.of(inputs, name);
        Ok(match self {
            Method::MaxSoftmax(config) => Detector::MaxSoftmax(MaxSoftmax::new(config)?),
            Method::MaxLogit(_) => Detector::MaxLogit,
            Method::Energy(config) => Detector::energy(config)?,
            Method::GeneralizedEntropy(config) => Detector::GeneralizedEntropy(GeneralizedEntropy::new(config)?),
            Method::Knn(config) => Detector::Knn(Knn::fit(embedding()?, config)?),
            Method::Mahalanobis(config) => Detector::Mahalanobis(Mahalanobis::fit(embedding()?, labels, config)?),
            Method::RelativeMahalanobis(config) => {
                Detector::RelativeMahalanobis(RelativeMahalanobis::fit(embedding()?, labels, config)?)
            }
            Method::Vim(config) => {
                Detector::Vim(Vim::fit(embedding()?, Input::Logits.of(inputs, name)?, None, config)?)
            }
            Method::LocalOutlierFactor(config) => {
                Detector::LocalOutlierFactor(LocalOutlierFactor::fit(embedding()?, config)?)
            }
            Method::IsolationForest(config) => Detector::IsolationForest(IsolationForest::fit(embedding()?, config)?),
            Method::Isomap(config) => Detector::Isomap(Isomap::fit(embedding()?, config)?),
            Method::BackgroundClass(config) => {
                let missing = Error::Missing { method: name, input: "embeddings of labelled unknown sounds" };
                let unknowns = known.unknowns.embedding.ok_or(missing)?;
                Detector::BackgroundClass(BackgroundClass::fit(embedding()?, labels, unknowns, config)?)
            }
            Method::PcaResidual(config) => Detector::PcaResidual(PcaResidual::fit(embedding()?, config)?),
            Method::Autoencoder(config) => {
                Detector::Autoencoder(Autoencoder::fit(Input::Cells.of(inputs, name)?, config)?)
            }
            Method::LatentRegions(config) => {
                Detector::LatentRegions(LatentRegions::fit(Input::Cells.of(inputs, name)?, labels, config)?)
            }
            Method::Semantic(config) => {
                Detector::Semantic(Semantic::fit(Input::BackboneScores.of(inputs, name)?, labels, config)?)
            }
        })
    }
}

/// A fitted method. With serde it is the JSON of its [`Stored`] form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
#[allow(missing_docs, reason = "each variant holds the fitted form of the `Method` of its name")]
pub enum Detector {
    MaxSoftmax(MaxSoftmax),
    MaxLogit,
    Energy { temperature: f64 },
    GeneralizedEntropy(GeneralizedEntropy),
    Knn(Knn),
    Mahalanobis(Mahalanobis),
    RelativeMahalanobis(RelativeMahalanobis),
    Vim(Vim),
    LocalOutlierFactor(LocalOutlierFactor),
    IsolationForest(IsolationForest),
    Isomap(Isomap),
    BackgroundClass(BackgroundClass),
    PcaResidual(PcaResidual),
    Autoencoder(Autoencoder),
    LatentRegions(LatentRegions),
    Semantic(Semantic),
}

impl Detector {
    fn energy(config: &EnergyConfig) -> Result<Self> {
        let temperature = config.temperature;
        check(temperature > 0.0 && temperature.is_finite(), "temperature", "above 0", temperature)?;
        Ok(Detector::Energy { temperature })
    }

    /// The method's name, as in its settings.
    pub fn name(&self) -> &'static str {
        match self {
            Detector::MaxSoftmax(_) => "max_softmax",
            Detector::MaxLogit => "max_logit",
            Detector::Energy { .. } => "energy",
            Detector::GeneralizedEntropy(_) => "generalized_entropy",
            Detector::Knn(_) => "knn",
            Detector::Mahalanobis(_) => "mahalanobis",
            Detector::RelativeMahalanobis(_) => "relative_mahalanobis",
            Detector::Vim(_) => "vim",
            Detector::LocalOutlierFactor(_) => "local_outlier_factor",
            Detector::IsolationForest(_) => "isolation_forest",
            Detector::Isomap(_) => "isomap",
            Detector::BackgroundClass(_) => "background_class",
            Detector::PcaResidual(_) => "pca_residual",
            Detector::Autoencoder(_) => "autoencoder",
            Detector::LatentRegions(_) => "latent_regions",
            Detector::Semantic(_) => "semantic",
        }
    }

    /// Scores of clips, `[M]`; higher is less like the known sounds.
    ///
    /// # Errors
    /// [`Error::Missing`] where `inputs` has not the rows that it looks at, or rows of another width than the training
    /// clips had.
    pub fn score(&self, inputs: &Inputs<'_>) -> Result<Vec<f64>> {
        let name = self.name();
        let of = |input: Input| input.of(inputs, name);
        match self {
            Detector::MaxSoftmax(fitted) => Ok(fitted.score(of(Input::Logits)?)),
            Detector::MaxLogit => Ok(max_logit(of(Input::Logits)?)),
            Detector::Energy { temperature } => energy(of(Input::Logits)?, *temperature),
            Detector::GeneralizedEntropy(fitted) => Ok(fitted.score(of(Input::Logits)?)),
            Detector::Knn(fitted) => fitted.score(of(Input::Embedding)?),
            Detector::Mahalanobis(fitted) => fitted.score(of(Input::Embedding)?),
            Detector::RelativeMahalanobis(fitted) => fitted.score(of(Input::Embedding)?),
            Detector::Vim(fitted) => fitted.score(of(Input::Embedding)?, of(Input::Logits)?),
            Detector::LocalOutlierFactor(fitted) => fitted.score(of(Input::Embedding)?),
            Detector::IsolationForest(fitted) => fitted.score(of(Input::Embedding)?),
            Detector::Isomap(fitted) => fitted.score(of(Input::Embedding)?),
            Detector::BackgroundClass(fitted) => fitted.score(of(Input::Embedding)?),
            Detector::PcaResidual(fitted) => fitted.score(of(Input::Embedding)?),
            Detector::Autoencoder(fitted) => fitted.score(of(Input::Cells)?),
            Detector::LatentRegions(fitted) => fitted.score(of(Input::Cells)?),
            Detector::Semantic(fitted) => fitted.score(of(Input::BackboneScores)?),
        }
    }

    /// Its arrays, and its settings with its name under `method`.
    pub fn to_tensors(&self) -> Stored {
        let mut stored = match self {
            Detector::MaxSoftmax(fitted) => fitted.to_tensors(),
            Detector::MaxLogit => Stored::new(&MaxLogitConfig {}),
            Detector::Energy { temperature } => Stored::new(&EnergyConfig { temperature: *temperature }),
            Detector::GeneralizedEntropy(fitted) => fitted.to_tensors(),
            Detector::Knn(fitted) => fitted.to_tensors(),
            Detector::Mahalanobis(fitted) => fitted.to_tensors(),
            Detector::RelativeMahalanobis(fitted) => fitted.to_tensors(),
            Detector::Vim(fitted) => fitted.to_tensors(),
            Detector::LocalOutlierFactor(fitted) => fitted.to_tensors(),
            Detector::IsolationForest(fitted) => fitted.to_tensors(),
            Detector::Isomap(fitted) => fitted.to_tensors(),
            Detector::BackgroundClass(fitted) => fitted.to_tensors(),
            Detector::PcaResidual(fitted) => fitted.to_tensors(),
            Detector::Autoencoder(fitted) => fitted.to_tensors(),
            Detector::LatentRegions(fitted) => fitted.to_tensors(),
            Detector::Semantic(fitted) => fitted.to_tensors(),
        };
        stored.settings["method"] = self.name().into();
        stored
    }

    /// What [`to_tensors`](Self::to_tensors) gave. Safe for arrays of any origin.
    ///
    /// # Errors
    /// An unknown method, or an array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let method: Method = stored.settings()?;
        let mut own = stored.clone();
        if let Some(settings) = own.settings.as_object_mut() {
            settings.remove("method");
        }
        Ok(match method {
            Method::MaxSoftmax(_) => Detector::MaxSoftmax(MaxSoftmax::from_tensors(&own)?),
            Method::MaxLogit(_) => Detector::MaxLogit,
            Method::Energy(config) => Detector::energy(&config)?,
            Method::GeneralizedEntropy(_) => Detector::GeneralizedEntropy(GeneralizedEntropy::from_tensors(&own)?),
            Method::Knn(_) => Detector::Knn(Knn::from_tensors(&own)?),
            Method::Mahalanobis(_) => Detector::Mahalanobis(Mahalanobis::from_tensors(&own)?),
            Method::RelativeMahalanobis(_) => Detector::RelativeMahalanobis(RelativeMahalanobis::from_tensors(&own)?),
            Method::Vim(_) => Detector::Vim(Vim::from_tensors(&own)?),
            Method::LocalOutlierFactor(_) => Detector::LocalOutlierFactor(LocalOutlierFactor::from_tensors(&own)?),
            Method::IsolationForest(_) => Detector::IsolationForest(IsolationForest::from_tensors(&own)?),
            Method::Isomap(_) => Detector::Isomap(Isomap::from_tensors(&own)?),
            Method::BackgroundClass(_) => Detector::BackgroundClass(BackgroundClass::from_tensors(&own)?),
            Method::PcaResidual(_) => Detector::PcaResidual(PcaResidual::from_tensors(&own)?),
            Method::Autoencoder(_) => Detector::Autoencoder(Autoencoder::from_tensors(&own)?),
            Method::LatentRegions(_) => Detector::LatentRegions(LatentRegions::from_tensors(&own)?),
            Method::Semantic(_) => Detector::Semantic(Semantic::from_tensors(&own)?),
        })
    }
}

impl From<Detector> for Stored {
    fn from(detector: Detector) -> Self {
        detector.to_tensors()
    }
}

impl TryFrom<Stored> for Detector {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        Detector::from_tensors(&stored)
    }
}
