//! `barkbird demo`: every stage, one after the other, each shown as the command that runs it alone.

use crate::cli::{Cli, DemoArgs, Global};
use crate::ui::Ui;
use anyhow::{Context, Result};
use clap::Parser;
use std::path::Path;
use std::time::Instant;

pub(crate) fn run(args: &DemoArgs, global: &Global, ui: &Ui) -> Result<()> {
    let started = Instant::now();
    let out = args.out.display().to_string();
    std::fs::create_dir_all(&args.out).with_context(|| format!("{out}: cannot be made"))?;
    let stage = |words: Vec<String>| stage(words, global, ui);
    let data = match &args.data {
        Some(data) => data.display().to_string(),
        None => {
            let sounds = format!("{out}/sounds");
            stage(words(&["synth", "--out", &sounds, "--clips", &args.clips.to_string()]))?;
            format!("{sounds}/manifest.csv")
        }
    };
    let manifest = format!("{out}/manifest.csv");
    let (spectrograms, run) = (format!("{out}/features"), format!("{out}/run"));
    stage(words(&["scan", &data, "--out", &manifest]))?;
    stage(words(&["features", &manifest, "--out", &spectrograms]))?;
    let mut training = words(&["train", "cnn", "--features", &spectrograms, "--out", &run, "--overwrite"]);
    if let Some(epochs) = args.epochs {
        training.extend(words(&["--epochs", &epochs.to_string()]));
    }
    stage(training)?;
    // Too few recordings for a detector are no reason to show nothing.
    if let Err(error) = stage(words(&["anomaly", "fit", &run, "--features", &spectrograms])) {
        ui.warn(format!("no detector of unknown sounds: {}", crate::one_line(&error)));
    }
    let test = format!("{run}/test");
    stage(words(&["evaluate", &run, "--features", &spectrograms, "--split", "test", "--out", &test]))?;
    let verdicts = format!("{out}/predictions.csv");
    stage(words(&["predict", &run, &manifest, "--out", &verdicts]))?;
    let page = format!("{out}/report.html");
    stage(words(&["report", &run, "--manifest", &manifest, "--out", &page]))?;
    let path = Path::new(&test).join("metrics.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let metrics: ::report::Metrics = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let interval = metrics.intervals.get("balanced_accuracy").copied();
    let interval = interval.with_context(|| format!("{}: no interval", path.display()))?;
    let seconds = started.elapsed().as_secs_f64();
    ui.say(format!(
        "\nDone in {seconds:.0} s. On {} clips of {} groups that it never saw, the model is right with balanced accuracy \
         {:.3} (95 % interval {:.3} to {:.3}).\n\n  {page}   open it in a browser: sounds, learning curves, \
         confusion\n  {verdicts}   a verdict for every recording\n  barkbird predict {run} FILE   ask it about a \
         recording of yours",
        metrics.n, metrics.n_groups, metrics.balanced_accuracy, interval[0], interval[1]
    ));
    ui.result(&serde_json::json!({
        "out": args.out, "report": page, "run": run, "seconds": seconds, "n": metrics.n, "n_groups": metrics.n_groups,
        "balanced_accuracy": metrics.balanced_accuracy, "interval": interval,
    }))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Runs one command through the same arguments that a person would type, and says so.
fn stage(words: Vec<String>, global: &Global, ui: &Ui) -> Result<()> {
    let mut line = vec!["barkbird".to_owned()];
    line.extend(words);
    if let Some(seed) = global.seed {
        line.extend(["--seed".to_owned(), seed.to_string()]);
    }
    ui.say(format!("\n$ {}", line.join(" ")));
    let mut cli = Cli::try_parse_from(&line).with_context(|| line.join(" "))?;
    cli.global.device.clone_from(&global.device);
    super::run(&cli, &ui.nested())
}
