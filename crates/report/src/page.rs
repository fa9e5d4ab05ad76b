//! The report: everything about one or more runs turned into text and pictures, then filled into the template.
//!
//! The template escapes all text. Only the SVG of charts and the data of the page's script go in as they are: in both, text from
//! outside is escaped where they are made.

use askama::Template;

use crate::bar::Figure;
use crate::card::Card;
use crate::curves::charts;
use crate::data::Epoch;
use crate::error::Result;
use crate::evaluation::{self, EvaluationView, headline};
use crate::findings::{self, SectionView};
use crate::number::{UNKNOWN, fixed, thousands};
use crate::payload::{self, Numbers};
use crate::plot::Chart;
use crate::run::{EmbeddingMap, Gallery, RunReport};
use crate::{summary, words};

/// Rows of the table of epochs at most; longer runs show evenly spaced epochs.
const MAX_EPOCH_ROWS: usize = 200;

/// More classes than this are not named in the summary.
const MANY_CLASSES: usize = 20;

/// Fills in the page for `runs` under the heading `title`: one HTML file that needs no other file and no network.
///
/// # Errors
/// [`Error::Chart`](crate::Error::Chart) or [`Error::Page`](crate::Error::Page) when a part cannot be drawn.
#[tracing::instrument(level = "debug", skip_all, fields(n_runs = runs.len()))]
pub fn render(title: &str, runs: &[RunReport]) -> Result<String> {
    let several = runs.len() > 1;
    let views: Vec<RunView<'_>> =
        runs.iter().enumerate().map(|(i, run)| run_view(i, run, several)).collect::<Result<_>>()?;
    let page = Page {
        title,
        comparison: if several { runs.iter().enumerate().map(compared).collect() } else { Vec::new() },
        has_script: views.iter().any(|view| !view.payload.is_empty()),
        runs: views,
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
    /// Whether there is something to click.
    has_script: bool,
    runs: Vec<RunView<'a>>,
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

struct RunView<'a> {
    /// Distinct among the runs of a page.
    id: String,
    name: &'a str,
    /// Whether the name is shown: on a page of one run the title has it.
    is_named: bool,
    parameters: String,
    classes: String,
    summary: Vec<String>,
    headline: Option<Figure>,
    warnings: &'a [String],
    /// Id and title of what follows.
    contents: Vec<(String, String)>,
    sections: Vec<SectionView<'a>>,
    data_sections: Vec<SectionView<'a>>,
    /// Whether there is something to say of the training.
    has_curves: bool,
    verdict: &'static str,
    words: Vec<String>,
    charts: Vec<Chart>,
    epochs: Vec<[String; 8]>,
    n_epochs: usize,
    evaluations: Vec<EvaluationView>,
    map: Option<&'a EmbeddingMap>,
    galleries: Vec<GalleryView<'a>>,
    commands: &'a [String],
    facts: &'a [(String, String)],
    skipped: &'a [(String, String)],
    /// JSON for the page's script; empty where it has nothing to do.
    payload: String,
}

/// Clips of one kind to look at and listen to.
struct GalleryView<'a> {
    id: String,
    title: &'a str,
    text: &'a str,
    parts: Vec<(&'a str, Vec<Card>)>,
    n: usize,
    is_folded: bool,
}

fn run_view(i: usize, run: &RunReport, is_named: bool) -> Result<RunView<'_>> {
    let reading = words::read(&run.epochs, run.classes.len());
    let id = format!("run-{}", i + 1);
    let first = run.evaluations.first();
    let evaluations = run.evaluations.iter().enumerate();
    let numbers = Numbers::of(&run.galleries);
    let has_clips = run.map.is_some() || run.evaluations.iter().any(|evaluation| !evaluation.predictions.is_empty());
    let sections = (1..).zip(&run.sections).map(|(k, section)| findings::view(format!("{id}-section-{k}"), section));
    let data_sections =
        (1..).zip(&run.data_sections).map(|(k, section)| findings::view(format!("{id}-data-{k}"), section));
    let mut view = RunView {
        name: &run.name,
        is_named,
        parameters: parameters(run),
        classes: match run.classes.len() {
            0..=MANY_CLASSES => format!("Classes: {}.", run.classes.join(", ")),
            n => format!("{n} classes."),
        },
        summary: match first {
            Some(_) if !run.sentences.is_empty() => run.sentences.clone(),
            Some(evaluation) => summary::sentences(&evaluation.metrics),
            None if !run.sentences.is_empty() => run.sentences.clone(),
            None => vec!["This run has not been evaluated, so its accuracy on new recordings is not known.".into()],
        },
        headline: first.map(|evaluation| headline(&evaluation.metrics)),
        warnings: &run.warnings,
        contents: Vec::new(),
        sections: sections.collect(),
        data_sections: data_sections.collect(),
        has_curves: !run.epochs.is_empty() || run.sections.is_empty(),
        verdict: reading.verdict.title(),
        charts: charts(&run.epochs, &reading)?,
        words: reading.sentences,
        epochs: epoch_rows(&run.epochs),
        n_epochs: run.epochs.len(),
        evaluations: evaluations
            .map(|(k, evaluation)| evaluation::view(&id, k, evaluation, &run.detector))
            .collect::<Result<_>>()?,
        map: run.map.as_ref().filter(|map| !map.points.is_empty()),
        galleries: galleries(&id, run, &numbers),
        commands: &run.commands,
        facts: &run.facts,
        skipped: &run.skipped,
        payload: if has_clips { payload::json(run, &numbers)? } else { String::new() },
        id,
    };
    view.contents = contents(&view);
    Ok(view)
}

