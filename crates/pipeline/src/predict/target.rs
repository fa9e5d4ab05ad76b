//! Thresholds of events that have a precision on clips that the model was not fitted on.

use crate::error::{Context, Result, bail};
use crate::job::Job;
use anomaly::precision::HeldOut;
use detections::EventSettings;
use inference::Predictor;

/// The settings with these thresholds, each of which is said with what it gives.
///
/// # Errors
/// A model without held-out clips, or a class for which no threshold has the precision.
pub(super) fn with_precision(
    mut settings: EventSettings,
    asked: f64,
    predictor: &Predictor<'_>,
    job: &Job<'_>,
) -> Result<EventSettings> {
    let model = predictor.model;
    let path = model.path.display();
    let Some(stored) = &model.header.held_out else {
        bail!(
            "--target-precision {asked}: {path} has no held-out clips to read thresholds from; fit the model with `barkbird fit`, \
             which stores them, or set thresholds with --threshold"
        );
    };
    let held_out = HeldOut::from_json(stored, predictor.classes().len());
    let held_out = held_out.with_context(|| format!("{path}: its held-out clips"))?;
    // Without a detector it is 0, which no p-value is.
    let alpha = predictor.thresholds().alpha;
    let mut lines = Vec::new();
    for (class, name) in predictor.classes().iter().enumerate() {
        let found = held_out
            .threshold(class, asked, alpha, f64::from(settings.threshold))
            .with_context(|| format!("--target-precision {asked}: {path}: class {name}"))?;
        if found.precision < asked {
            bail!(
                "--target-precision {asked}: the highest precision of {name} on held-out clips is {:.3} (threshold {:.4}, {} clips); \
                 ask for less, or set thresholds with --threshold",
                found.precision,
                found.threshold,
                found.n
            );
        }
        lines.push(format!(
            "{name}: threshold {:.4}, precision {:.3} ({:.3} to {:.3}) and recall {:.3} on held-out clips",
            found.threshold, found.precision, found.interval[0], found.interval[1], found.recall
        ));
        settings.thresholds.insert(name.clone(), found.threshold as f32);
    }
    lines.iter().for_each(|line| job.say(line));
    job.say(format!(
        "held-out clips: {} of the classes, {} of unknown sounds; each class, and all unknown sounds, as heavy",
        held_out.n_known(),
        held_out.n_unknown()
    ));
    if held_out.n_unknown() == 0 {
        job.warn(
            "the model was fitted without unknown sounds: this precision counts confusions between classes alone, and recordings \
             with other sounds have less",
        );
    }
    Ok(settings)
}
