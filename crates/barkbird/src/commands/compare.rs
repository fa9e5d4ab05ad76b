//! `barkbird compare`.

use crate::cli::CompareArgs;
use crate::text::table;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::compare::{self, Difference, Model, Options, Outcome};

pub(super) fn run(args: &CompareArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options {
        models: args.models.iter().map(|runs| runs.split(',').map(Into::into).collect()).collect(),
        manifests: args.manifests.clone(),
        split: args.split.clone(),
        stress: args.stress,
        out: args.out.clone(),
    };
    let outcome = compare::run(&options, job)?;
    ui.say(figures(&outcome));
    ui.say(costs(&outcome));
    outcome.sentences.iter().for_each(|sentence| ui.say(sentence));
    outcome.files.iter().for_each(|file| ui.say(format!("written: {}", file.display())));
    ui.result(&outcome)
}

fn with_interval((value, [low, high]): (f64, [f64; 2])) -> String {
    format!("{value:.3} [{low:.3}, {high:.3}]")
}

/// How good each model is.
fn figures(outcome: &Outcome) -> String {
    let below = |name: &str, all: &[Difference]| match all.iter().find(|difference| difference.model == name) {
        Some(difference) => with_interval((difference.below_best, difference.interval)),
        None => "best".to_owned(),
    };
    let dash = |value: Option<(f64, [f64; 2])>| value.map_or_else(|| "-".to_owned(), with_interval);
    let row = |model: &Model| {
        let recorded = with_interval((model.balanced_accuracy, model.interval));
        let mut cells = vec![model.name.clone(), recorded, below(&model.name, &outcome.differences)];
        if model.under_stress.is_some() {
            cells.extend([
                dash(model.under_stress),
                dash(model.equalized),
                dash(model.worst.clone().map(|worst| worst.1)),
            ]);
        }
        cells.push(model.ece.map_or_else(|| "-".to_owned(), |ece| format!("{ece:.3}")));
        cells
    };
    let rows: Vec<Vec<String>> = outcome.models.iter().map(row).collect();
    let stress = ["all stress tests", "equalized", "hardest stress test"];
    let header = ["model", "balanced accuracy", "below the best"].into_iter();
    let header = header.chain(stress.into_iter().filter(|_| rows[0].len() > 4)).chain(["calibration error"]);
    table(&header.collect::<Vec<_>>(), &rows)
}

/// What each model costs, and how it detects unknown sounds.
fn costs(outcome: &Outcome) -> String {
    let mut sets: Vec<&str> = Vec::new();
    for unknown in outcome.models.iter().flat_map(|model| &model.unknown) {
        if !sets.contains(&unknown.set.as_str()) {
            sets.push(&unknown.set);
        }
    }
    let row = |model: &Model| {
        let cost = &model.cost;
        let dash =
            |value: Option<f64>, decimals: usize| value.map_or("-".to_owned(), |value| format!("{value:.decimals$}"));
        let mut cells = vec![
            model.name.clone(),
            format!("{:.1}", cost.bytes as f64 / 1e6),
            dash(cost.train_minutes, 1),
            format!("{:.0}", cost.recordings_per_s),
            format!("{:.0}", cost.times_real_time),
            dash(cost.peak_mib, 0),
        ];
        let auroc = |set: &&str| model.unknown.iter().find(|of| of.set == **set).and_then(|of| of.auroc);
        cells.extend(sets.iter().map(|set| dash(auroc(set), 3)));
        cells
    };
    let rows: Vec<Vec<String>> = outcome.models.iter().map(row).collect();
    let fixed = ["model", "MB", "min to train", "recordings/s", "x real time", "MiB"].map(str::to_owned);
    let header: Vec<String> = fixed.into_iter().chain(sets.iter().map(|set| format!("AUROC {set}"))).collect();
    table(&header.iter().map(String::as_str).collect::<Vec<_>>(), &rows)
}
