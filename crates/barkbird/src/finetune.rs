//! How a pretrained model is fitted to a user's clips: where it comes from, what of it is trained, and the recipe for that.

use crate::cli::ModelKind;
use augment::SpectrogramAugment;
use clap::ValueEnum;
use classifier::NeighboursConfig;
use models_vit::{AdapterConfig, Pooling};
use serde::{Deserialize, Serialize};
use train::TrainConfig;

/// What of a pretrained model is trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Way {
    /// Chosen by the number of clips and the time
    #[default]
    Auto,
    /// A head over embeddings that are computed once
    Probe,
    /// The last layers, over what those below make once
    Last,
    /// A change of low rank beside frozen weights
    Lora,
    /// Every weight
    Full,
}

impl Way {
    /// The name, as a user writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Probe => "probe",
            Self::Last => "last",
            Self::Lora => "lora",
            Self::Full => "full",
        }
    }
}

/// What sits on top of a probed model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Head {
    /// A linear layer
    #[default]
    Linear,
    /// The nearest training clips vote (kNN)
    Neighbours,
}

/// How a pretrained model is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct FinetuneConfig {
    /// A folder or file, or a repository of the hub.
    pub(crate) pretrained: Option<String>,
    /// Branch, tag or commit of the repository.
    pub(crate) revision: Option<String>,
    /// What is trained.
    pub(crate) way: Way,
    /// How many layers `last` trains.
    pub(crate) last_layers: usize,
    /// What a probe puts on top.
    pub(crate) head: Head,
    /// How the nearest clips vote.
    pub(crate) neighbours: NeighboursConfig,
    /// Time that `auto` may take, in minutes.
    pub(crate) minutes: f64,
}

impl Default for FinetuneConfig {
    fn default() -> Self {
        Self {
            pretrained: None,
            revision: None,
            way: Way::Auto,
            last_layers: 4,
            head: Head::Linear,
            neighbours: NeighboursConfig::default(),
            minutes: 10.0,
        }
    }
}

/// How a spectrogram is shown to a network that learned from images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum View {
    /// As it is, with a grid of patches of its own
    #[default]
    OwnGrid,
    /// Stretched to an image with three equal channels
    AsImage,
}

/// The Vision Transformer beyond what its checkpoint says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct VitSettings {
    /// How a spectrogram is shown to it.
    pub(crate) view: View,
    /// What of the last tokens is the embedding; none: what suits the checkpoint.
    pub(crate) pooling: Option<Pooling>,
    /// Changes of low rank.
    pub(crate) adapter: AdapterConfig,
    /// What the learning rate is multiplied with from each layer to the one below.
    pub(crate) layer_decay: f64,
    /// Share of the embedding that is zeroed while training.
    pub(crate) dropout: f64,
    /// Chance that a clip skips a half of the last layer while training.
    pub(crate) stochastic_depth: f64,
    /// Rows and columns of patches that are left out while training.
    pub(crate) patchout: [usize; 2],
}

impl Default for VitSettings {
    fn default() -> Self {
        Self {
            view: View::OwnGrid,
            pooling: None,
            adapter: AdapterConfig::default(),
            layer_decay: 0.75,
            dropout: 0.1,
            stochastic_depth: 0.1,
            patchout: [0, 0],
        }
    }
}

/// What a model is trained with where the user says nothing else.
pub(crate) fn recipe(kind: ModelKind, way: Way) -> TrainConfig {
    let base = TrainConfig::default();
    let over_kept = TrainConfig { augment: SpectrogramAugment::off(), ..base.clone() };
    // What a pretrained backbone learns at once is the pitch and the largest groups of a class; these two cure it
    // (docs/performance.md). A network from scratch gains nothing by them.
    let varied = TrainConfig {
        group_balance: 1.0,
        augment: SpectrogramAugment { frequency_shift_share: 0.19, ..SpectrogramAugment::light() },
        ..base.clone()
    };
    match (kind, way) {
        (ModelKind::Cnn, _) => base,
        (_, Way::Probe) => TrainConfig {
            epochs: 100,
            batch_size: 64,
            lr: 1e-2,
            weight_decay: 0.1,
            label_smoothing: 0.0,
            patience: 0,
            ..over_kept
        },
        (_, Way::Last) => TrainConfig {
            epochs: 20,
            batch_size: 16,
            lr: 3e-4,
            weight_decay: 0.05,
            warmup_share: 0.1,
            clip_norm: 1.0,
            label_smoothing: 0.1,
            patience: 0,
            ..if kind == ModelKind::Vit { over_kept } else { varied }
        },
        (_, Way::Lora) => TrainConfig {
            epochs: 12,
            batch_size: 16,
            lr: 1e-3,
            weight_decay: 0.01,
            warmup_share: 0.1,
            clip_norm: 1.0,
            label_smoothing: 0.1,
            patience: 0,
            ..varied
        },
        (_, Way::Full | Way::Auto) => TrainConfig {
            epochs: 12,
            batch_size: 16,
            lr: 2e-4,
            weight_decay: 0.05,
            warmup_share: 0.1,
            clip_norm: 1.0,
            label_smoothing: 0.1,
            patience: 0,
            ..varied
        },
    }
}
