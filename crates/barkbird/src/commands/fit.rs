//! `barkbird fit`.

use crate::cli::FitModelArgs;
use crate::text::{stress, table, unknown};
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::fit::{self, Options, Outcome, Start};
use std::path::{Path, PathBuf};

/// Candidates that are shown.
const MOST_CANDIDATES: usize = 8;

pub(super) fn run(args: &FitModelArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options {
        add: args.add.clone(),
        backbone: args.backbone.clone(),
        pretrained: args.pretrained.clone(),
        minutes: args.minutes,
        candidate: args.candidate.clone(),
        offline: args.offline,
        start: match (args.resume, args.overwrite) {
            (true, _) => Start::Resume,
            (_, true) => Start::Overwrite,
            _ => Start::Fresh,
        },
        ..options(&args.data, &args.out)
    };
    if args.dry_run {
        let plan = fit::plan(&options, job)?;
        ui.say(plan.to_string());
        return ui.result(&plan);
    }
    ui.result(&execute(&options, job, ui)?)
}

/// The defaults, with YAMNet where it is found.
pub(super) fn options(data: &Path, out: &Path) -> Options {
    Options { usual_backbones: usual_backbones(), ..Options::new(data, out) }
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Outcome> {
    let outcome = fit::run(options, job)?;
    let rows: Vec<Vec<String>> = outcome.choice.candidates.iter().take(MOST_CANDIDATES).map(candidate).collect();
    let header = ["cross-validation", "as recorded", "worst", "in", "mean", ""];
    ui.say(format!("\n{}", table(&header, &rows)));
    for (class, names) in &outcome.evidence {
        let names: Vec<String> = names.iter().map(|(name, share)| format!("{name} {share:.2}")).collect();
        ui.say(format!("  {class}: {}", names.join(", ")));
    }
    if let Some((test, measured)) = outcome.test.as_ref().and_then(|test| Some((test, test.stress.as_ref()?))) {
        ui.say(format!("\ntest split\n{}", stress(measured, &test.metrics)));
    }
    if let Some(measured) = outcome.test.as_ref().and_then(|test| test.unknown.as_ref()) {
        ui.say(format!("\n{}", unknown(measured)));
    }
    ui.say("");
    outcome.sentences.iter().for_each(|sentence| ui.say(sentence));
    let seconds = outcome.seconds;
    ui.say(format!(
        "\nDone in {:.1} min.\n  {}   open it in a browser\n  barkbird predict {} FILE   classifies a recording of yours",
        seconds / 60.0,
        outcome.report.display(),
        options.out.display()
    ));
    Ok(outcome)
}

fn candidate(of: &fit::CandidateFigures) -> Vec<String> {
    vec![
        of.name.clone(),
        format!("{:.3}", of.balanced_accuracy),
        format!("{:.3}", of.worst),
        of.worst_condition.clone(),
        format!("{:.3}", of.mean),
        if of.chosen { "chosen".into() } else { String::new() },
    ]
}

/// Where YAMNet's weights are looked for: where `fetch` puts them.
pub(super) fn usual_backbones() -> Vec<PathBuf> {
    pipeline::fetch::folder_of("yamnet").into_iter().collect()
}
