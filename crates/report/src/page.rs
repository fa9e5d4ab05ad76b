//! The page: everything of a report turned into text and pictures, then filled into the template.
//!
//! The template escapes all text. Only the SVG of the curves goes in as it is, and that holds no text from outside.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::confusion::{self, Row, counts};
use crate::curves::{Chart, charts};
use crate::data::{Epoch, Example, Metrics, RunReport};
use crate::error::Result;
use crate::number::{fixed, percent, thousands, wilson};
use crate::summary;
use crate::words;

/// Rows of the table of epochs at most; of longer runs every so many-th is shown.
const MAX_EPOCH_ROWS: usize = 200;

/// Fills in the page for `runs` under the heading `title`: one HTML file that needs no other file and no network.
///
/// # Errors
/// [`Error::Curve`](crate::Error::Curve) or [`Error::Page`](crate::Error::Page) when a part cannot be drawn.
pub fn render(title: &str, runs: &[RunReport]) -> Result<String> {
    let several = runs.len() > 1;
    let page = Page {
        title,
        comparison: if several { runs.iter().enumerate().map(compared).collect() } else { Vec::new() },
        runs: runs.iter().enumerate().map(|(i, run)| run_view(i, run, several)).collect::<Result<_>>()?,
    };
    Ok(page.render()?)
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    comparison: Vec<Compared>,
    runs: Vec<RunView>,
}

/// A row of the table that sets runs side by side.
struct Compared {
    id: String,
    name: String,
    n_parameters: String,
    measured_on: String,
    balanced_accuracy: Figure,
    best_epoch: String,
    verdict: &'static str,
}

struct RunView {
    /// Distinct among the runs of a page.
    id: String,
    name: String,
    /// Shown where the page has more runs than one, else its title says it.
    named: bool,
    n_parameters: String,
    classes: String,
    summary: Vec<String>,
    headline: Option<Figure>,
    warnings: Vec<String>,
    verdict: &'static str,
    words: Vec<String>,
    charts: Vec<Chart>,
    epochs: Vec<[String; 8]>,
    n_epochs: usize,
    evaluations: Vec<EvaluationView>,
    sounds: Vec<Sounds>,
    errors: Vec<Sound>,
    commands: Vec<String>,
    facts: Vec<(String, String)>,
    skipped: Vec<(String, String)>,
}

struct EvaluationView {
    id: String,
    name: String,
    /// Empty for the first, which the run's summary is about.
    summary: Vec<String>,
    warnings: Vec<String>,
    figures: Vec<Figure>,
    classes: Vec<String>,
    confusion: Vec<Row>,
    per_class: Vec<ClassView>,
}

/// A figure with its interval, as text and as places on a line from 0 to 1.
struct Figure {
    name: &'static str,
    note: &'static str,
    value: String,
    interval: String,
    bar: Option<Bar>,
}

struct Bar {
    low: String,
    high: String,
    at: String,
}

struct ClassView {
    name: String,
    n: String,
    recall: Figure,
    precision: Figure,
    f1: String,
    auroc: String,
}

/// Clips of one class to see and hear.
struct Sounds {
    class: String,
    clips: Vec<Sound>,
}

struct Sound {
    path: String,
    truth: String,
    predicted: String,
    probability: String,
    right: bool,
    wrong: bool,
    /// Data URIs; empty for none.
    png: String,
    wav: String,
}

fn run_view(i: usize, run: &RunReport, named: bool) -> Result<RunView> {
    let reading = words::read(&run.epochs, run.classes.len());
    let id = format!("run-{}", i + 1);
    let first = run.evaluations.first();
    Ok(RunView {
        name: run.name.clone(),
        named,
        n_parameters: thousands(run.n_parameters),
        classes: run.classes.join(", "),
        summary: match first {
            Some(metrics) => summary::sentences(metrics),
            None => vec!["The run has not been evaluated: nothing is known of how it does on new recordings.".into()],
        },
        headline: first
            .map(|metrics| share(metrics, "balanced_accuracy", "Balanced accuracy", metrics.balanced_accuracy)),
        warnings: run.warnings.clone(),
        verdict: reading.verdict.title(),
        charts: charts(&run.epochs, &reading)?,
        words: reading.sentences,
        epochs: epoch_rows(&run.epochs),
        n_epochs: run.epochs.len(),
        evaluations: run.evaluations.iter().enumerate().map(|(k, metrics)| evaluation_view(&id, k, metrics)).collect(),
        sounds: sounds(run),
        errors: run.errors.iter().map(sound).collect(),
        commands: run.commands.clone(),
        facts: run.facts.clone(),
        skipped: run.skipped.clone(),
        id,
    })
}

fn compared((i, run): (usize, &RunReport)) -> Compared {
    let reading = words::read(&run.epochs, run.classes.len());
    let metrics = run.evaluations.first();
    Compared {
        id: format!("run-{}", i + 1),
        name: run.name.clone(),
        n_parameters: thousands(run.n_parameters),
        measured_on: metrics.map_or("\u{2013}".into(), |metrics| match metrics.n_groups {
            0 => format!("{} ({} clips)", metrics.split, thousands(metrics.n)),
            groups => format!("{} ({} clips, {} groups)", metrics.split, thousands(metrics.n), thousands(groups)),
        }),
        balanced_accuracy: match metrics {
            Some(metrics) => share(metrics, "balanced_accuracy", "Balanced accuracy", metrics.balanced_accuracy),
            None => figure("Balanced accuracy", "", f64::NAN, None),
        },
        best_epoch: reading.best_epoch.map_or("\u{2013}".into(), |epoch| epoch.to_string()),
        verdict: reading.verdict.title(),
    }
}

