//! How much of each class goes to training, validation and test.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Shares of the rows of each class; they are divided by their sum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// For training.
    pub train: f64,
    /// For choosing the epoch and the threshold.
    pub val: f64,
    /// For the figure that is reported.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Self {
        Shares { train: 0.7, val: 0.15, test: 0.15 }
    }
}

impl Shares {
    /// Checks that the shares can be dealt out.
    ///
    /// # Errors
    /// A share below 0 or not finite, or nothing for training.
    pub fn validate(&self) -> Result<()> {
        let fine = [self.train, self.val, self.test].iter().all(|share| share.is_finite() && *share >= 0.0);
        if fine && self.train > 0.0 {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "shares",
            expected: "train above 0, val and test from 0",
            got: format!("{}, {}, {}", self.train, self.val, self.test),
        })
    }

    pub(crate) fn normalized(&self) -> [f64; 3] {
        let sum = self.train + self.val + self.test;
        [self.train / sum, self.val / sum, self.test / sum]
    }
}
