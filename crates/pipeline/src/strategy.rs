//! How a pretrained model is fine-tuned: where it comes from, which of its weights are trained, and the recipe for that.

use crate::named::named;
use augment::SpectrogramAugment;
use classifier::NeighborsConfig;
use models_vit::{AdapterConfig, Pooling};
use serde::{Deserialize, Serialize};
use train::TrainConfig;

named! {
    /// The models that can be trained.
    pub enum ModelKind {
        Cnn = "cnn", "A convolutional network, from scratch or from a model that has one";
        Vit = "vit", "A pretrained Vision Transformer";
        Yamnet = "yamnet", "YAMNet, pretrained on the sounds of AudioSet";
    }
}

named! {
    /// Which weights of a pretrained model are trained.
    #[derive(Default)]
    pub enum Strategy {
        #[default]
        Auto = "auto", "Chosen by the number of clips and the time";
        Probe = "probe", "A head over embeddings that are computed once";
        Last = "last", "The last layers, over outputs of those below that are computed once";
        Lora = "lora", "Low-rank adapters beside frozen weights";
        Full = "full", "Every weight";
    }
}

named! {
    /// The head of a probed model.
    #[derive(Default)]
    pub enum Head {
        #[default]
        Linear = "linear", "A linear layer";
        Neighbors = "neighbors" | "neighbours", "A vote of the nearest training clips (kNN)";
    }
}

/// How a pretrained model is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinetuneConfig {
    /// A folder or file, or a repository of the hub.
    pub pretrained: Option<String>,
    /// Branch, tag or commit of the repository.
    pub revision: Option<String>,
    /// Which weights are trained.
    #[serde(alias = "way")]
    pub strategy: Strategy,
    /// How many layers `last` trains.
    pub last_layers: usize,
    /// What a probe puts on top.
    pub head: Head,
    /// How the nearest clips vote.
    #[serde(rename = "neighbours", alias = "neighbors")]
    pub neighbors: NeighborsConfig,
    /// Time that `auto` may take, in minutes.
    pub minutes: f64,
}

impl Default for FinetuneConfig {
    fn default() -> Self {
        Self {
            pretrained: None,
            revision: None,
            strategy: Strategy::Auto,
            last_layers: 4,
            head: Head::Linear,
            neighbors: NeighborsConfig::default(),
            minutes: 10.0,
        }
    }
}

named! {
    /// How a spectrogram becomes the input of a network that was pretrained on images.
    #[derive(Default)]
    pub enum View {
        #[default]
        OwnGrid = "own-grid", "As it is, with a grid of patches of its own";
        AsImage = "as-image", "Stretched to an image with three equal channels";
    }
}

/// Settings of the Vision Transformer that are not in its checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VitSettings {
    /// How a spectrogram is shown to it.
    pub view: View,
    /// What of the last tokens is the embedding; none: what suits the checkpoint.
    pub pooling: Option<Pooling>,
    /// Changes of low rank.
    pub adapter: AdapterConfig,
    /// What the learning rate is multiplied with from each layer to the one below.
    pub layer_decay: f64,
    /// Share of the embedding that is zeroed while training.
    pub dropout: f64,
    /// Chance that a clip skips a half of the last layer while training.
    pub stochastic_depth: f64,
    /// Rows and columns of patches that are left out while training.
    pub patchout: [usize; 2],
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

/// Training settings of a model where the user sets nothing else.
pub fn recipe(kind: ModelKind, strategy: Strategy) -> TrainConfig {
    let base = TrainConfig::default();
    let over_kept = TrainConfig { augment: SpectrogramAugment::off(), ..base.clone() };
    // A pretrained network overfits first to the pitch and the largest groups of a class; these two prevent it
    // (docs/performance.md). A network from scratch gains nothing by the first.
    let varied = TrainConfig {
        group_balance: 1.0,
        augment: SpectrogramAugment { frequency_shift_share: 0.19, ..SpectrogramAugment::light() },
        ..base.clone()
    };
    // A network from scratch, or pretrained on pictures, learns the recorder: bandwidth, noise floor, and that there is none.
    // One that was pretrained on sounds gains nothing by these steps (docs/new-places.md).
    let no_recorder = |augment: SpectrogramAugment| SpectrogramAugment {
        gate_share: 0.5,
        noise_share: 0.5,
        noise_below_db: [0.0, 50.0],
        band_limit_share: 0.8,
        band_limit_lowest: 0.4,
        ..augment
    };
    let varied = match kind {
        ModelKind::Vit => TrainConfig { augment: no_recorder(varied.augment.clone()), ..varied },
        ModelKind::Cnn | ModelKind::Yamnet => varied,
    };
    match (kind, strategy) {
        // Over the kept embeddings of one that is trained, the recipe of every probe.
        (ModelKind::Cnn, strategy) if strategy != Strategy::Probe => {
            TrainConfig { group_balance: 0.5, augment: no_recorder(SpectrogramAugment::light()), ..base }
        }
        (_, Strategy::Probe) => TrainConfig {
            epochs: 100,
            batch_size: 64,
            lr: 1e-2,
            weight_decay: 0.1,
            label_smoothing: 0.0,
            patience: 0,
            ..over_kept
        },
        (_, Strategy::Last) => TrainConfig {
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
        (_, Strategy::Lora) => TrainConfig {
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
        (_, Strategy::Full | Strategy::Auto) => TrainConfig {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AugmentConfig, Config, Strength, section_flag};

    fn cnn() -> Config {
        Config { train: recipe(ModelKind::Cnn, Strategy::Auto), ..Config::default() }
    }

    #[test]
    fn the_recipes_are_valid_and_a_preset_replaces_their_augmentation() {
        cnn().train.validate().unwrap();
        for strength in [Strength::Off, Strength::Light, Strength::Strong] {
            let preset = AugmentConfig::preset(strength).spectrogram;
            let flag = section_flag("train.augment", &preset).unwrap();
            assert_eq!(Config::resolve_from(&cnn(), None, &[flag]).unwrap().train.augment, preset);
        }
    }

    #[test]
    fn a_file_that_was_written_whole_is_read_as_it_was() {
        let folder = std::env::temp_dir().join(format!("barkbird-recipe-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("c.toml");
        for written in [Config::default(), cnn()] {
            std::fs::write(&path, written.to_toml().unwrap()).unwrap();
            assert_eq!(Config::resolve_from(&cnn(), Some(&path), &[]).unwrap(), written);
        }
        std::fs::write(&path, "[train.augment]\ngain_db = 1.5\n").unwrap();
        let augment = Config::resolve_from(&cnn(), Some(&path), &[]).unwrap().train.augment;
        assert_eq!(augment, SpectrogramAugment { gain_db: 1.5, ..cnn().train.augment });
        std::fs::remove_dir_all(folder).unwrap();
    }
}
