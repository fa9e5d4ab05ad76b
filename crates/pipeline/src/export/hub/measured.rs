//! The sections of a card with what was measured, and what was not.

use super::evaluations::Evaluation;
use super::facts::Facts;
use super::index::FIGURES;
use super::words::{counted, escaped, listed, number, percent, range, table};
use crate::named::Named;
use crate::stress::Condition;
use serde_json::Value;

/// Classes whose confusion is shown as a table at most.
const MOST_CONFUSED: usize = 12;

/// Clips and groups that a header says that a model was fitted to.
pub(super) fn fitted_to(split: &Value) -> Option<(usize, usize)> {
    let number = |of: &Value, key: &str| of[key].as_u64().map(|n| n as usize);
    match (number(split, "clips"), number(split, "groups")) {
        (Some(clips), Some(groups)) => Some((clips, groups)),
        _ => {
            let of = |part: &str| Some((number(&split[part], "clips")?, number(&split[part], "groups")?));
            let (train, val) = (of("train")?, of("val").unwrap_or_default());
            Some((train.0 + val.0, train.1 + val.1))
        }
    }
}

/// How good it is.
pub(super) fn figures(facts: &Facts) -> String {
    let mut text = "## How good it is\n\n".to_owned();
    let Some(main) = facts.evaluations.main() else {
        text += "Not measured on clips that it had not seen";
        text += &match facts.evaluations.of_others.is_empty() {
            true => ".\n\n".to_owned(),
            false => ": the evaluations in the folder of its run are of another model file.\n\n".to_owned(),
        };
        return text + &cross_validation(facts);
    };
    let metrics = &main.metrics;
    text += &format!(
        "On {} of {}, split `{}` of {}. {}\n\n",
        counted(main.n(), "clip"),
        counted(main.n_groups(), "group"),
        main.split(),
        escaped(&main.data(facts.collection_name())),
        apart(facts, main)
    );
    let row = |(key, _, name): &(&str, &str, &str)| {
        metrics[*key].as_f64()?;
        let method = metrics["interval_method"][*key].as_str().unwrap_or("–");
        Some(vec![(*name).to_owned(), number(&metrics[*key]), range(&metrics["intervals"][*key]), method.to_owned()])
    };
    let rows: Vec<Vec<String>> = FIGURES.iter().filter_map(row).collect();
    text += &table(&["Figure", "Value", "95 % interval", "Interval by"], &rows);
    text += &classes(main, facts);
    text += &confusion(metrics);
    for warning in metrics["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text += &format!("Note: {}\n\n", escaped(warning));
    }
    text += &others(facts);
    text + &cross_validation(facts)
}

/// Whether the clips were kept apart by group, in one sentence.
fn apart(facts: &Facts, main: &Evaluation) -> String {
    let shared = facts.collection.as_ref().map(super::collection::Collection::shared);
    match (main.is_of_collection, shared) {
        (Some(true), Some((measured, 0))) if measured > 0 => format!(
            "The clips were split by group: none of the {} (recordings, animals or sessions) is among those that the model learned from.",
            counted(measured, "group")
        ),
        (Some(true), Some((measured, shared))) if measured > 0 => format!(
            "The clips were not kept apart by group: {shared} of {measured} groups are among those that the model learned from, so \
             that these figures are too good."
        ),
        (Some(true), _) => {
            "Whether their groups were kept apart from those that it learned from was not at hand.".to_owned()
        }
        (Some(false), _) => "None of these recordings is of the collection that it learned from.".to_owned(),
        (None, _) => "Whether these recordings are of the collection that it learned from was not at hand.".to_owned(),
    }
}

/// A row a class.
fn classes(main: &Evaluation, facts: &Facts) -> String {
    let metrics = &main.metrics;
    let of = metrics["per_class"].as_object();
    let rows: Vec<Vec<String>> = facts
        .classes
        .iter()
        .filter_map(|class| Some((class, of?.get(class)?)))
        .map(|(class, figures)| {
            let recall = format!("recall_{class}");
            vec![
                escaped(class),
                figures["support"].to_string(),
                number(&figures["recall"]),
                range(&metrics["intervals"][&recall]),
                metrics["interval_method"][&recall].as_str().unwrap_or("–").to_owned(),
                number(&figures["precision"]),
            ]
        })
        .collect();
    table(&["Class", "Clips", "Recall", "95 % interval", "Interval by", "Precision"], &rows)
}

