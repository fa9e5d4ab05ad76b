//! Names of classes: how they are read, which of them mean no class, and which are easily confused.

use std::collections::BTreeMap;

/// The label of what belongs to no class. Such rows are never trained on: they become `ood-val` and `ood-test`.
pub const NEITHER: &str = "neither";

/// Words that predictions use in place of a class, in any letter case: no class may have one of these names.
/// [`NEITHER`] is such a word too, and is allowed as a label for what belongs to no class.
pub const RESERVED: [&str; 2] = ["unsure", "silent"];

/// What programs write where a value is missing, in any letter case.
const MISSING: [&str; 7] = ["na", "n/a", "nan", "null", "#n/a", "<na>", "#value!"];

/// A label as it is used everywhere: without blanks around it, and [`NEITHER`] whatever its letter case.
pub fn normalize(label: &str) -> &str {
    let label = label.trim();
    if label.eq_ignore_ascii_case(NEITHER) { NEITHER } else { label }
}

/// Whether a field means a missing value: it is empty, `NA`, `nan`, `null` or the like.
pub fn is_missing(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing))
}

/// Why a label cannot be the name of a class; `None` where it can. Empty labels are not asked about.
pub fn refusal(label: &str) -> Option<String> {
    let label = label.trim();
    if RESERVED.iter().any(|word| label.eq_ignore_ascii_case(word)) {
        return Some(format!("`{label}` cannot be a class, since predictions use this word: rename the class"));
    }
    is_missing(label).then(|| format!("`{label}` means a missing value: name the class, or leave the row out"))
}

/// Sets of labels that differ in letter case, blanks, `_` or `-` alone, in order.
pub fn alike<'a>(labels: impl IntoIterator<Item = &'a str>) -> Vec<Vec<String>> {
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for label in labels {
        let key = label.to_lowercase().chars().filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-')).collect();
        let set = sets.entry(key).or_default();
        if !set.iter().any(|known| known == label) {
            set.push(label.to_owned());
        }
    }
    let mut sets: Vec<Vec<String>> = sets.into_values().filter(|set| set.len() > 1).collect();
    sets.iter_mut().for_each(|set| set.sort());
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_one_form() {
        assert_eq!(normalize(" dog "), "dog");
        for neither in ["neither", "Neither", "NEITHER ", "\tneither"] {
            assert_eq!(normalize(neither), NEITHER);
        }
        assert_eq!(normalize("Dog"), "Dog");
    }

    #[test]
    fn words_of_predictions_and_missing_values_are_no_classes() {
        for word in ["unsure", "Unsure ", "SILENT", "NA", "nan", "NaN", "null", "N/A"] {
            assert!(refusal(word).is_some(), "{word}");
        }
        for word in ["dog", "none", "Nana", "neither", "sure", "naN bread"] {
            assert_eq!(refusal(word), None);
        }
        assert!(is_missing("") && is_missing(" nan ") && !is_missing("0"));
    }

    #[test]
    fn labels_that_differ_by_writing_alone_are_found() {
        let found = alike(["dog", "bird", "Dog", "great tit", "Great_Tit", "dog", "great-tit"]);
        assert_eq!(found, [vec!["Dog", "dog"], vec!["Great_Tit", "great tit", "great-tit"]]);
        assert!(alike(["dog", "dogs"]).is_empty());
    }
}
