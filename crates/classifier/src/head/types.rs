//! What heads are fitted on, and what comes out.

use crate::Error;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What a head is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadKind {
    /// Classes of the pretrained network that speak for each class.
    Evidence,
    /// The mean direction of each class.
    Prototype,
    /// Logistic regression.
    Linear,
}

impl HeadKind {
    /// All, the one that learns least first.
    pub const ALL: [Self; 3] = [Self::Evidence, Self::Prototype, Self::Linear];

    /// Its name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Prototype => "prototype",
            Self::Linear => "linear",
        }
    }
}

/// What a pretrained network computed for N clips.
#[derive(Debug, Clone, Copy)]
pub struct HeadRows<'a> {
    /// Width of the embedding, D.
    pub dim: usize,
    /// `[N, D]`.
    pub embedding: &'a [f32],
    /// Classes of the network's own, K; 0 where it has none.
    pub n_own: usize,
    /// `[N, K]`.
    pub log_odds: &'a [f32],
}

impl HeadRows<'_> {
    /// Number of clips, N.
    pub fn n_clips(&self) -> usize {
        self.embedding.len() / self.dim.max(1)
    }
}

/// Classes and groups of N clips.
#[derive(Debug, Clone, Copy)]
pub struct Labeled<'a> {
    /// Number of classes, C.
    pub n_classes: usize,
    /// `[N]`, each below C.
    pub class: &'a [u32],
    /// `[N]`: clips of one group share a recording or an animal.
    pub group: &'a [&'a str],
}

impl Labeled<'_> {
    /// A weight for each clip, `[N]`: in proportion to `n^-power`, where `n` clips of its class are in its group; those of
    /// each class add up to 1. With power 0 clips count equally, with power 1 groups.
    pub fn weights(&self, power: f64) -> Vec<f64> {
        let mut sizes: HashMap<(u32, &str), f64> = HashMap::new();
        let keys = || self.class.iter().copied().zip(self.group.iter().copied());
        keys().for_each(|key| *sizes.entry(key).or_default() += 1.0);
        let mut weights: Vec<f64> = keys().map(|key| sizes[&key].powf(-power)).collect();
        let mut totals = vec![0.0; self.n_classes];
        weights.iter().zip(self.class).for_each(|(weight, class)| totals[*class as usize] += weight);
        weights.iter_mut().zip(self.class).for_each(|(weight, class)| *weight /= totals[*class as usize]);
        weights
    }

    /// Fails where a class has no clip, or labels do not belong to the rows.
    pub(super) fn check(&self, rows: &HeadRows<'_>) -> Result<(), Error> {
        let n = rows.n_clips();
        if self.class.len() != n || self.group.len() != n {
            return Err(Error::Fit(format!("head: {} labels for {n} clips", self.class.len())));
        }
        for class in 0..self.n_classes as u32 {
            if !self.class.contains(&class) {
                return Err(Error::Fit(format!("head: no clip of class {class}")));
            }
        }
        match self.class.iter().find(|class| **class as usize >= self.n_classes) {
            Some(class) => Err(Error::Fit(format!("head: class {class} is not below {}", self.n_classes))),
            None => Ok(()),
        }
    }
}

/// A fitted head: one matrix over one of the inputs of the table above.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// What it is.
    pub kind: HeadKind,
    /// Number of classes, C.
    pub n_classes: usize,
    /// `[C, X]`, X the width of its input.
    pub weight: Vec<f32>,
    /// `[C]`.
    pub bias: Vec<f32>,
    /// `[D]`: subtracted from the embedding by a prototype; empty for the others.
    pub center: Vec<f32>,
}

impl Head {
    /// Width of its input, X.
    pub fn width(&self) -> usize {
        self.weight.len() / self.n_classes.max(1)
    }
}
