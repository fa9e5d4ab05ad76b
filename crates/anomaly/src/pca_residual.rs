//! Distance to the principal subspace of the training rows.

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::Result;
use crate::inputs::{Input, Known};
use crate::matrix::mean_of;
use crate::rows::Rows;
use crate::stored::Stored;
use crate::subspace::{Keep, Subspace};

/// Settings of [`PcaResidual`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PcaResidualConfig {
    /// Which components are kept.
    pub keep: Keep,
}

/// The principal components of the training rows. Score: the norm of a row's residual outside of them.
///
/// Source: Jackson and Mudholkar (1979), "Control Procedures for Residuals Associated with Principal Component
/// Analysis".
#[derive(Debug, Clone, PartialEq)]
pub struct PcaResidual {
    config: PcaResidualConfig,
    subspace: Subspace,
}

impl PcaResidual {
    /// Fits the components of the rows `[N, D]`; the time grows with N D² or N² D, whichever is less.
    ///
    /// # Errors
    /// Fewer than two rows, or rows that are all equal.
    pub fn fit(rows: Rows<'_>, config: &PcaResidualConfig) -> Result<Self> {
        let subspace = Subspace::fit(rows, &mean_of(rows), config.keep)?;
        Ok(Self { config: config.clone(), subspace })
    }

    /// Number of components kept.
    pub fn n_components(&self) -> usize {
        self.subspace.n_components()
    }

    /// Scores of the rows `[M, D]`.
    ///
    /// # Errors
    /// Rows of another width than the training rows.
    pub fn score(&self, rows: Rows<'_>) -> Result<Vec<f64>> {
        self.subspace.distances(rows)
    }

    /// `origin` `[D]` and `components` `[K, D]`.
    pub fn to_tensors(&self) -> Stored {
        self.subspace.store(Stored::new(&self.config))
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        Ok(Self { config: stored.settings()?, subspace: Subspace::from_tensors(stored)? })
    }
}

impl Declaration for PcaResidual {
    type Config = PcaResidualConfig;
    const DESCRIPTION: &'static str = "what principal components leave over";
    const NEEDS: &'static [Input] = &[Input::Embedding];

    fn fit_given(given: &Given<'_>, _known: &Known<'_>, config: &PcaResidualConfig) -> Result<Self> {
        Self::fit(given.embedding()?, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.embedding()?)
    }
}
