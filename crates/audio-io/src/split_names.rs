//! Names of splits: the ones that later stages use, and other spellings of them.

/// The splits of training, validation and test, in the order of [`Shares`](crate::split::Shares).
pub const SPLITS: [&str; 3] = ["train", "val", "test"];

/// Other spellings, in any letter case.
const SPELLINGS: [(&str, &str); 6] = [
    ("training", "train"),
    ("trn", "train"),
    ("valid", "val"),
    ("validation", "val"),
    ("validate", "val"),
    ("testing", "test"),
];

/// A split's name as later stages know it: `Training` is `train`, `valid` is `val`, `Fold 3` is `fold-3`. Other names
/// stay as they are.
pub fn normalize(name: &str) -> String {
    let name = name.trim();
    let lower = name.to_lowercase();
    if SPLITS.contains(&lower.as_str()) || lower.starts_with("ood-") || lower == "ood" {
        return lower;
    }
    if let Some((_, split)) = SPELLINGS.iter().find(|(spelling, _)| *spelling == lower) {
        return (*split).to_owned();
    }
    match lower.strip_prefix("fold").map(|rest| rest.trim_start_matches([' ', '-', '_'])) {
        Some(number) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("fold-{number}")
        }
        _ => name.to_owned(),
    }
}

/// Whether later stages train, validate or test on a split of this name unasked.
pub fn is_known(name: &str) -> bool {
    SPLITS.contains(&name) || name.starts_with("ood") || name.starts_with("fold-")
}

/// The place in [`SPLITS`].
pub(crate) fn split_index(split: &str) -> Option<usize> {
    SPLITS.iter().position(|name| *name == split)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_the_splits_are_understood() {
        for (name, split) in [
            ("train", "train"),
            ("Train", "train"),
            (" TRAINING ", "train"),
            ("Validation", "val"),
            ("valid", "val"),
            ("Test", "test"),
            ("testing", "test"),
            ("OOD-Val", "ood-val"),
            ("Fold 3", "fold-3"),
            ("fold_12", "fold-12"),
            ("fold-0", "fold-0"),
        ] {
            assert_eq!(normalize(name), split);
            assert!(is_known(split));
        }
        for name in ["field", "Dev", "fold", "fold-a", "tset"] {
            assert_eq!(normalize(name), name);
        }
        assert!(!is_known("field") && !is_known("tset"));
    }
}
