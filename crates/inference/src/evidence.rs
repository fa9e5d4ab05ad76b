//! Which of a pretrained network's own classes spoke.

use crate::error::{Result, bail};
use crate::model::Model;
use crate::unknown::Detectors;

/// Most classes that are named.
const MOST: usize = 5;
/// Classes below this probability are not named.
const LEAST: f32 = 0.05;

/// Whether verdicts name the strongest of a pretrained network's own classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShowEvidence {
    /// No.
    #[default]
    No,
    /// Where the model has such a network.
    WherePossible,
    /// Yes; a model without such a network is an error.
    Yes,
}

/// Names of the classes of the network whose scores [`Outputs::backbone`](crate::unknown::Outputs::backbone) has: that of the
/// detectors, else the model's own. Empty where there is none or evidence is not asked for.
///
/// # Errors
/// [`ShowEvidence::Yes`] where there is none.
pub(crate) fn names(model: &Model, detectors: Option<&Detectors>, show: ShowEvidence) -> Result<Vec<String>> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    if show == ShowEvidence::No {
        return Ok(Vec::new());
    }
    if let Some(backbone) = detectors.and_then(|detectors| detectors.backbone.as_ref()) {
        return Ok(owned(backbone.class_names()));
    }
    for member in &model.members {
        if !member.classifier.heads()?.is_empty() {
            return Ok(owned(member.classifier.pretrained_classes()));
        }
    }
    if show == ShowEvidence::Yes {
        let of_detector = match detectors.is_none() && model.header.outlier.is_some() {
            true => "; the network of its detector is not run with --reject none",
            false => "",
        };
        bail!(
            "--evidence: {} contains no pretrained network with classes of its own{of_detector}; `barkbird fit` with YAMNet's \
             weights (--backbone) makes a model that does",
            model.path.display()
        );
    }
    Ok(Vec::new())
}

/// The strongest classes by their scores `[K]`, at most five.
pub(crate) fn strongest(scores: &[f32], names: &[String]) -> Vec<(String, f32)> {
    let named = names.iter().zip(scores).filter(|(_, score)| **score >= LEAST);
    first(named.map(|(name, score)| (name.clone(), *score)).collect())
}

/// The strongest classes of several windows, each with its largest probability.
pub(crate) fn strongest_of<'a>(windows: impl Iterator<Item = &'a [(String, f32)]>) -> Vec<(String, f32)> {
    let mut all: Vec<(String, f32)> = Vec::new();
    for (name, score) in windows.flatten() {
        match all.iter_mut().find(|(other, _)| other == name) {
            Some((_, largest)) => *largest = largest.max(*score),
            None => all.push((name.clone(), *score)),
        }
    }
    first(all)
}

/// The first few, the largest first; equal ones by name.
fn first(mut all: Vec<(String, f32)>) -> Vec<(String, f32)> {
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_first_and_the_weak_left_out() {
        let names = ["Bark", "Crow", "Rain", "Wind", "Purr", "Moo", "Oink"].map(str::to_owned);
        let strong = strongest(&[0.1, 0.8, 0.04, 0.05, 0.3, 0.2, 0.1], &names);
        let expected = [("Crow", 0.8), ("Purr", 0.3), ("Moo", 0.2), ("Bark", 0.1), ("Oink", 0.1)];
        assert_eq!(strong, expected.map(|(name, score)| (name.to_owned(), score)));
        let other = vec![("Wind".to_owned(), 0.9), ("Crow".to_owned(), 0.2)];
        let whole = strongest_of([strong.as_slice(), &other].into_iter());
        assert_eq!((whole.len(), whole[0].0.as_str(), whole[1].1), (5, "Wind", 0.8));
    }
}
