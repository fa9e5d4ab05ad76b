//! The report: everything about one or more runs turned into text and pictures, then filled into the template.
//!
//! The template escapes all text. Only the SVG of the curves goes in as it is, and that holds no text from outside.

use askama::Template;

use crate::bar::Figure;
use crate::card::Card;
use crate::curves::{Chart, charts};
use crate::data::{Epoch, Example, RunReport};
use crate::error::Result;
use crate::evaluation::{self, EvaluationView, headline};
use crate::number::{UNKNOWN, fixed, thousands};
use crate::summary;
use crate::table::Table;
use crate::words;

/// Rows of the table of epochs at most; longer runs show evenly spaced epochs.
const MAX_EPOCH_ROWS: usize = 200;

/// Fills in the page for `runs` under the heading `title`: one HTML file that needs no other file and no network.
///
/// # Errors
/// [`Error::Chart`](crate::Error::Chart) or [`Error::Page`](crate::Error::Page) when a part cannot be drawn.
#[tracing::instrument(level = "debug", skip_all, fields(n_runs = runs.len()))]
pub fn render(title: &str, runs: &[RunReport]) -> Result<String> {
    let several = runs.len() > 1;
    let page = Page {
        title,
        comparison: if several { runs.iter().enumerate().map(compared).collect() } else { Vec::new() },
        runs: runs.iter().enumerate().map(|(i, run)| run_view(i, run, several)).collect::<Result<_>>()?,
    };
    let html = page.render()?;
    tracing::debug!(n_bytes = html.len(), "rendered");
    Ok(html)
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    comparison: Vec<Compared>,
    runs: Vec<RunView>,
}

/// A row of the table that compares runs.
struct Compared {
    id: String,
    name: String,
    n_parameters: String,
    split: String,
    balanced_accuracy: Figure,
    best_epoch: String,
    verdict: &'static str,
}

struct RunView {
    /// Distinct among the runs of a page.
    id: String,
    name: String,
    /// Whether the name is shown: on a page of one run the title has it.
    is_named: bool,
    parameters: String,
    classes: String,
    summary: Vec<String>,
    headline: Option<Figure>,
    warnings: Vec<String>,
    tables: Vec<(String, Table)>,
    /// Whether there is something to say of the training.
    has_curves: bool,
    verdict: &'static str,
    words: Vec<String>,
    charts: Vec<Chart>,
    epochs: Vec<[String; 8]>,
    n_epochs: usize,
    evaluations: Vec<EvaluationView>,
    examples: Vec<Examples>,
    errors: Vec<Card>,
    commands: Vec<String>,
    facts: Vec<(String, String)>,
    skipped: Vec<(String, String)>,
}

/// Clips of one class to look at and listen to.
struct Examples {
    class: String,
    clips: Vec<Card>,
}

fn run_view(i: usize, run: &RunReport, is_named: bool) -> Result<RunView> {
    let reading = words::read(&run.epochs, run.classes.len());
    let id = format!("run-{}", i + 1);
    let first = run.evaluations.first();
    let evaluations = run.evaluations.iter().enumerate();
    Ok(RunView {
        name: run.name.clone(),
        is_named,
        parameters: parameters(run),
        classes: run.classes.join(", "),
        summary: match first {
            Some(_) if !run.sentences.is_empty() => run.sentences.clone(),
            Some(metrics) => summary::sentences(metrics),
            None if !run.sentences.is_empty() => run.sentences.clone(),
            None => vec!["This run has not been evaluated, so its accuracy on new recordings is not known.".into()],
        },
        headline: first.map(headline),
        warnings: run.warnings.clone(),
        tables: run.tables.clone(),
        has_curves: !run.epochs.is_empty() || run.tables.is_empty(),
        verdict: reading.verdict.title(),
        charts: charts(&run.epochs, &reading)?,
        words: reading.sentences,
        epochs: epoch_rows(&run.epochs),
        n_epochs: run.epochs.len(),
        evaluations: evaluations.map(|(k, metrics)| evaluation::view(&id, k, metrics)).collect(),
        examples: examples(run),
        errors: run.errors.iter().map(Card::of).collect(),
        commands: run.commands.clone(),
        facts: run.facts.clone(),
        skipped: run.skipped.clone(),
        id,
    })
}

fn parameters(run: &RunReport) -> String {
    let network = format!("The network has {} parameters, frozen ones included.", thousands(run.n_parameters));
    match run.n_backbone_parameters {
        Some(n) => format!("{network} The backbone of its detector of unknown sounds has {}.", thousands(n)),
        None => network,
    }
}

fn compared((i, run): (usize, &RunReport)) -> Compared {
    let reading = words::read(&run.epochs, run.classes.len());
    let metrics = run.evaluations.first();
    Compared {
        id: format!("run-{}", i + 1),
        name: run.name.clone(),
        n_parameters: thousands(run.n_parameters),
        split: metrics.map_or(UNKNOWN.into(), |metrics| match metrics.n_groups {
            0 => format!("{} ({} clips)", metrics.split, thousands(metrics.n)),
            groups => format!("{} ({} clips, {} groups)", metrics.split, thousands(metrics.n), thousands(groups)),
        }),
        balanced_accuracy: metrics.map_or_else(|| Figure::new("Balanced accuracy", "", f64::NAN, None), headline),
        best_epoch: reading.best_epoch.map_or(UNKNOWN.into(), |epoch| epoch.to_string()),
        verdict: reading.verdict.title(),
    }
}

fn epoch_rows(epochs: &[Epoch]) -> Vec<[String; 8]> {
    let every = epochs.len().div_ceil(MAX_EPOCH_ROWS).max(1);
    let shown = epochs.iter().enumerate().filter(|(i, _)| i % every == 0 || i + 1 == epochs.len());
    let optional = |x: Option<f64>| fixed(x.unwrap_or(f64::NAN), 4);
    let row = |(_, e): (usize, &Epoch)| {
        [
            e.epoch.to_string(),
            if e.lr.is_finite() { format!("{:.2e}", e.lr) } else { UNKNOWN.into() },
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
fn examples(run: &RunReport) -> Vec<Examples> {
    let class_of = |example: &Example| example.truth.clone().unwrap_or_else(|| example.predicted.clone());
    let mut classes = run.classes.clone();
    for example in &run.examples {
        let class = class_of(example);
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    let clips = |class: &String| run.examples.iter().filter(|e| class_of(e) == *class).map(Card::of).collect();
    let examples = classes.iter().map(|class| Examples { class: class.clone(), clips: clips(class) });
    examples.filter(|examples| !examples.clips.is_empty()).collect()
}
