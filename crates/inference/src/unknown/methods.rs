//! The methods that `anomaly bench` compares, by name: single detectors and combinations, each over the rows of the
//! classifier or of the backbone.

use super::outputs::RowSource;
use anomaly::{
    IsomapConfig, Keep, KnnConfig, LogisticFusionConfig, MahalanobisConfig, Method, PcaResidualConfig, SemanticConfig,
};
use serde::{Deserialize, Serialize};

/// One detector and whose rows it looks at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Whose rows.
    pub source: RowSource,
    /// The detector's method and settings.
    pub method: Method,
}

/// How the scores of several parts become one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// The mean of the ranks among validation clips of the known classes.
    RankMean,
    /// Logistic regression on validation clips and labeled unknown sounds.
    Fusion(LogisticFusionConfig),
}

/// A method to detect unknown sounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OodMethod {
    /// Its name in tables, files and on the command line.
    #[serde(deserialize_with = "canonical")]
    pub name: String,
    /// One detector, or several that are combined.
    pub parts: Vec<Part>,
    /// How, where there are several.
    pub combination: Option<Combination>,
}

/// A name of today, where an older version may have written another.
fn canonical<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(anomaly::canonical_name(&String::deserialize(deserializer)?).into_owned())
}

impl OodMethod {
    fn one(name: &str, source: RowSource, method: Method) -> Self {
        Self { name: name.to_owned(), parts: vec![Part { source, method }], combination: None }
    }

    /// Whether labeled unknown sounds have a part in fitting it, so that its figure on those is too good.
    pub fn needs_unknowns(&self) -> bool {
        matches!(self.combination, Some(Combination::Fusion(_)))
            || self.parts.iter().any(|part| part.method.needs_unknowns())
    }

    /// The method that ranks exactly as this one does with so many classes.
    pub fn ranks_like(&self, n_classes: usize) -> Option<&'static str> {
        match self.parts.as_slice() {
            [only] if self.combination.is_none() => only.method.ranks_like(n_classes),
            _ => None,
        }
    }

    /// In words, for tables.
    pub fn describe(&self) -> &'static str {
        match self.name.as_str() {
            "semantic_few" => {
                "the same as semantic of four backbone classes, with finer differences between faint ones"
            }
            "backbone_knn" => "distance to the 5th nearest training clip, in the backbone",
            "backbone_mahalanobis_normalized" => "distance to the nearest class, in the backbone, length 1",
            "backbone_relative_mahalanobis_normalized" => "the same less the distance to all clips together",
            "backbone_local_outlier_factor" => "local outlier factor, in the backbone",
            "backbone_isolation_forest" => "isolation forest, in the backbone",
            "backbone_isomap" => "Isomap, in the backbone",
            "backbone_pca_residual" => "what principal components leave over, in the backbone",
            "backbone_background_class" => "a background class, learned from labeled unknown sounds, in the backbone",
            "semantic_and_knn" => "mean rank of semantic and backbone_knn",
            "semantic_and_mahalanobis" => "mean rank of semantic and backbone_relative_mahalanobis_normalized",
            name if name.starts_with("layer") && name.ends_with("_knn") => {
                "distance to the 5th nearest training clip, in a layer below the last, counted from the first"
            }
            name if name.starts_with("layer") => "distance to the nearest class, in such a layer, length 1",
            "fusion" => "logistic regression of four of these on labeled unknown sounds",
            _ => self.parts.first().map_or("", |part| part.method.describe()),
        }
    }
}

/// Every method there is, for a classifier with so many layers; those of a backbone only where there is one.
pub fn all(n_layers: usize, has_backbone: bool) -> Vec<OodMethod> {
    let mut methods: Vec<OodMethod> = Method::all()
        .into_iter()
        .filter(|(name, _)| *name != "semantic")
        .map(|(name, method)| OodMethod::one(name, RowSource::Classifier, method))
        .collect();
    let normalized = || MahalanobisConfig { normalize: true, ..Default::default() };
    for layer in 1..=n_layers {
        let of_layer =
            |what: &str, method| OodMethod::one(&format!("layer{layer}_{what}"), RowSource::Layer(layer), method);
        methods.push(of_layer("knn", Method::Knn(KnnConfig::default())));
        methods.push(of_layer("mahalanobis_normalized", Method::Mahalanobis(normalized())));
    }
    if !has_backbone {
        return methods;
    }
    // Chosen on unknown sounds of validation: fewer classes, and finer differences between faint ones.
    let few = || SemanticConfig { n_fired: 4, floor: 1e-4, n_errors: 0.0 };
    let backbone = [
        ("semantic", Method::Semantic(Default::default())),
        ("semantic_few", Method::Semantic(few())),
        ("backbone_knn", Method::Knn(KnnConfig::default())),
        ("backbone_mahalanobis_normalized", Method::Mahalanobis(normalized())),
        ("backbone_relative_mahalanobis_normalized", Method::RelativeMahalanobis(normalized())),
        ("backbone_local_outlier_factor", Method::LocalOutlierFactor(Default::default())),
        ("backbone_isolation_forest", Method::IsolationForest(Default::default())),
        ("backbone_isomap", Method::Isomap(IsomapConfig::default())),
        ("backbone_pca_residual", Method::PcaResidual(PcaResidualConfig { keep: Keep::Share(0.9) })),
        ("backbone_background_class", Method::BackgroundClass(Default::default())),
    ];
    methods.extend(backbone.into_iter().map(|(name, method)| OodMethod::one(name, RowSource::Backbone, method)));
    let semantic = || Part { source: RowSource::Backbone, method: Method::Semantic(Default::default()) };
    let knn = |source| Part { source, method: Method::Knn(KnnConfig::default()) };
    let relative = || Part { source: RowSource::Backbone, method: Method::RelativeMahalanobis(normalized()) };
    let combined =
        |name: &str, parts, combination| OodMethod { name: name.into(), parts, combination: Some(combination) };
    methods.push(combined("semantic_and_knn", vec![semantic(), knn(RowSource::Backbone)], Combination::RankMean));
    methods.push(combined("semantic_and_mahalanobis", vec![semantic(), relative()], Combination::RankMean));
    let four = vec![semantic(), knn(RowSource::Backbone), relative(), knn(RowSource::Classifier)];
    methods.push(combined("fusion", four, Combination::Fusion(LogisticFusionConfig::default())));
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_a_name_of_its_own_and_words() {
        let methods = all(3, true);
        let names: std::collections::BTreeSet<&str> = methods.iter().map(|method| method.name.as_str()).collect();
        assert_eq!(names.len(), methods.len());
        for method in &methods {
            assert!(!method.describe().is_empty(), "{}", method.name);
            let text = serde_json::to_string(method).unwrap();
            assert_eq!(&serde_json::from_str::<OodMethod>(&text).unwrap(), method);
        }
        assert!(all(3, false).iter().all(|method| method.parts.iter().all(|part| part.source != RowSource::Backbone)));
    }
}
