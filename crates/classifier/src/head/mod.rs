//! Heads that are fitted at once on what a pretrained network computes: no training loop, no seed.
//!
//! | head | input | what it is |
//! | --- | --- | --- |
//! | [`evidence`] | log-odds of the network's own classes | a weighted mean of those that speak for a class |
//! | [`prototype`] | embedding, centered, length 1 | cosine similarity with the mean of each class |
//! | [`linear`] | embedding | logistic regression |
//!
//! Clips of one group count less than as many clips of several groups ([`Labeled::weights`]), and classes count equally.

mod evidence;
mod linear;
mod prototype;

pub use evidence::Evidence;

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
    fn check(&self, rows: &HeadRows<'_>) -> Result<(), Error> {
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
    /// Fits a head.
    ///
    /// # Errors
    /// A class without clips, a network without classes of its own for [`HeadKind::Evidence`], or no class of the network
    /// that speaks for a class.
    pub fn fit(kind: HeadKind, rows: &HeadRows<'_>, labels: &Labeled<'_>) -> Result<Self, Error> {
        labels.check(rows)?;
        match kind {
            HeadKind::Evidence => evidence::fit(rows, labels),
            HeadKind::Prototype => Ok(prototype::fit(rows, labels)),
            HeadKind::Linear => Ok(linear::fit(rows, labels)),
        }
    }

    /// Width of its input, X.
    pub fn width(&self) -> usize {
        self.weight.len() / self.n_classes.max(1)
    }

    /// Logits of clips, `[N, C]`.
    pub fn logits(&self, rows: &HeadRows<'_>) -> Vec<f32> {
        let width = self.width();
        let input = match self.kind {
            HeadKind::Evidence => rows.log_odds.to_vec(),
            HeadKind::Prototype => prototype::directions(rows.embedding, &self.center),
            HeadKind::Linear => rows.embedding.to_vec(),
        };
        let mut logits = Vec::with_capacity(rows.n_clips() * self.n_classes);
        for row in input.chunks_exact(width) {
            for (weight, bias) in self.weight.chunks_exact(width).zip(&self.bias) {
                let sum: f64 = row.iter().zip(weight).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
                logits.push((sum + f64::from(*bias)) as f32);
            }
        }
        logits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clips of two classes: the embedding points to one of two corners, own class 0 or 1 fires, 2 fires always.
    pub(super) fn clips() -> (Vec<f32>, Vec<f32>, Vec<u32>, Vec<String>) {
        let (mut embedding, mut log_odds, mut class, mut group) = (vec![], vec![], vec![], vec![]);
        for i in 0..40u32 {
            let (c, wobble) = (i % 2, (i as f32).sin());
            embedding.extend([
                5.0 + wobble,
                if c == 0 { 1.0 } else { 0.0 },
                if c == 1 { 1.0 } else { 0.0 } + 0.2 * wobble,
            ]);
            log_odds.extend([
                if c == 0 { 1.0 } else { -6.0 } + wobble,
                if c == 1 { 0.0 } else { -7.0 } - wobble,
                3.0,
                -9.0,
                -9.0,
            ]);
            class.push(c);
            group.push(format!("g{}", i / 4));
        }
        (embedding, log_odds, class, group)
    }

    #[test]
    fn every_head_separates_what_can_be_separated() {
        let (embedding, log_odds, class, group) = clips();
        let group: Vec<&str> = group.iter().map(String::as_str).collect();
        let rows = HeadRows { dim: 3, embedding: &embedding, n_own: 5, log_odds: &log_odds };
        let labels = Labeled { n_classes: 2, class: &class, group: &group };
        for kind in HeadKind::ALL {
            let head = Head::fit(kind, &rows, &labels).unwrap();
            let logits = head.logits(&rows);
            for (logits, class) in logits.chunks_exact(2).zip(&class) {
                assert_eq!(crate::largest(logits), *class as usize, "{kind:?} {logits:?}");
            }
        }
    }

    #[test]
    fn groups_count_as_their_size_to_a_power() {
        let labels = Labeled { n_classes: 2, class: &[0, 0, 0, 1], group: &["a", "a", "b", "a"] };
        let third = 1.0 / 3.0;
        for (power, expected) in [(0.0, [third, third, third, 1.0]), (1.0, [0.25, 0.25, 0.5, 1.0])] {
            for (got, expected) in labels.weights(power).iter().zip(expected) {
                assert!((got - expected).abs() < 1e-12, "{power}: {got} {expected}");
            }
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_said() {
        let rows = HeadRows { dim: 1, embedding: &[1.0, 2.0], n_own: 0, log_odds: &[] };
        let of = |class: &[u32]| {
            let labels = Labeled { n_classes: 2, class, group: &["a", "b"] };
            Head::fit(HeadKind::Evidence, &rows, &labels).unwrap_err().to_string()
        };
        assert_eq!(of(&[0, 0]), "head: no clip of class 1");
        assert_eq!(of(&[0, 1]), "evidence: the network has no classes of its own");
    }
}
