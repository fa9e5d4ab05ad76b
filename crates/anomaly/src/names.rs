//! Old names of methods, which model files and scripts of older versions have.

use std::borrow::Cow;

use crate::registry::OLD_NAMES;

/// The name of today for the name of a method that an older version wrote; any other name as it is.
///
/// The prefix `trunk_` is `backbone_` today and British spelling is American; single methods may have old names of their
/// own. Readers of model files and of `--method` and `--reject` pass names through here.
///
/// ```
/// assert_eq!(anomaly::canonical_name("trunk_knn"), "backbone_knn");
/// assert_eq!(anomaly::canonical_name("third_class"), "background_class");
/// assert_eq!(anomaly::canonical_name("layer2_mahalanobis_normalised"), "layer2_mahalanobis_normalized");
/// assert_eq!(anomaly::canonical_name("knn"), "knn");
/// ```
pub fn canonical_name(name: &str) -> Cow<'_, str> {
    let (prefix, method) = match name.split_once('_') {
        Some(("trunk" | "backbone", method)) => ("backbone_", method),
        Some((layer, method)) if layer.starts_with("layer") => (&name[..=layer.len()], method),
        _ => ("", name),
    };
    let renamed = OLD_NAMES.iter().find(|(old, _)| *old == method).map(|(_, new)| Cow::Borrowed(*new));
    let method = renamed.unwrap_or_else(|| match method.strip_suffix("_normalised") {
        Some(stem) => Cow::Owned(format!("{stem}_normalized")),
        None => Cow::Borrowed(method),
    });
    let canonical = format!("{prefix}{method}");
    if canonical == name { Cow::Borrowed(name) } else { Cow::Owned(canonical) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Method;

    #[test]
    fn old_names_are_mapped() {
        for (old, new) in [
            ("trunk_relative_mahalanobis_normalised", "backbone_relative_mahalanobis_normalized"),
            ("trunk_third_class", "backbone_background_class"),
            ("backbone_third_class", "backbone_background_class"),
            ("mahalanobis_normalised", "mahalanobis_normalized"),
            ("trunk", "trunk"),
            ("", ""),
        ] {
            assert_eq!(canonical_name(old), new);
        }
    }

    #[test]
    fn names_of_today_stay() {
        for (name, _) in Method::all() {
            for name in [name.to_owned(), format!("backbone_{name}"), format!("layer3_{name}")] {
                assert!(matches!(canonical_name(&name), Cow::Borrowed(_)), "{name}");
            }
        }
    }
}