/// What the page has of a run, in its order.
fn contents(view: &RunView<'_>) -> Vec<(String, String)> {
    let of = |id: &str, title: &str| (format!("{}-{id}", view.id), title.to_owned());
    let section = |section: &SectionView<'_>| (section.id.clone(), section.title.to_owned());
    let mut contents: Vec<(String, String)> = view
        .evaluations
        .iter()
        .map(|evaluation| (evaluation.id.clone(), format!("Evaluation on {}", evaluation.name)))
        .collect();
    contents.extend(view.sections.iter().map(section));
    contents.extend(view.has_curves.then(|| of("curves", "Learning curves")));
    contents.extend(view.map.map(|_| of("map", "Map of embeddings")));
    contents.extend(view.galleries.iter().map(|gallery| (gallery.id.clone(), gallery.title.to_owned())));
    contents.extend(view.data_sections.iter().map(section));
    contents.extend((!view.commands.is_empty() || !view.facts.is_empty()).then(|| of("again", "How to reproduce")));
    contents.extend((!view.skipped.is_empty()).then(|| of("skipped", "Skipped recordings")));
    contents
}

/// The clips, each with the number that the page's script knows it by.
fn galleries<'a>(id: &str, run: &'a RunReport, numbers: &Numbers) -> Vec<GalleryView<'a>> {
    let mut used = std::collections::HashSet::new();
    let mut card = |example| {
        let example: &crate::run::Example = example;
        let number = numbers.number(&example.clip);
        let is_first = used.insert(number);
        Card::of(example, if is_first { format!("{id}-clip-{number}") } else { String::new() })
    };
    let mut all = Vec::new();
    for (k, Gallery { title, text, parts, is_folded }) in run.galleries.iter().enumerate() {
        let parts: Vec<(&str, Vec<Card>)> =
            parts.iter().map(|(head, examples)| (head.as_str(), examples.iter().map(&mut card).collect())).collect();
        let n = parts.iter().map(|(_, cards)| cards.len()).sum();
        if n > 0 {
            all.push(GalleryView { id: format!("{id}-clips-{}", k + 1), title, text, parts, n, is_folded: *is_folded });
        }
    }
    all
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
    let metrics = run.evaluations.first().map(|evaluation| &evaluation.metrics);
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
