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
mod types;

pub use evidence::Evidence;
pub use types::{Head, HeadKind, HeadRows, Labeled};

use crate::Error;

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
