//! The tensor names of checkpoints of the hub.

use crate::interpolation::Curve;

/// A kind of network, by the `model_type` of its `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `vit`, trained by Google and by many others.
    Vit,
    /// `deit`, with or without a distillation token.
    Deit,
    /// `dinov2`, with LayerScale.
    Dinov2,
    /// `dinov2_with_registers`
    Dinov2Registers,
    /// `audio-spectrogram-transformer`
    AudioSpectrogram,
}

/// Mean of the Audio Spectrogram Transformer's training data, and twice their standard deviation.
const AUDIOSET: [f32; 2] = [-4.267_739_3, 2.0 * 4.568_997_4];

const ALL: [(&str, &str, Layout); 5] = [
    ("vit", "vit.", Layout::Vit),
    ("deit", "deit.", Layout::Deit),
    ("dinov2", "dinov2.", Layout::Dinov2),
    ("dinov2_with_registers", "dinov2_with_registers.", Layout::Dinov2Registers),
    ("audio-spectrogram-transformer", "audio_spectrogram_transformer.", Layout::AudioSpectrogram),
];

impl Layout {
    pub(crate) fn of(model_type: &str) -> Option<Self> {
        ALL.iter().find(|(name, ..)| *name == model_type).map(|(.., layout)| *layout)
    }

    /// Every supported `model_type`.
    pub(crate) fn names() -> Vec<&'static str> {
        ALL.iter().map(|(name, ..)| *name).collect()
    }

    /// A tensor's name without the prefix of the network, which some files have.
    pub(crate) fn without_prefix<'a>(&self, name: &'a str) -> &'a str {
        let prefix = ALL.iter().find(|(.., layout)| layout == self).map_or("", |(_, prefix, _)| prefix);
        name.strip_prefix(prefix).unwrap_or(name)
    }

    /// How the original code interpolates positions to another grid.
    pub(crate) fn curve(&self) -> Curve {
        match self {
            Self::AudioSpectrogram => Curve::Linear,
            Self::Dinov2Registers => Curve::SmoothCubic,
            Self::Vit | Self::Deit | Self::Dinov2 => Curve::Cubic,
        }
    }

    /// The normalization of the network's input, if it is part of the network.
    pub(crate) fn normalization(&self) -> Option<[f32; 2]> {
        (*self == Self::AudioSpectrogram).then_some(AUDIOSET)
    }
}

/// The names of a layer's tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LayerNames {
    /// Those of `vit`.
    Long,
    /// Those of `dinov2`.
    Short,
}

impl LayerNames {
    pub(crate) fn of(has: impl Fn(&str) -> bool) -> Self {
        if has("encoder.layer.0.norm1.weight") { Self::Short } else { Self::Long }
    }

    /// Whether each half of a layer has a scale.
    pub(crate) fn has_scale(self) -> bool {
        self == Self::Short
    }

    /// Our names and theirs of all layers with a weight and a bias, except queries, keys and values.
    pub(crate) fn pairs(self) -> [(&'static str, &'static str); 5] {
        match self {
            Self::Long => [
                ("norm1", "layernorm_before"),
                ("out", "attention.output.dense"),
                ("norm2", "layernorm_after"),
                ("up", "intermediate.dense"),
                ("down", "output.dense"),
            ],
            Self::Short => [
                ("norm1", "norm1"),
                ("out", "attention.output.dense"),
                ("norm2", "norm2"),
                ("up", "mlp.fc1"),
                ("down", "mlp.fc2"),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_may_be_there_or_not() {
        let layout = Layout::of("vit").unwrap();
        assert_eq!(layout.without_prefix("vit.embeddings.cls_token"), "embeddings.cls_token");
        assert_eq!(layout.without_prefix("embeddings.cls_token"), "embeddings.cls_token");
        assert_eq!(layout.without_prefix("classifier.weight"), "classifier.weight");
        assert_eq!(Layout::of("swin"), None);
        assert_eq!(Layout::names().len(), 5);
    }
}
