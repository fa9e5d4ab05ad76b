//! `barkbird demo`: every stage on made sounds, one after the other, each shown as the command that runs it alone. With
//! recordings it is `fit`.

use super::{anomaly, evaluate, features, fit, predict, report, scan, synth, train};
use crate::cli::{DemoArgs, Global};
use crate::ui::Ui;
use anyhow::{Context, Result};
use pipeline::evaluate::Source;
use pipeline::train::{ModelKind, Start};
use pipeline::{Job, anomaly::RowsOptions, one_line};
use std::path::Path;
use std::time::Instant;

pub(super) fn run(args: &DemoArgs, global: &Global, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let started = Instant::now();
    let out = &args.out;
    if let Some(data) = &args.data {
        let command = ["fit".to_owned(), data.display().to_string(), "--out".to_owned(), out.display().to_string()];
        ui.say(format!("$ {}\n", pipeline::run_record::command_line(&command)));
        let job = Job { command: command.to_vec(), ..job.clone() };
        return ui.result(&fit::execute(&fit::options(data, out), &job, ui)?);
    }
    let _lock = pipeline::output::folder(out)?;
    // Shows the command of a stage; the stage is given it to record.
    let stage = |words: &[&dyn AsRef<Path>]| {
        let mut command: Vec<String> = words.iter().map(|word| word.as_ref().display().to_string()).collect();
        command.extend(global.seed.iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
        ui.say(format!("\n$ {}", pipeline::run_record::command_line(&command)));
        Job { command, ..job.clone() }
    };
    let (sounds, clips) = (out.join("sounds"), args.clips.to_string());
    let of_synth = stage(&[&"synth", &"--out", &sounds, &"--clips", &clips]);
    let options = pipeline::synth::Options { out: sounds, clips: args.clips };
    let data = synth::execute(&options, &of_synth, ui)?.manifest;
    let [manifest, spectrograms, run] = ["manifest.csv", "features", "run"].map(|name| out.join(name));
    let job = stage(&[&"scan", &data, &"--out", &manifest]);
    scan::execute(&pipeline::scan::Options::new(&data, &manifest), &job, ui)?;
    let job = stage(&[&"features", &manifest, &"--out", &spectrograms]);
    features::execute(&pipeline::features::Options::new(&manifest, &spectrograms), &job, ui)?;
    let epochs = args.epochs.map(|n| n.to_string());
    let mut words: Vec<&dyn AsRef<Path>> =
        vec![&"train", &"cnn", &"--features", &spectrograms, &"--out", &run, &"--overwrite"];
    if let Some(epochs) = &epochs {
        words.extend([&"--epochs" as &dyn AsRef<Path>, epochs]);
    }
    let job = stage(&words);
    let mut options = pipeline::train::Options::new(ModelKind::Cnn, &spectrograms, &run);
    (options.start, options.epochs) = (Start::Overwrite, args.epochs);
    train::execute(&options, &job, ui)?;
    let job = stage(&[&"anomaly", &"fit", &run, &"--features", &spectrograms]);
    let rows = RowsOptions::new(&run, vec![spectrograms.clone()]);
    // With too few recordings for a detector there is still all the rest to show.
    if let Err(error) = anomaly::execute_fit(&pipeline::anomaly::fit::Options::new(rows), &job, ui) {
        ui.warn(format!("no detector of unknown sounds: {}", one_line(error.as_ref())));
    }
    let test = run.join("test");
    let split = "test,ood-test";
    let job = stage(&[&"evaluate", &run, &manifest, &"--split", &split, &"--stress", &"--out", &test]);
    let source = Source::Recordings { manifests: vec![manifest.clone()], stress: true };
    let options = pipeline::evaluate::Options { run: run.clone(), source, split: split.into(), out: test };
    let metrics = evaluate::execute(&options, &job, ui)?.metrics;
    let verdicts = out.join("predictions.csv");
    let job = stage(&[&"predict", &run, &manifest, &"--out", &verdicts]);
    predict::execute(&pipeline::predict::Options::new(&run, vec![manifest.clone()]), &verdicts, &job, ui)?;
    let page = out.join("report.html");
    let job = stage(&[&"report", &run, &"--manifest", &manifest, &"--out", &page]);
    let mut options = pipeline::report::Options::new(vec![run.clone()], &page);
    options.manifests = vec![manifest];
    report::execute(&options, &job, ui)?;

    let interval = *metrics.intervals.get("balanced_accuracy").context("balanced accuracy has no interval")?;
    let accuracy = metrics.balanced_accuracy.context("no balanced accuracy")?;
    let seconds = started.elapsed().as_secs_f64();
    let [page, verdicts, run] = [page, verdicts, run].map(|path| path.display().to_string());
    ui.say(format!(
        "\nDone in {seconds:.0} s. Balanced accuracy on {} unseen clips of {} groups: {accuracy:.3} (95 % interval {:.3} \
         to {:.3}).\n\n  {page}   open it in a browser: sounds, learning curves, confusion matrix\n  {verdicts}   a \
         label for every recording\n  barkbird predict {run} FILE   classifies a recording of yours",
        metrics.n, metrics.n_groups, interval[0], interval[1]
    ));
    ui.result(&serde_json::json!({
        "out": args.out, "report": page, "run": run, "seconds": seconds, "n": metrics.n, "n_groups": metrics.n_groups,
        "balanced_accuracy": accuracy, "interval": interval,
    }))
}
