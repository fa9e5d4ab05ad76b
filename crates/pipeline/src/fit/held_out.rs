//! What the fitted model says of clips that it was not fitted on: known ones by the folds, and unknown sounds.

use super::candidates::{Candidate, Known};
use super::measured::Measured;
use crate::error::Result;
use crate::job::Job;
use anomaly::precision::{HeldOut, HeldOutClip};
use classifier::Calibration;
use inference::{Input, Model, PredictorOptions, Watch};
use std::path::Path;

/// `outlier_p` has the p-value of each known clip. `draft` is the model, whose windows over the unknown sounds each count as a
/// clip of the group.
pub(super) fn held_out(
    draft: &Path,
    measured: &Measured,
    candidate: &Candidate,
    known: &Known<'_>,
    outlier_p: &[f64],
    job: &Job<'_>,
) -> Result<HeldOut> {
    let model = Model::open_on(draft, &job.device)?;
    let n_classes = known.n_classes;
    let probability = Calibration::probabilities(model.temperature(), &candidate.logits[0], n_classes);
    let of_known = probability.chunks_exact(n_classes).enumerate().map(|(nth, of)| HeldOutClip {
        class: Some(known.class[nth]),
        group: known.group[nth].to_owned(),
        probability: of.to_vec(),
        outlier_p: Some(outlier_p[nth]),
    });
    let mut clips: Vec<_> = of_known.collect();
    let unknown: Vec<_> = measured.clips.iter().filter(|clip| clip.class.is_none()).collect();
    if !unknown.is_empty() {
        let predictor = model.predictor(&PredictorOptions::default())?;
        let bar = job.progress("unknown sounds", unknown.len());
        for block in unknown.chunks(predictor.n_recordings()) {
            job.check("run the same command with --resume to go on")?;
            let inputs: Vec<Input> = block.iter().map(|clip| clip.input.clone()).collect();
            let answers = predictor.recordings(&inputs, 0, &Watch::default())?;
            let sounding = answers.judged.into_iter().filter(|judged| !judged.verdict.silent);
            clips.extend(sounding.map(|judged| HeldOutClip {
                class: None,
                group: block[judged.input].group().to_owned(),
                probability: judged.verdict.probability,
                outlier_p: judged.verdict.outlier_p,
            }));
            bar.inc(block.len());
        }
    }
    Ok(HeldOut::new(&clips, n_classes)?)
}
