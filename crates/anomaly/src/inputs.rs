//! The rows that detectors are fitted from and score.

use serde::{Deserialize, Serialize};

use crate::rows::{Labels, Rows};

/// Rows that describe some clips, row for row. A method takes those that it needs.
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

/// The clips that detectors are fitted on: clips of the known classes, and labeled unknown sounds where there are any.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The training clips.
    pub inputs: Inputs<'a>,
    /// Their classes.
    pub labels: Labels<'a>,
    /// Labeled unknown sounds, for methods that need them ([`Method::needs_unknowns`](crate::Method::needs_unknowns)).
    pub unknowns: Inputs<'a>,
}

/// One kind of rows.
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
