//! Which of a pretrained network's own classes speak for each of the user's.

use super::types::{Head, HeadKind, HeadRows, Labeled};
use crate::Error;

/// Most of the network's classes that speak for one of the user's.
const MOST: usize = 8;
/// Clips of a group count as the square root of their number: a group of 100 says more than one of 1, but not 100 times.
const GROUP_POWER: f64 = 0.5;

/// A class of the network that speaks for one of the user's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Its number among the network's classes.
    pub own: usize,
    /// Its share of the class's score, above 0; those of one class add up to 1.
    pub weight: f32,
}

/// The logit of a class is the weighted mean log-odds of the network's classes that speak for it.
///
/// The evidence of a network's class for one of the user's is its mean log-odds over that class's clips, minus the larger
/// of two: its mean over another class's clips (the largest one), and the mean of all of the network's classes over the
/// same clips. The eight strongest above 0 are taken, weighted by their evidence. There is no threshold to fit: a class
/// wins where its own sounds are the more certain, which holds for recordings unlike the training clips too.
pub(super) fn fit(rows: &HeadRows<'_>, labels: &Labeled<'_>) -> Result<Head, Error> {
    let (n_own, n_classes) = (rows.n_own, labels.n_classes);
    if n_own == 0 {
        return Err(Error::Fit("evidence: the network has no classes of its own".into()));
    }
    let mut means = vec![vec![0.0f64; n_own]; n_classes];
    let weights = labels.weights(GROUP_POWER);
    for ((row, class), weight) in rows.log_odds.chunks_exact(n_own).zip(labels.class).zip(&weights) {
        means[*class as usize].iter_mut().zip(row).for_each(|(mean, value)| *mean += weight * f64::from(*value));
    }
    let mut weight = vec![0.0f32; n_classes * n_own];
    for (class, of_class) in weight.chunks_exact_mut(n_own).enumerate() {
        let base = means[class].iter().sum::<f64>() / n_own as f64;
        let others = |own: usize| {
            let others = (0..n_classes).filter(|other| *other != class).map(|other| means[other][own]);
            others.fold(base, f64::max)
        };
        let mut evidence: Vec<(usize, f64)> = (0..n_own).map(|own| (own, means[class][own] - others(own))).collect();
        evidence.retain(|(_, evidence)| *evidence > 0.0);
        evidence.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        evidence.truncate(MOST);
        let total: f64 = evidence.iter().map(|(_, evidence)| evidence).sum();
        if evidence.is_empty() {
            return Err(Error::Fit(format!("evidence: no class of the network speaks for class {class}")));
        }
        evidence.iter().for_each(|(own, evidence)| of_class[*own] = (evidence / total) as f32);
    }
    Ok(Head { kind: HeadKind::Evidence, n_classes, weight, bias: vec![0.0; n_classes], center: Vec::new() })
}

impl Head {
    /// The network's classes that speak for each of the user's, the strongest first; none where the head is another.
    pub fn evidence(&self) -> Option<Vec<Vec<Evidence>>> {
        let of_class = |weights: &[f32]| {
            let spoken = weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
            let mut all: Vec<Evidence> = spoken.map(|(own, weight)| Evidence { own, weight: *weight }).collect();
            all.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.own.cmp(&b.own)));
            all
        };
        (self.kind == HeadKind::Evidence).then(|| self.weight.chunks_exact(self.width()).map(of_class).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HeadKind, tests::clips};
    use super::*;

    #[test]
    fn a_class_is_spoken_for_by_what_fires_for_it_alone() {
        let (embedding, log_odds, class, group) = clips();
        let group: Vec<&str> = group.iter().map(String::as_str).collect();
        let rows = HeadRows { dim: 3, embedding: &embedding, n_own: 5, log_odds: &log_odds };
        let labels = Labeled { n_classes: 2, class: &class, group: &group };
        let head = Head::fit(HeadKind::Evidence, &rows, &labels).unwrap();
        let evidence = head.evidence().unwrap();
        assert_eq!(evidence.iter().map(|of| (of.len(), of[0].own)).collect::<Vec<_>>(), [(1, 0), (1, 1)]);
        let same = vec![1.0; 200];
        let rows = HeadRows { log_odds: &same, ..rows };
        let error = Head::fit(HeadKind::Evidence, &rows, &labels).unwrap_err().to_string();
        assert_eq!(error, "evidence: no class of the network speaks for class 0");
    }
}
