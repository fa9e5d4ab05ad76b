//! How often other clips are mixed into the views of a clip.

use crate::error::{Result, bail};
use serde::{Deserialize, Serialize};

/// How often and how much another clip of the class is mixed into a view.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MixConfig {
    /// The probability that a view has a partner, 0 to 1.
    pub share: f32,
    /// Shares of the mixture are drawn from Beta(alpha, alpha), the larger for the clip itself; above 0.
    pub alpha: f32,
}

impl Default for MixConfig {
    fn default() -> Self {
        Self { share: 0.0, alpha: 0.4 }
    }
}

impl MixConfig {
    /// Checks that the numbers make sense.
    pub fn validate(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.share) {
            bail!("mix.share: expected 0 to 1, got {}", self.share);
        }
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            bail!("mix.alpha: expected a number above 0, got {}", self.alpha);
        }
        Ok(())
    }
}
