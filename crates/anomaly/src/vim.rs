//! Virtual-logit matching (ViM): the residual outside the principal subspace as one more logit.

use serde::{Deserialize, Serialize};

use crate::declaration::{Declaration, Given};
use crate::error::{Error, Result};
use crate::inputs::{Input, Known};
use crate::logits::{log_sum_exp, max, tempered};
use crate::matrix::mean_of;
use crate::rows::Rows;
use crate::stored::Stored;
use crate::subspace::{Keep, Subspace};

/// Settings of [`Vim`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VimConfig {
    /// Which components are kept. The paper keeps 1000 of 2048 or more, 512 of 768 or more, else half. With fewer rows than
    /// that there would be no residual, so the default is a share of the variance instead.
    pub keep: Keep,
}

/// The principal subspace of the training rows, and the factor that scales residuals to the size of logits. Score: this
/// virtual logit minus the log-sum-exp of the true ones, which ranks clips as the virtual class's softmax probability
/// does.
///
/// Source: Wang, Li, Feng and Zhang (2022), "ViM: Out-Of-Distribution with Virtual-logit Matching".
#[derive(Debug, Clone, PartialEq)]
pub struct Vim {
    config: VimConfig,
    subspace: Subspace,
    /// Mean largest logit over mean residual.
    factor: f32,
}

impl Vim {
    /// Fits on embeddings `[N, D]` and their logits `[N, C]`.
    ///
    /// `origin` `[D]` is the point `-W⁺ b` of a linear head `W x + b`, as in the paper; without it, the mean of the rows.
    ///
    /// # Errors
    /// Another number of logits than of embeddings; components that leave no residual; a mean largest logit that is not
    /// above 0.
    pub fn fit(embedding: Rows<'_>, logits: Rows<'_>, origin: Option<&[f32]>, config: &VimConfig) -> Result<Self> {
        logits.expect_rows("logits for embeddings", embedding.n_rows())?;
        let d = embedding.n_columns();
        let origin = match origin {
            None => mean_of(embedding),
            Some(origin) if origin.len() == d => origin.iter().map(|&value| f64::from(value)).collect(),
            Some(origin) => {
                let (expected, got) = (d.to_string(), origin.len().to_string());
                return Err(Error::Shape { what: "columns of the origin", expected, got });
            }
        };
        let subspace = Subspace::fit(embedding, &origin, config.keep)?;
        let residual: f64 = subspace.distances(embedding)?.iter().sum();
        let largest: f64 = logits.iter().map(max).sum();
        let factor = (largest / residual) as f32;
        let usable = factor.is_finite() && factor > 0.0 && residual > 1e-6 * embedding.n_rows() as f64;
        if !usable {
            let (expected, got) =
                ("directions that leave a residual, and largest logits above 0 in the mean", residual);
            return Err(Error::Setting { setting: "keep", expected, got: format!("residuals of {got} in sum") });
        }
        Ok(Self { config: config.clone(), subspace, factor })
    }

    /// Scores of embeddings `[M, D]` with their logits `[M, C]`.
    ///
    /// # Errors
    /// Embeddings of another width than the training rows, or another number of logits.
    pub fn score(&self, embedding: Rows<'_>, logits: Rows<'_>) -> Result<Vec<f64>> {
        logits.expect_rows("logits for embeddings", embedding.n_rows())?;
        let residuals = self.subspace.distances(embedding)?;
        let score = |(residual, row)| f64::from(self.factor) * residual - log_sum_exp(tempered(row, 1.0));
        Ok(residuals.into_iter().zip(logits.iter()).map(score).collect())
    }

    /// `origin` `[D]`, `components` `[K, D]`, `factor` `[1]`.
    pub fn to_tensors(&self) -> Stored {
        self.subspace.store(Stored::new(&self.config)).with("factor", &[1], vec![self.factor])
    }

    /// Reads what [`to_tensors`](Self::to_tensors) returned.
    ///
    /// # Errors
    /// An array or a setting that is missing or wrong.
    pub fn from_tensors(stored: &Stored) -> Result<Self> {
        let factor = stored.values("factor", &[Some(1)])?[0];
        Ok(Self { config: stored.settings()?, subspace: Subspace::from_tensors(stored)?, factor })
    }
}

impl Declaration for Vim {
    type Config = VimConfig;
    const DESCRIPTION: &'static str = "what lies outside the main directions, beside the logits (ViM)";
    const NEEDS: &'static [Input] = &[Input::Embedding, Input::Logits];

    fn fit_given(given: &Given<'_>, _known: &Known<'_>, config: &VimConfig) -> Result<Self> {
        Self::fit(given.embedding()?, given.logits()?, None, config)
    }

    fn score_given(&self, given: &Given<'_>) -> Result<Vec<f64>> {
        self.score(given.embedding()?, given.logits()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_residual_or_unsure_logits_raise_the_score() {
        let (mut rows, mut logits) = (Vec::new(), Vec::new());
        for i in 0..50 {
            let x = (i as f32 * 0.7).sin() * 4.0;
            rows.extend([x, 0.1 * (i as f32).cos(), 0.0]);
            logits.extend([x, -x]);
        }
        let (rows, logits) = (Rows::new(&rows, 3).unwrap(), Rows::new(&logits, 2).unwrap());
        let vim = Vim::fit(rows, logits, None, &VimConfig { keep: Keep::Components(1) }).unwrap();
        let few = [3.0, 0.0, 0.0, 3.0, 0.0, 2.0, 0.1, 0.0, 0.0];
        let few_logits = [3.0, -3.0, 3.0, -3.0, 0.1, -0.1];
        let scores = vim.score(Rows::new(&few, 3).unwrap(), Rows::new(&few_logits, 2).unwrap()).unwrap();
        assert!(scores[1] > scores[0] + 1.0 && scores[2] > scores[0] + 1.0, "{scores:?}");
        let nothing_left = Vim::fit(rows, logits, None, &VimConfig { keep: Keep::Components(3) });
        assert!(nothing_left.unwrap_err().to_string().starts_with("keep: expected directions that leave"));
    }
}
