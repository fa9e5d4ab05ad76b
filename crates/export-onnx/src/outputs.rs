//! What a network gives.

use crate::graph::Value;

/// What a network computes of a batch of clips.
pub(crate) struct Outputs {
    /// `[B, C]`
    pub(crate) logits: Value,
    /// `[B, D]`
    pub(crate) embedding: Value,
    /// Its width, D.
    pub(crate) dim: usize,
    /// Log-odds of the pretrained network's own classes, `[B, K]`, where the logits are made of such a network.
    pub(crate) log_odds: Option<Value>,
}
