//! What each detector declares about itself, beside fitting and scoring.

use crate::error::{Error, Result};
use crate::inputs::{Input, Inputs, Known};
use crate::rows::Rows;

/// The declaration of a detector, implemented by its fitted type at the foot of its file. [`Method`](crate::Method) and
/// [`Detector`](crate::Detector) take everything but the name from here; the name is in [`registry`](crate::registry).
pub(crate) trait Declaration: Sized {
    /// Settings.
    type Config: Default;

    /// What the score is, in words, for tables.
    const DESCRIPTION: &'static str;

    /// The rows that it is fitted from and scores.
    const NEEDS: &'static [Input];

    /// Whether it is fitted with labeled unknown sounds.
    const NEEDS_UNKNOWNS: bool = false;

    /// [`DESCRIPTION`](Self::DESCRIPTION), or another one for special settings.
    fn describe(_config: &Self::Config) -> &'static str {
        Self::DESCRIPTION
    }

    /// Further settings that are measured beside the default ones, each with a name of its own.
    fn variants() -> Vec<(&'static str, Self::Config)> {
        Vec::new()
    }

    /// The method that ranks exactly as this one does with so many classes.
    fn ranks_like(_config: &Self::Config, _n_classes: usize) -> Option<&'static str> {
        None
    }

    /// Fits it.
    fn fit_given(given: &Given<'_>, known: &Known<'_>, config: &Self::Config) -> Result<Self>;

    /// Scores clips, `[M]`; higher is less like the known sounds.
    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>>;
}

/// Rows that were given to a method. Asking for rows that are not there is an error that names the method.
pub(crate) struct Given<'a> {
    method: &'static str,
    inputs: &'a Inputs<'a>,
}

impl<'a> Given<'a> {
    pub(crate) fn new(method: &'static str, inputs: &'a Inputs<'a>) -> Self {
        Self { method, inputs }
    }

    pub(crate) fn embedding(&self) -> Result<Rows<'a>> {
        self.required(self.inputs.embedding, "embeddings")
    }

    pub(crate) fn logits(&self) -> Result<Rows<'a>> {
        self.required(self.inputs.logits, "logits")
    }

    pub(crate) fn backbone_scores(&self) -> Result<Rows<'a>> {
        self.required(self.inputs.backbone_scores, "the scores of a backbone's own classes")
    }

    pub(crate) fn cells(&self) -> Result<Rows<'a>> {
        self.required(self.inputs.cells, "the cells of spectrograms")
    }

    pub(crate) fn required<'b>(&self, rows: Option<Rows<'b>>, input: &'static str) -> Result<Rows<'b>> {
        rows.ok_or(Error::Missing { method: self.method, input })
    }
}
