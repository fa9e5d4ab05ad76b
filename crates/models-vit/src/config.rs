use crate::Error;
use serde::{Deserialize, Serialize};

/// How the embedding is computed from the last layer's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The class token.
    Class,
    /// The mean of the patch tokens.
    Mean,
    /// Both, concatenated.
    ClassMean,
    /// The mean of the class and the distillation token.
    ClassDistillation,
}

/// Low-rank adapters of frozen weights (E. Hu et al., "LoRA", 2021).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterConfig {
    /// Rank of an adapter.
    pub rank: usize,
    /// The product of the two factors is scaled by `alpha / rank`.
    pub alpha: f64,
    /// Whether the two linear layers after the attention have adapters too.
    pub mlp: bool,
}

impl Default for AdapterConfig {
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, mlp: true }
    }
}

/// The configuration of a [`crate::Vit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VitConfig {
    /// Bands and frames of the spectrogram.
    pub input: [usize; 2],
    /// Rows and columns to which the spectrogram is resized (bilinear) before it is cut into patches; none: not resized.
    #[serde(default)]
    pub resize: Option<[usize; 2]>,
    /// Input channels, each a copy of the spectrogram: 1, or 3 as for an image.
    pub channels: usize,
    /// Factor of the normalized input.
    pub input_scale: f64,
    /// Mean and standard deviation of the pretraining data; none: those of the training clips are used.
    #[serde(default)]
    pub normalization: Option<[f32; 2]>,
    /// Rows and columns of a patch.
    pub patch: [usize; 2],
    /// Distance between patches in rows and columns.
    pub stride: [usize; 2],
    /// Width of a token, D.
    pub dim: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of heads.
    pub heads: usize,
    /// Width between the two linear layers after the attention.
    pub hidden: usize,
    /// Added to the variances in all norms.
    pub epsilon: f64,
    /// Whether each half of a layer is scaled by a vector before it is added (LayerScale).
    pub layer_scale: bool,
    /// Number of register tokens, which belong to no patch and no output.
    pub registers: usize,
    /// Whether there is a distillation token, a second output token.
    pub distillation: bool,
    /// How the embedding is computed from the tokens.
    pub pooling: Pooling,
    /// Dropout of the embedding before the last layer, in `[0, 1)`.
    pub dropout: f64,
    /// Stochastic depth: probability that a clip skips a half of the last layer in training; it rises from 0 at the first layer.
    pub stochastic_depth: f64,
    /// Rows and columns of patches that are dropped in training (K. Koutini et al., "Efficient Training of Audio
    /// Transformers with Patchout", 2022).
    pub patchout: [usize; 2],
    /// Low-rank adapters, if they are trained.
    #[serde(default)]
    pub adapter: Option<AdapterConfig>,
}

impl VitConfig {
    /// The `architecture` of a model file: `kind` is `vit`, the other fields are those of this struct.
    pub fn architecture(&self) -> serde_json::Value {
        let mut architecture = serde_json::json!(self);
        architecture["kind"] = "vit".into();
        architecture
    }

    /// Rows and columns of the image that is cut into patches.
    pub fn image(&self) -> [usize; 2] {
        self.resize.unwrap_or(self.input)
    }

    /// Rows and columns of patches; a remainder that does not fill a patch is dropped.
    pub fn grid(&self) -> [usize; 2] {
        let image = self.image();
        std::array::from_fn(|i| image[i].saturating_sub(self.patch[i]) / self.stride[i].max(1) + 1)
    }

    /// Number of patches.
    pub fn n_patches(&self) -> usize {
        let [rows, columns] = self.grid();
        rows * columns
    }

    /// Number of output tokens; each has a position of its own.
    pub fn n_output_tokens(&self) -> usize {
        1 + usize::from(self.distillation)
    }

    /// Number of tokens of a clip.
    pub fn n_tokens(&self) -> usize {
        self.n_output_tokens() + self.registers + self.n_patches()
    }

    /// Number of values of a patch.
    pub fn patch_len(&self) -> usize {
        self.channels * self.patch[0] * self.patch[1]
    }

    /// Width of the embedding.
    pub fn embedding_dim(&self) -> usize {
        if self.pooling == Pooling::ClassMean { 2 * self.dim } else { self.dim }
    }

    /// Checks the configuration.
    ///
    /// # Errors
    /// The first invalid field, by name.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |field: &'static str, expected: &str, got: String| {
            Err(Error::Config { field, expected: expected.to_owned(), got })
        };
        let image = self.image();
        let least = [self.dim, self.layers, self.heads, self.hidden, self.channels];
        if least.contains(&0) || self.patch.contains(&0) || self.stride.contains(&0) {
            return wrong("dim, layers, heads, hidden, channels, patch, stride", "1 or more each", format!("{self:?}"));
        }
        if !self.dim.is_multiple_of(self.heads) || !(self.dim / self.heads).is_multiple_of(2) {
            let got = format!("{} and {} heads", self.dim, self.heads);
            return wrong("dim", "a multiple of the number of heads, each of an even width", got);
        }
        if image[0] < self.patch[0] || image[1] < self.patch[1] {
            let expected = format!("at least a patch of {} x {}", self.patch[0], self.patch[1]);
            return wrong("input", &expected, format!("{} x {}", image[0], image[1]));
        }
        for (field, share) in [("dropout", self.dropout), ("stochastic_depth", self.stochastic_depth)] {
            if !(0.0..1.0).contains(&share) {
                return wrong(field, "0 or more, below 1", share.to_string());
            }
        }
        let grid = self.grid();
        if self.patchout[0] >= grid[0] || self.patchout[1] >= grid[1] {
            let expected = format!("fewer than the {} rows and {} columns of patches", grid[0], grid[1]);
            return wrong("patchout", &expected, format!("{:?}", self.patchout));
        }
        if self.pooling == Pooling::ClassDistillation && !self.distillation {
            return wrong("pooling", "class-distillation only with a distillation token", "none".into());
        }
        if self.adapter.is_some_and(|adapter| adapter.rank == 0) {
            return wrong("adapter.rank", "1 or more", "0".into());
        }
        Ok(())
    }
}
