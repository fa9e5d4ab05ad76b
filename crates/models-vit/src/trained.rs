use serde::{Deserialize, Serialize};

/// What of a Vision Transformer is trained: the head always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trained {
    /// The head alone.
    Head,
    /// The last layers, so many, and the norm behind them.
    Last(usize),
    /// A change of low rank beside each frozen weight; the configuration says of which rank.
    Adapters,
    /// Everything.
    All,
}

impl Trained {
    /// The first of `n_layers` layers that has trained weights; `n_layers` where none has.
    pub fn first_layer(self, n_layers: usize) -> usize {
        match self {
            Self::Head => n_layers,
            Self::Last(n) => n_layers.saturating_sub(n),
            Self::Adapters | Self::All => 0,
        }
    }
}
