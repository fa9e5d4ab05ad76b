//! The list of all detectors: one line for each.
//!
//! To add a method: write a file with its settings and its fitted type, which implements
//! [`Declaration`](crate::declaration::Declaration) and has `to_tensors` and `from_tensors`; name the file and the two
//! types in `lib.rs`, and add a line here. The line gives the method's name in JSON, tables and on the command line, old
//! names that are still read, the fitted type and the settings. Tables list methods in this order.

use crate::detector::detectors;

detectors! {
    "max_softmax" => MaxSoftmax(MaxSoftmaxConfig),
    "max_logit" => MaxLogit(MaxLogitConfig),
    "energy" => Energy(EnergyConfig),
    "generalized_entropy" => GeneralizedEntropy(GeneralizedEntropyConfig),
    "knn" => Knn(KnnConfig),
    "mahalanobis" => Mahalanobis(MahalanobisConfig),
    "relative_mahalanobis" => RelativeMahalanobis(MahalanobisConfig),
    "vim" => Vim(VimConfig),
    "local_outlier_factor" => LocalOutlierFactor(LocalOutlierFactorConfig),
    "isolation_forest" => IsolationForest(IsolationForestConfig),
    "isomap" => Isomap(IsomapConfig),
    "background_class" (formerly "third_class") => BackgroundClass(BackgroundClassConfig),
    "pca_residual" => PcaResidual(PcaResidualConfig),
    "autoencoder" => Autoencoder(AutoencoderConfig),
    "latent_regions" => LatentRegions(LatentRegionsConfig),
    "semantic" => Semantic(SemanticConfig),
}