fn evaluation_view(run: &str, k: usize, metrics: &Metrics) -> EvaluationView {
    let loss = |name, note, value| Figure { bar: None, ..figure(name, note, value, None) };
    let figures = vec![
        share(metrics, "balanced_accuracy", "Balanced accuracy", metrics.balanced_accuracy),
        share(metrics, "accuracy", "Accuracy", metrics.accuracy),
        share(metrics, "macro_f1", "Macro F1", metrics.macro_f1),
        share(metrics, "auroc", "AUROC", metrics.auroc.unwrap_or(f64::NAN)),
        share(metrics, "ece", "Calibration error", metrics.ece),
        loss("Loss", "mean a clip; lower is better", metrics.loss),
    ];
    let known: Vec<_> = metrics.classes.iter().filter(|class| metrics.per_class.contains_key(*class)).collect();
    let rest = metrics.per_class.keys().filter(|class| !metrics.classes.contains(class));
    EvaluationView {
        id: format!("{run}-evaluation-{}", k + 1),
        name: if metrics.split.is_empty() { format!("evaluation {}", k + 1) } else { metrics.split.clone() },
        summary: if k == 0 { Vec::new() } else { summary::sentences(metrics) },
        warnings: metrics.warnings.clone(),
        figures: figures.into_iter().filter(|figure| figure.value != "\u{2013}").collect(),
        classes: metrics.classes.clone(),
        confusion: confusion::rows(metrics),
        per_class: known.into_iter().chain(rest).map(|class| class_view(metrics, class)).collect(),
    }
}

fn class_view(metrics: &Metrics, class: &str) -> ClassView {
    let of = metrics.per_class.get(class).cloned().unwrap_or_default();
    let counts = counts(metrics, class);
    let recall = metrics.intervals.get(&format!("recall_{class}")).copied();
    let recall = recall.or_else(|| counts.as_ref().and_then(|counts| wilson(counts.right, counts.are)));
    let precision = metrics.intervals.get(&format!("precision_{class}")).copied();
    let precision = precision.or_else(|| counts.as_ref().and_then(|counts| wilson(counts.right, counts.called)));
    ClassView {
        name: class.to_owned(),
        n: thousands(counts.map_or(of.support, |counts| counts.are)),
        recall: figure("Recall", "", of.recall, recall),
        precision: figure("Precision", "", of.precision, precision),
        f1: fixed(of.f1, 3),
        auroc: fixed(of.auroc.unwrap_or(f64::NAN), 3),
    }
}

/// A figure between 0 and 1 with the interval of that key.
fn share(metrics: &Metrics, key: &str, name: &'static str, value: f64) -> Figure {
    let note = match key {
        "balanced_accuracy" => "mean recall over the classes",
        "accuracy" => "share of clips that are right",
        "macro_f1" => "mean F1 over the classes",
        "auroc" => "ranking, 0.5 is guessing",
        "ece" => "how far probabilities are off; lower is better",
        _ => "",
    };
    figure(name, note, value, metrics.intervals.get(key).copied())
}

fn figure(name: &'static str, note: &'static str, value: f64, interval: Option<[f64; 2]>) -> Figure {
    let unit = |x: f64| fixed(x.clamp(0.0, 1.0), 4);
    let bar = interval.filter(|_| value.is_finite());
    Figure {
        name,
        note,
        value: fixed(value, 3),
        interval: interval.map_or(String::new(), |[low, high]| format!("{} to {}", fixed(low, 3), fixed(high, 3))),
        bar: bar.map(|[low, high]| Bar { low: unit(low), high: unit(high), at: unit(value) }),
    }
}

fn epoch_rows(epochs: &[Epoch]) -> Vec<[String; 8]> {
    let every = epochs.len().div_ceil(MAX_EPOCH_ROWS).max(1);
    let shown = epochs.iter().enumerate().filter(|(i, _)| i % every == 0 || i + 1 == epochs.len());
    let optional = |x: Option<f64>| fixed(x.unwrap_or(f64::NAN), 4);
    let row = |(_, e): (usize, &Epoch)| {
        [
            e.epoch.to_string(),
            if e.lr.is_finite() { format!("{:.2e}", e.lr) } else { fixed(e.lr, 0) },
            fixed(e.train_loss, 4),
            optional(e.train_loss_eval),
            optional(e.val_loss),
            optional(e.val_accuracy),
            optional(e.val_balanced_accuracy),
            fixed(e.seconds, 1),
        ]
    };
    shown.map(row).collect()
}

/// Examples by true class, in the order of the model's classes, then the others as they come.
fn sounds(run: &RunReport) -> Vec<Sounds> {
    let class_of = |example: &Example| example.truth.clone().unwrap_or_else(|| example.predicted.clone());
    let mut classes = run.classes.clone();
    for example in &run.examples {
        let class = class_of(example);
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    let clips = |class: &String| run.examples.iter().filter(|e| class_of(e) == *class).map(sound).collect();
    let sounds = classes.iter().map(|class| Sounds { class: class.clone(), clips: clips(class) });
    sounds.filter(|sounds| !sounds.clips.is_empty()).collect()
}

fn sound(example: &Example) -> Sound {
    let uri = |kind: &str, bytes: &[u8]| match bytes {
        [] => String::new(),
        bytes => format!("data:{kind};base64,{}", STANDARD.encode(bytes)),
    };
    let right = example.truth.as_deref() == Some(&example.predicted);
    Sound {
        path: example.path.clone(),
        truth: example.truth.clone().unwrap_or_default(),
        predicted: example.predicted.clone(),
        probability: percent(example.probability),
        right,
        wrong: example.truth.is_some() && !right,
        png: uri("image/png", &example.png),
        wav: uri("audio/wav", &example.wav),
    }
}
