use serde::{Deserialize, Serialize};

/// Which part of a Vision Transformer is trained; the head always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trained {
    /// The head only (linear probe).
    Head,
    /// This number of last layers, and the norm after them.
    Last(usize),
    /// Low-rank adapters of the frozen weights (LoRA); the configuration has their rank.
    Adapters,
    /// Everything.
    All,
}

impl Trained {
    /// The first of `n_layers` layers with trained weights; `n_layers` if there is none.
    pub fn first_layer(self, n_layers: usize) -> usize {
        match self {
            Self::Head => n_layers,
            Self::Last(n) => n_layers.saturating_sub(n),
            Self::Adapters | Self::All => 0,
        }
    }
}
