//! Clips, groups and hours of each class, with warnings where there are too few.

use crate::truth::Truth;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Fewest groups of a class for reliable figures.
pub const FEW_GROUPS: usize = 10;

/// Largest ratio of the clips of the largest class to those of the smallest without a warning.
pub const UNEVEN: f64 = 5.0;

/// The accuracy for which the width of an interval is predicted.
const EXPECTED_ACCURACY: f64 = 0.9;

/// Clips, groups and length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// Number of clips.
    pub clips: usize,
    /// Number of groups that they come from.
    pub groups: usize,
    /// Hours of sound.
    pub hours: f64,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassBalance {
    /// Its name.
    pub class: String,
    /// All its clips.
    pub all: Amount,
    /// By split; clips without one are under `unassigned`.
    pub splits: BTreeMap<String, Amount>,
}

/// All classes, with warnings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// The classes, in order.
    pub classes: Vec<ClassBalance>,
    /// By split: half the width of the 95 % interval of balanced accuracy to expect at an accuracy of 0.9, where every
    /// group counts once. `all` is a cross-validation over all clips.
    pub half_widths: BTreeMap<String, f64>,
    /// Warnings of classes and splits that are too small or too uneven.
    pub warnings: Vec<String>,
}

/// Counts clips, groups and hours. `seconds` and `splits` have an entry for each clip; a clip without a split has an empty
/// one.
#[tracing::instrument(level = "debug", skip_all, fields(n_clips = truth.n_clips()))]
pub fn balance(truth: &Truth, seconds: &[f64], splits: &[String]) -> Balance {
    let named = |split: &str| if split.is_empty() { "unassigned".to_owned() } else { split.to_owned() };
    let amount = |wanted: &dyn Fn(usize) -> bool| {
        let clips: Vec<usize> = (0..truth.n_clips()).filter(|clip| wanted(*clip)).collect();
        let groups: BTreeSet<usize> = clips.iter().map(|clip| truth.groups[*clip]).collect();
        let seconds: f64 = clips.iter().filter_map(|clip| seconds.get(*clip)).sum();
        Amount { clips: clips.len(), groups: groups.len(), hours: seconds / 3600.0 }
    };
    let of_split = |clip: usize| splits.get(clip).map_or_else(|| named(""), |split| named(split));
    let names: BTreeSet<String> = (0..truth.n_clips()).map(of_split).collect();
    let class = |class: usize| ClassBalance {
        class: truth.classes[class].clone(),
        all: amount(&|clip| truth.labels[clip] == class),
        splits: names
            .iter()
            .map(|name| (name.clone(), amount(&|clip| truth.labels[clip] == class && of_split(clip) == *name)))
            .collect(),
    };
    let classes: Vec<ClassBalance> = (0..truth.n_classes()).map(class).collect();
    let mut half_widths =
        BTreeMap::from([("all".to_owned(), half_width(classes.iter().map(|class| class.all.groups)))]);
    for name in &names {
        half_widths.insert(name.clone(), half_width(classes.iter().map(|class| class.splits[name].groups)));
    }
    half_widths.retain(|_, width| width.is_finite());
    let warnings = warnings(&classes, &names, &half_widths);
    Balance { classes, half_widths, warnings }
}

/// Half the width of the 95 % interval of a mean over classes of proportions of so many groups each (normal
/// approximation).
fn half_width(groups: impl Iterator<Item = usize> + Clone) -> f64 {
    let n_classes = groups.clone().count() as f64;
    let variance: f64 = groups.map(|n| EXPECTED_ACCURACY * (1.0 - EXPECTED_ACCURACY) / n as f64).sum();
    1.96 * variance.sqrt() / n_classes
}

fn warnings(classes: &[ClassBalance], splits: &BTreeSet<String>, half_widths: &BTreeMap<String, f64>) -> Vec<String> {
    let mut warnings = Vec::new();
    for class in classes.iter().filter(|class| class.all.groups < FEW_GROUPS) {
        warnings.push(format!(
            "Class {} has {} clips from {} groups in total: too few for reliable figures (at least {FEW_GROUPS} groups are recommended).",
            class.class, class.all.clips, class.all.groups
        ));
    }
    for split in splits {
        let few: Vec<String> = classes
            .iter()
            .filter(|class| (1..FEW_GROUPS).contains(&class.splits[split].groups) && class.all.groups >= FEW_GROUPS)
            .map(|class| format!("{} ({})", class.class, class.splits[split].groups))
            .collect();
        if let (false, Some(width)) = (few.is_empty(), half_widths.get(split)) {
            warnings.push(format!(
                "Split {split} has fewer than {FEW_GROUPS} groups of {}: at a balanced accuracy of 0.90 its 95 % interval \
                 is ±{width:.2}. Report a grouped cross-validation as well (±{:.2}).",
                few.join(", "),
                half_widths.get("all").copied().unwrap_or(f64::NAN)
            ));
        }
        let none: Vec<&str> =
            classes.iter().filter(|class| class.splits[split].clips == 0).map(|class| class.class.as_str()).collect();
        if !none.is_empty() && none.len() < classes.len() {
            warnings.push(format!("Split {split} has no clip of {}.", none.join(", ")));
        }
    }
    let clips = || classes.iter().map(|class| (class.all.clips, class.class.as_str()));
    if let (Some(most), Some(fewest)) = (clips().max(), clips().min())
        && most.0 as f64 > UNEVEN * fewest.0 as f64
    {
        warnings.push(format!(
            "Class {} has {} clips and {} has {}: always predicting {} would give a high accuracy. Use balanced accuracy.",
            most.1, most.0, fewest.1, fewest.0, most.1
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_classes_and_splits_are_warned_of() {
        // 60 dogs of 30 groups, 8 birds of 4; the birds all in training.
        let labels: Vec<&str> = (0..68).map(|i| if i < 60 { "dog" } else { "bird" }).collect();
        let groups: Vec<String> = (0..68).map(|i| (i / 2).to_string()).collect();
        let truth = Truth::new(&labels, &groups.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let splits: Vec<String> = (0..68).map(|i| if i < 20 { "test" } else { "train" }.to_owned()).collect();
        let found = balance(&truth, &[1800.0; 68], &splits);
        assert_eq!(found.classes[0].all, Amount { clips: 8, groups: 4, hours: 4.0 });
        assert_eq!(found.classes[1].splits["test"], Amount { clips: 20, groups: 10, hours: 10.0 });
        let text = found.warnings.join("\n");
        assert!(text.contains("Class bird has 8 clips from 4 groups in total"), "{text}");
        assert!(text.contains("Split test has no clip of bird."), "{text}");
        assert!(text.contains("always predicting dog"), "{text}");
        let expected = 1.96 * (0.09_f64 / 30.0 + 0.09 / 4.0).sqrt() / 2.0;
        assert!((found.half_widths["all"] - expected).abs() < 1e-12);
        assert!(!found.half_widths.contains_key("test"));
    }
}
