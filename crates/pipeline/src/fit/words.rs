//! What a person reads of a fit.

use super::Outcome;
use super::choose::Choice;
use crate::doctor;
use crate::error::Result;
use inference::Model;
use std::path::Path;

/// The choice in one sentence.
pub(super) fn choice(choice: &Choice) -> String {
    let Some(chosen) = choice.candidates.iter().find(|of| of.chosen) else { return String::new() };
    format!(
        "chosen: {}, balanced accuracy in cross-validation {:.3}, worst stress test {} {:.3} (best of {} candidates: {})",
        chosen.name,
        chosen.balanced_accuracy,
        chosen.worst_condition,
        chosen.worst,
        choice.candidates.len(),
        choice.best
    )
}

/// Three sentences that a person can quote.
pub(super) fn sentences(outcome: &Outcome, classes: &[String]) -> Vec<String> {
    let mut sentences = Vec::new();
    let interval = |interval: Option<&[f64; 2]>| {
        interval.map_or(String::new(), |[low, high]| format!(" (95 % interval {low:.3} to {high:.3})"))
    };
    let what = list(classes);
    let Some(test) = &outcome.test else {
        let chosen = outcome.choice.candidates.iter().find(|of| of.chosen);
        sentences.extend(chosen.map(|of| {
            format!(
                "In cross-validation over {} clips the balanced accuracy for {what} is {:.3}; there were no test clips to \
                 measure it on.",
                outcome.plan.clips, of.balanced_accuracy
            )
        }));
        return sentences;
    };
    let figures = &test.metrics;
    if let Some(accuracy) = figures.balanced_accuracy {
        sentences.push(format!(
            "On {} unseen clips of {} groups, the balanced accuracy for {what} is {accuracy:.3}{}.",
            figures.n,
            figures.n_groups,
            interval(figures.intervals.get("balanced_accuracy")),
        ));
    }
    if let Some((stress, worst)) = test.stress.as_ref().and_then(|stress| Some((stress, stress.worst.as_ref()?))) {
        sentences.push(format!(
            "Of {} stress tests (lower sample rates, codecs, noise, rooms) the hardest gives {:.3}{}: {}.",
            stress.conditions.len(),
            worst.balanced_accuracy,
            interval(worst.interval.as_ref()),
            worst.name.describe(),
        ));
    }
    let detector = &outcome.detector;
    let best = detector.auroc.iter().find(|(name, _)| *name == detector.method);
    let chosen =
        best.map_or(String::new(), |(_, auroc)| format!(" (AUROC {auroc:.2} on the unknown sounds it was chosen on)"));
    sentences.push(format!(
        "It answers \"neither\" for sounds unlike its classes{chosen}; at most 1 in {:.0} known sounds should be rejected \
         (calibrated on {} groups).",
        1.0 / detector.smallest_alpha.max(0.05),
        detector.calibration_groups,
    ));
    sentences
}

/// Names joined as in a sentence.
fn list(names: &[String]) -> String {
    match names {
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        many if many.len() > 6 => format!("{} classes", many.len()),
        many => format!("{} and {}", many[..many.len() - 1].join(", "), many[many.len() - 1]),
    }
}

/// A class, and names and shares of what speaks for it.
pub type ClassEvidence = (String, Vec<(String, f32)>);

/// What of the pretrained network speaks for each class, the strongest first.
pub(super) fn evidence(model: &Path, classes: &[String]) -> Result<Vec<ClassEvidence>> {
    let model = Model::open(model)?;
    let names = model.pretrained_classes();
    for member in &model.members {
        for head in member.classifier.heads()? {
            let Some(evidence) = head.evidence() else { continue };
            let of_class = |(class, all): (&String, &Vec<classifier::Evidence>)| {
                let named = all.iter().map(|one| (names[one.own].clone(), one.weight));
                (class.clone(), named.collect())
            };
            return Ok(classes.iter().zip(&evidence).map(of_class).collect());
        }
    }
    Ok(Vec::new())
}

/// The doctor's findings in short: its summary.
pub(super) fn findings(outcome: &doctor::Outcome) -> Vec<String> {
    outcome.examination.summary.iter().map(|sentence| format!("doctor: {sentence}")).collect()
}
