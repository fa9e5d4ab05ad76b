//! The ways to tell an unknown sound that `anomaly bench` measures side by side, by name.

use super::table::Source;
use anomaly::{IsomapConfig, Keep, KnnConfig, LogisticFusionConfig, MahalanobisConfig, Method, PcaResidualConfig};
use serde::{Deserialize, Serialize};

/// One detector and whose rows it looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Whose rows.
    pub(crate) source: Source,
    /// The detector's method and settings.
    pub(crate) method: Method,
}

/// How the scores of several parts become one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Combination {
    /// The mean of the ranks among validation clips of the known classes.
    RankMean,
    /// Logistic regression on validation clips and labelled unknown sounds.
    Fusion(LogisticFusionConfig),
}

/// A way to tell an unknown sound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Way {
    /// Its name in tables, files and on the command line.
    #[serde(deserialize_with = "canonical")]
    pub(crate) name: String,
    /// One detector, or several that are combined.
    pub(crate) parts: Vec<Part>,
    /// How, where there are several.
    pub(crate) combination: Option<Combination>,
}

/// A name of today, where an older version may have written another.
fn canonical<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(anomaly::canonical_name(&String::deserialize(deserializer)?).into_owned())
}

impl Way {
    fn one(name: &str, source: Source, method: Method) -> Self {
        Self { name: name.to_owned(), parts: vec![Part { source, method }], combination: None }
    }

    /// Whether labelled unknown sounds have a part in fitting it, so that its figure on those says nothing.
    pub(crate) fn needs_unknowns(&self) -> bool {
        matches!(self.combination, Some(Combination::Fusion(_)))
            || self.parts.iter().any(|part| part.method.needs_unknowns())
    }

    /// The way that ranks exactly as this one does with so many classes.
    pub(crate) fn ranks_like(&self, n_classes: usize) -> Option<&'static str> {
        match self.parts.as_slice() {
            [only] if self.combination.is_none() => only.method.ranks_like(n_classes),
            _ => None,
        }
    }

    /// In words, for tables.
    pub(crate) fn describe(&self) -> &'static str {
        match self.name.as_str() {
            "backbone_knn" => "distance to the 5th nearest training clip, in the backbone",
            "backbone_mahalanobis_normalized" => "distance to the nearest class, in the backbone, length 1",
            "backbone_relative_mahalanobis_normalized" => "the same less the distance to all clips together",
            "backbone_local_outlier_factor" => "local outlier factor, in the backbone",
            "backbone_isolation_forest" => "isolation forest, in the backbone",
            "backbone_isomap" => "Isomap, in the backbone",
            "backbone_pca_residual" => "what principal components leave over, in the backbone",
            "backbone_background_class" => "a background class, learned from labelled unknown sounds, in the backbone",
            "semantic_and_knn" => "mean rank of semantic and backbone_knn",
            "semantic_and_mahalanobis" => "mean rank of semantic and backbone_relative_mahalanobis_normalized",
            name if name.starts_with("layer") && name.ends_with("_knn") => {
                "distance to the 5th nearest training clip, in a layer below the last, counted from the first"
            }
            name if name.starts_with("layer") => "distance to the nearest class, in such a layer, length 1",
            "fusion" => "logistic regression of four of these on labelled unknown sounds",
            _ => self.parts.first().map_or("", |part| part.method.describe()),
        }
    }
}

/// Every way that there is, for a classifier that shows so many layers; those of a backbone only where there is one.
pub(crate) fn all(n_layers: usize, has_backbone: bool) -> Vec<Way> {
    let mut ways: Vec<Way> = Method::all()
        .into_iter()
        .filter(|(name, _)| *name != "semantic")
        .map(|(name, method)| Way::one(name, Source::Classifier, method))
        .collect();
    let normalized = || MahalanobisConfig { normalize: true, ..Default::default() };
    for layer in 1..=n_layers {
        let of_layer = |what: &str, method| Way::one(&format!("layer{layer}_{what}"), Source::Layer(layer), method);
        ways.push(of_layer("knn", Method::Knn(KnnConfig::default())));
        ways.push(of_layer("mahalanobis_normalized", Method::Mahalanobis(normalized())));
    }
    if !has_backbone {
        return ways;
    }
    let backbone = [
        ("semantic", Method::Semantic(Default::default())),
        ("backbone_knn", Method::Knn(KnnConfig::default())),
        ("backbone_mahalanobis_normalized", Method::Mahalanobis(normalized())),
        ("backbone_relative_mahalanobis_normalized", Method::RelativeMahalanobis(normalized())),
        ("backbone_local_outlier_factor", Method::LocalOutlierFactor(Default::default())),
        ("backbone_isolation_forest", Method::IsolationForest(Default::default())),
        ("backbone_isomap", Method::Isomap(IsomapConfig::default())),
        ("backbone_pca_residual", Method::PcaResidual(PcaResidualConfig { keep: Keep::Share(0.9) })),
        ("backbone_background_class", Method::BackgroundClass(Default::default())),
    ];
    ways.extend(backbone.into_iter().map(|(name, method)| Way::one(name, Source::Backbone, method)));
    let semantic = || Part { source: Source::Backbone, method: Method::Semantic(Default::default()) };
    let knn = |source| Part { source, method: Method::Knn(KnnConfig::default()) };
    let relative = || Part { source: Source::Backbone, method: Method::RelativeMahalanobis(normalized()) };
    let combined = |name: &str, parts, combination| Way { name: name.into(), parts, combination: Some(combination) };
    ways.push(combined("semantic_and_knn", vec![semantic(), knn(Source::Backbone)], Combination::RankMean));
    ways.push(combined("semantic_and_mahalanobis", vec![semantic(), relative()], Combination::RankMean));
    let four = vec![semantic(), knn(Source::Backbone), relative(), knn(Source::Classifier)];
    ways.push(combined("fusion", four, Combination::Fusion(LogisticFusionConfig::default())));
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_has_a_name_of_its_own_and_words() {
        let ways = all(3, true);
        let names: std::collections::BTreeSet<&str> = ways.iter().map(|way| way.name.as_str()).collect();
        assert_eq!(names.len(), ways.len());
        for way in &ways {
            assert!(!way.describe().is_empty(), "{}", way.name);
            let text = serde_json::to_string(way).unwrap();
            assert_eq!(&serde_json::from_str::<Way>(&text).unwrap(), way);
        }
        assert!(all(3, false).iter().all(|way| way.parts.iter().all(|part| part.source != Source::Backbone)));
    }
}