/// What was called what.
fn confusion(metrics: &Value) -> String {
    let names: Vec<String> =
        metrics["classes"].as_array().into_iter().flatten().filter_map(Value::as_str).map(escaped).collect();
    if names.len() > MOST_CONFUSED {
        return String::new();
    }
    let rows: Vec<Vec<String>> = metrics["confusion"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(&names)
        .map(|(row, name)| {
            let counts = row.as_array().into_iter().flatten().map(Value::to_string);
            std::iter::once(format!("**{name}**")).chain(counts).collect()
        })
        .collect();
    let mut head = vec!["Clips of".to_owned()];
    head.extend(names.iter().map(|name| format!("called {name}")));
    table(&head.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
}

/// Further evaluations.
fn others(facts: &Facts) -> String {
    let row = |of: &Evaluation| {
        vec![
            of.title(),
            escaped(&of.split()),
            match of.is_of_collection {
                Some(true) => "of its collection",
                Some(false) => "from elsewhere",
                None => "not known",
            }
            .to_owned(),
            of.n().to_string(),
            of.n_groups().to_string(),
            number(&of.metrics["balanced_accuracy"]),
            range(&of.metrics["intervals"]["balanced_accuracy"]),
        ]
    };
    let rows: Vec<Vec<String>> = facts.evaluations.all.iter().skip(1).filter(|of| of.n() > 0).map(row).collect();
    match rows.is_empty() {
        true => String::new(),
        false => {
            "Other evaluations of it:\n\n".to_owned()
                + &table(
                    &["Evaluation", "Split", "Recordings", "Clips", "Groups", "Balanced accuracy", "95 % interval"],
                    &rows,
                )
        }
    }
}

/// The figure that the model was chosen by.
fn cross_validation(facts: &Facts) -> String {
    let Some(of) = &facts.cross_validation else { return String::new() };
    let (Some(balanced), Some(folds)) = (of["balanced_accuracy"].as_f64(), facts.split["folds"].as_u64()) else {
        return String::new();
    };
    let (clips, groups) = fitted_to(&facts.split).unwrap_or_default();
    format!(
        "In cross-validation over groups ({folds} folds; {} of {}), by which the model was chosen, so that it is a little too good, the \
         balanced accuracy was {balanced:.3}.\n\n",
        counted(clips, "clip"),
        counted(groups, "group")
    )
}

/// Other recorders and conditions, and what separates the classes besides their sound.
pub(super) fn recorder_bias(facts: &Facts) -> String {
    let mut text =
        "## Recorder bias\n\nWhere each class comes from other recorders, a model can learn the recorder.\n\n"
            .to_owned();
    text += &shortcuts(facts);
    let stressed = facts.evaluations.all.iter().find(|of| !of.conditions().is_empty());
    let Some(of) = stressed else {
        return text
            + "How the model bears other recorders was not measured (`barkbird evaluate RUN MANIFEST --stress` measures it).\n\n";
    };
    let plain = &of.metrics;
    let row = |name: &str, figures: &Value, interval: &Value| {
        vec![name.to_owned(), number(&figures["balanced_accuracy"]), range(interval), figures["n"].to_string()]
    };
    let mut rows = vec![row("As recorded", plain, &plain["intervals"]["balanced_accuracy"])];
    let conditions = of.conditions();
    let known = Condition::ALL.iter().filter_map(|(name, _, words)| {
        let (_, figures) = conditions.iter().find(|(of, _)| of == name)?;
        Some(row(words, figures, &figures["interval"]))
    });
    rows.extend(known);
    text += &format!(
        "The clips of split `{}` as other recorders would have taken them ({} of {}); they are computed from the recordings, not \
         recorded anew:\n\n",
        of.split(),
        counted(of.n(), "clip"),
        counted(of.n_groups(), "group")
    );
    text += &table(&["Condition", "Balanced accuracy", "95 % interval", "Clips"], &rows);
    text + &equalized(plain)
}

/// What one bandwidth and one noise floor for all clips do, in a sentence.
fn equalized(metrics: &Value) -> String {
    let of = metrics["stress"]["conditions"]["equalized"]["balanced_accuracy"].as_f64();
    let low = metrics["intervals"]["balanced_accuracy"][0].as_f64();
    let (Some(of), Some(low)) = (of, low) else { return String::new() };
    let found = match of < low {
        true => {
            "below the interval of the figure as recorded: the model depends on the recorder, not on the animals alone"
        }
        false => {
            "within the interval of the figure as recorded: with so many clips, no dependence on bandwidth and noise floor is seen"
        }
    };
    format!("With one bandwidth and one noise floor for all clips the balanced accuracy is {of:.3}, {found}.\n\n")
}

/// What the doctor measured of recordings alone.
fn shortcuts(facts: &Facts) -> String {
    let Some(doctor) = &facts.doctor else {
        return "Whether something besides the sound itself separates the classes was not examined (`barkbird doctor`).\n\n".to_owned();
    };
    let all: Vec<&Value> = doctor["shortcuts"].as_array().into_iter().flatten().collect();
    let name = |of: &Value| of["nuisance"].as_str().unwrap_or_default().replace('_', " ");
    let (found, others): (Vec<&Value>, Vec<&Value>) = all.into_iter().partition(|of| of["is_shortcut"] == true);
    let (n, n_groups) = (&doctor["n_clips"], &doctor["n_groups"]);
    if found.is_empty() {
        let names: Vec<String> = others.iter().map(|of| name(of)).collect();
        return format!(
            "In {n} clips of {n_groups} groups nothing was found that separates the classes besides the sound ({}).\n\n",
            listed(&names)
        );
    }
    let row = |of: &&Value| {
        let figure = &of["balanced_accuracy"];
        // A folder's name is typical of a class, too.
        let typical = of["typical"]
            .as_str()
            .filter(|text| of["audible"] == true && !text.is_empty() && !text.contains(['/', '\\']));
        vec![
            name(of),
            number(&figure["value"]),
            range(&serde_json::json!([figure["low"], figure["high"]])),
            number(&of["chance"]),
            typical.filter(|text| !text.is_empty()).map_or_else(|| "–".into(), escaped),
        ]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let mut text = format!(
        "In its collection ({n} clips of {n_groups} groups) this alone, without any sound, separates the classes; a model may have \
         learned some of it:\n\n"
    );
    text += &table(&["Property of the recording", "Balanced accuracy", "95 % interval", "Chance", "Typical"], &rows);
    let left = doctor["summary"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for sentence in left.filter(|sentence| sentence.starts_with("In the clips that features are made from")) {
        text += &format!("{}\n\n", escaped(sentence));
    }
    text
}

/// The detector, and how it did.
pub(super) fn unknown_sounds(facts: &Facts) -> String {
    let mut text = "## Unknown sounds\n\n".to_owned();
    let Some(detector) = &facts.detector else {
        return text
            + "The model has no detector of unknown sounds: whatever it hears, wind and voices too, it calls one of its classes. \
               `barkbird anomaly fit` adds one.\n\n";
    };
    text += &format!(
        "The detector `{}` calls a window `neither` that is unlike the known sounds; it is set to reject at most {} of these. ",
        detector.name,
        percent(detector.alpha)
    );
    let record = &detector.record;
    if let (Some(clips), Some(groups)) = (record["calibration_clips"].as_u64(), record["calibration_groups"].as_u64()) {
        text += &format!("Its p-values are calibrated on {clips} clips of {groups} groups. ");
    }
    let measured = facts.evaluations.all.iter().find(|of| of.metrics["unknown"].is_object());
    let Some(of) = measured else { return text + "How many unknown sounds it rejects was not measured.\n\n" };
    let unknown = &of.metrics["unknown"];
    if let Some(rejected) = unknown["known_rejected"].as_f64() {
        let n = unknown["n_known"].as_u64().unwrap_or(0) as usize;
        let alpha = unknown["alpha"].as_f64().unwrap_or(detector.alpha);
        text += &format!(
            "Measured at {}, it rejected {} of {}.",
            percent(alpha),
            percent(rejected),
            counted(n, "known clip")
        );
    }
    text += "\n\n";
    let row = |(name, figures): (&String, &Value)| {
        let what = if name == "noises" {
            "made noises, tones, music and silence".to_owned()
        } else {
            format!("split `{name}`")
        };
        vec![
            what,
            figures["n"].to_string(),
            figures["n_groups"].to_string(),
            figures["rejected"].as_f64().map_or_else(|| "–".into(), percent),
            number(&figures["auroc"]),
            range(&figures["interval"]),
        ]
    };
    let rows: Vec<Vec<String>> = unknown["sets"].as_object().into_iter().flatten().map(row).collect();
    text + &table(&["Unknown sounds", "Clips", "Groups", "Rejected", "AUROC", "95 % interval"], &rows)
}
