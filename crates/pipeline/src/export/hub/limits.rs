//! The section of a card with what a model cannot do.

use super::card::{band_hz, classes, window_s};
use super::facts::Facts;
use super::words::{counted, escaped, hz, listed, percent};
use serde_json::Value;

/// Groups of a class below which a figure says little.
const FEW_GROUPS: usize = 10;

/// What it cannot do, a line each.
pub(super) fn limits(facts: &Facts) -> String {
    let mut all = vec![unknown(facts)];
    all.push(format!(
        "It gives one name to each window of {} s. It does not count animals, tell individuals apart, or name two that are heard at once.",
        window_s(facts)
    ));
    let spectrograms = || facts.networks.iter().filter(|network| network.chain.onnx.is_none());
    if spectrograms().next().is_some() {
        let bands = spectrograms().map(|network| band_hz(&network.chain));
        let [low, high] = bands.fold([f64::MAX, 0.0], |of, band| [of[0].min(band[0]), of[1].max(band[1])]);
        all.push(format!("It hears {} to {}; what is lower or higher does not exist for it.", hz(low), hz(high)));
    }
    all.push(
        "A window without a name is no proof that the animal was not there: it may be far away, or covered by wind or traffic.".into(),
    );
    all.push(
        "The figures above are of clips that hold a known sound. In recordings of whole nights most windows hold none, so that another \
         share of its detections is wrong: review a sample of them (`barkbird report --review`) before you count."
            .into(),
    );
    all.push(elsewhere(facts));
    if let Some(few) = few_groups(facts) {
        all.push(few);
    }
    if facts.has_place {
        all.push(
            "It is calibrated for one place. Elsewhere its probabilities and its p-values are off: take the model that it was made of, or \
             calibrate it again (`barkbird calibrate`)."
                .into(),
        );
    }
    format!("## What it cannot do\n\n{}\n", all.iter().map(|line| format!("- {line}\n")).collect::<String>())
}

/// Sounds that are of no class.
fn unknown(facts: &Facts) -> String {
    let known = format!("It knows {} alone.", classes(facts));
    let Some(detector) = &facts.detector else {
        return format!("{known} Every other sound is given one of these names.");
    };
    let sets = facts.evaluations.all.iter().find_map(|of| of.metrics["unknown"]["sets"].as_object());
    let missed = sets.into_iter().flatten().filter_map(|(name, of): (&String, &Value)| {
        let (n, rejected) = (of["n"].as_u64()? as usize, of["rejected"].as_f64()?);
        let what =
            if name == "noises" { "made noises".to_owned() } else { format!("unknown sounds of `{}`", escaped(name)) };
        Some(format!("{} of {n} {what}", percent(1.0 - rejected)))
    });
    let missed: Vec<String> = missed.collect();
    match missed.is_empty() {
        true => {
            format!("{known} Its detector `{}` rejects other sounds, how many of them was not measured.", detector.name)
        }
        false => format!("{known} Its detector missed {}: these were given one of these names.", listed(&missed)),
    }
}

/// Other places and recorders.
fn elsewhere(facts: &Facts) -> String {
    let worst = facts.evaluations.all.iter().find_map(|of| {
        let worst = &of.metrics["stress"]["worst"];
        Some((worst["balanced_accuracy"].as_f64()?, of.metrics["balanced_accuracy"].as_f64()?))
    });
    let measured = match worst {
        Some((worst, plain)) => format!(
            "Under the hardest of the computed conditions above its balanced accuracy falls from {plain:.3} to {worst:.3}, and real places \
             differ in other ways, too."
        ),
        None => "What other recorders do to it was not measured.".to_owned(),
    };
    format!(
        "In another place, season or population, or with another recorder, it may do worse than here. {measured} Some ten labeled clips of \
         your place say how it does there, and `barkbird calibrate` sets it to them."
    )
}

/// Classes of whose groups few were held out.
fn few_groups(facts: &Facts) -> Option<String> {
    facts.evaluations.main().filter(|of| of.is_of_collection == Some(true))?;
    let collection = facts.collection.as_ref()?;
    let few = collection.classes.iter().filter(|(_, of)| of.measured.groups.len() < FEW_GROUPS);
    let few: Vec<String> = few
        .map(|(class, of)| format!("{} of {}", counted(of.measured.groups.len(), "group"), escaped(class)))
        .collect();
    (!few.is_empty()).then(|| {
        format!("It was measured on {} alone, too few to say much: the intervals count, not the figures.", listed(&few))
    })
}
