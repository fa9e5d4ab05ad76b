use classifier::Error;
use serde::{Deserialize, Serialize};

/// How a stage halves bands and frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Downsample {
    /// The largest of each 2 x 2 values.
    MaxPool,
    /// The mean of each 2 x 2 values.
    AveragePool,
    /// A convolution with stride 2: a quarter of the work.
    Stride,
}

/// How the last map becomes one vector, whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapPooling {
    /// The mean over bands and frames.
    Mean,
    /// The mean over bands, then the mean and the maximum over frames, concatenated: the maximum
    /// represents short events and clips that are mostly padding, the mean long sounds.
    MeanMax,
}

/// The configuration of a [`crate::Cnn`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CnnConfig {
    /// Channels of each stage. A stage halves bands and frames, if there are at least two of them.
    pub channels: Vec<usize>,
    /// How a stage halves bands and frames.
    pub downsample: Downsample,
    /// Whether every stage but the first ends in a residual block of two more convolutions.
    pub residual: bool,
    /// Dropout of the embedding before the last layer, in `[0, 1)`.
    pub dropout: f64,
    /// Pooling of the last map to a vector.
    pub pooling: MapPooling,
}

impl Default for CnnConfig {
    fn default() -> Self {
        Self::small()
    }
}

impl CnnConfig {
    /// Four stages of 16, 32, 64 and 128 channels: about 100,000 parameters, for a laptop and a few hundred clips.
    pub fn small() -> Self {
        Self {
            channels: vec![16, 32, 64, 128],
            downsample: Downsample::MaxPool,
            residual: false,
            dropout: 0.2,
            pooling: MapPooling::MeanMax,
        }
    }

    /// Twice as wide, with residual blocks: about 2 million parameters, and eight times the work of [`Self::small`].
    pub fn base() -> Self {
        Self { channels: vec![32, 64, 128, 256], residual: true, dropout: 0.3, ..Self::small() }
    }

    /// The preset of this name.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "small" => Some(Self::small()),
            "base" => Some(Self::base()),
            _ => None,
        }
    }

    /// The `architecture` of a model file: `kind` is `cnn`, the other fields are those of this struct.
    pub fn architecture(&self) -> serde_json::Value {
        let mut architecture = serde_json::json!(self);
        architecture["kind"] = "cnn".into();
        architecture
    }

    /// Width of the embedding.
    pub fn embedding_dim(&self) -> usize {
        let n_channels = self.channels.last().copied().unwrap_or(0);
        match self.pooling {
            MapPooling::Mean => n_channels,
            MapPooling::MeanMax => 2 * n_channels,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |what: &str, expected: &str, got: String| {
            Err(Error::Shape { what: format!("CNN configuration: {what}"), expected: expected.into(), got })
        };
        if self.channels.is_empty() || self.channels.contains(&0) {
            return wrong(
                "channels",
                "at least one stage, each of at least one channel",
                format!("{:?}", self.channels),
            );
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return wrong("dropout", "0 <= dropout < 1", self.dropout.to_string());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_json() {
        let config = CnnConfig::base();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<CnnConfig>(&json).unwrap(), config);
        assert_eq!(serde_json::from_str::<CnnConfig>("{}").unwrap(), CnnConfig::small());
        assert!(serde_json::from_str::<CnnConfig>("{\"chanels\": [1]}").is_err());
    }

    #[test]
    fn presets_have_names() {
        assert_eq!(CnnConfig::preset("base"), Some(CnnConfig::base()));
        assert_eq!(CnnConfig::preset("huge"), None);
    }

    #[test]
    fn refuses_what_is_no_network() {
        let without = CnnConfig { channels: vec![], ..CnnConfig::small() };
        assert!(without.check().unwrap_err().to_string().contains("at least one stage"));
        let drop_all = CnnConfig { dropout: 1.0, ..CnnConfig::small() };
        assert!(drop_all.check().unwrap_err().to_string().contains("0 <= dropout < 1, got 1"));
    }
}
