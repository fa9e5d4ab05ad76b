//! How much there is of each class, and what is too little to conclude anything from.

use crate::truth::Truth;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Groups of a class below which its figures rest on too few independent recordings.
pub const FEW_GROUPS: usize = 10;

/// How many times as many clips the largest class may have as the smallest before it is said.
pub const UNEVEN: f64 = 5.0;

/// The accuracy that the width of an interval is foretold for.
const FORETOLD_AT: f64 = 0.9;

/// Clips, groups and length.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// Clips.
    pub clips: usize,
    /// Groups that they come from.
    pub groups: usize,
    /// Hours of sound.
    pub hours: f64,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassBalance {
    /// Its name.
    pub class: String,
    /// Of all clips.
    pub all: Amount,
    /// By split; clips without one are under `unassigned`.
    pub splits: BTreeMap<String, Amount>,
}

/// All classes, and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// The classes, in order.
    pub classes: Vec<ClassBalance>,
    /// By split: how far either way from an accuracy of 0.9 the 95 % interval of balanced accuracy will reach at best,
    /// where every group counts once. `all` is a cross-validation over everything.
    pub half_widths: BTreeMap<String, f64>,
    /// What is too small or too uneven, in words.
    pub warnings: Vec<String>,
}

/// Counts clips, groups and hours; `seconds` and `splits` hold those of each clip, a split that is not there as an empty
/// text.
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

/// Half of the 95 % interval of a mean over classes of shares of so many groups each (the normal approximation).
fn half_width(groups: impl Iterator<Item = usize> + Clone) -> f64 {
    let n_classes = groups.clone().count() as f64;
    let variance: f64 = groups.map(|n| FORETOLD_AT * (1.0 - FORETOLD_AT) / n as f64).sum();
    1.96 * variance.sqrt() / n_classes
}

fn warnings(classes: &[ClassBalance], splits: &BTreeSet<String>, half_widths: &BTreeMap<String, f64>) -> Vec<String> {
    let mut warnings = Vec::new();
    for class in classes.iter().filter(|class| class.all.groups < FEW_GROUPS) {
        warnings.push(format!(
            "{} has {} clips from {} groups in all: too few recordings to conclude from (at least {FEW_GROUPS} are wanted).",
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
                 reaches {width:.2} either way. Report a grouped cross-validation beside it (±{:.2}).",
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
            "{} has {} clips and {} has {}: plain accuracy would reward always saying {}; look at balanced accuracy.",
            most.1, most.0, fewest.1, fewest.0, most.1
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_small_is_said() {
        // 60 dogs of 30 groups, 8 birds of 4; the birds all in training.
        let labels: Vec<&str> = (0..68).map(|i| if i < 60 { "dog" } else { "bird" }).collect();
        let groups: Vec<String> = (0..68).map(|i| (i / 2).to_string()).collect();
        let truth = Truth::new(&labels, &groups.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let splits: Vec<String> = (0..68).map(|i| if i < 20 { "test" } else { "train" }.to_owned()).collect();
        let found = balance(&truth, &[1800.0; 68], &splits);
        assert_eq!(found.classes[0].all, Amount { clips: 8, groups: 4, hours: 4.0 });
        assert_eq!(found.classes[1].splits["test"], Amount { clips: 20, groups: 10, hours: 10.0 });
        let text = found.warnings.join("\n");
        assert!(text.contains("bird has 8 clips from 4 groups in all"), "{text}");
        assert!(text.contains("Split test has no clip of bird."), "{text}");
        assert!(text.contains("always saying dog"), "{text}");
        let expected = 1.96 * (0.09_f64 / 30.0 + 0.09 / 4.0).sqrt() / 2.0;
        assert!((found.half_widths["all"] - expected).abs() < 1e-12);
        assert!(!found.half_widths.contains_key("test"));
    }
}
