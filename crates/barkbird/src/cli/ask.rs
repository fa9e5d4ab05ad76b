//! Arguments that say how a model is asked.

use super::values::{alpha, share};
use clap::Args;
use pipeline::predict::{PredictorOptions, Reject};

/// Its detector and its thresholds.
#[derive(Debug, Clone, Args)]
pub(crate) struct AskArgs {
    /// Minimum probability of a class; below it the label is `unsure`
    #[arg(long, default_value_t = 0.5, value_name = "P", value_parser = share)]
    pub(crate) unsure_below: f32,
    /// Detector of unknown sounds: a method that the model has, auto (its first) or none
    #[arg(long, value_name = "METHOD")]
    pub(crate) reject: Option<String>,
    /// Maximum false-rejection rate [default: 0.05, for events 0.15, or the smallest that the calibration allows]
    #[arg(long, value_name = "A", value_parser = alpha)]
    pub(crate) alpha: Option<f64>,
}

impl From<&AskArgs> for PredictorOptions {
    fn from(args: &AskArgs) -> Self {
        let reject = match args.reject.as_deref() {
            None => Reject::Auto,
            Some("none") => Reject::Off,
            Some(method) => Reject::Method(method.to_owned()),
        };
        Self { reject, alpha: args.alpha, unsure_below: args.unsure_below, ..Self::default() }
    }
}
