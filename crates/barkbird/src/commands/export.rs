//! `barkbird export`.

use crate::cli::{ExportArgs, ExportCommand, From, HubArgs, OnnxArgs};
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::export::{self, Begin, Options, hub};

pub(super) fn run(args: &ExportArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    match &args.command {
        ExportCommand::Onnx(args) => onnx(args, job, ui),
        ExportCommand::Hub(args) => for_hub(args, job, ui),
    }
}

fn for_hub(args: &HubArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = hub::Options {
        name: args.name.clone(),
        license: args.license.clone(),
        data_name: args.data_name.clone(),
        dataset: args.dataset.clone(),
        private: args.private,
        compare_on: args.compare_on.clone(),
        overwrite: args.overwrite,
        ..hub::Options::new(&args.run, &args.out)
    };
    let outcome = hub::run(&options, job)?;
    let out = outcome.out.display();
    ui.say(match outcome.paths_removed {
        None => format!("written: {out}, with the paths of training recordings in it: for a private repository alone"),
        Some(n) => format!("written: {out}; {n} paths of this machine are not in it"),
    });
    ui.say(format!(
        "read {out}/README.md, then publish it: hf upload {} {out}",
        args.name.as_deref().filter(|name| name.contains('/')).unwrap_or("OWNER/NAME")
    ));
    ui.result(&outcome)
}

fn onnx(args: &OnnxArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let begin = match args.from {
        From::Waveform => Begin::Waveform,
        From::Spectrogram => Begin::Spectrogram,
    };
    let (overwrite, compare_on) = (args.overwrite, args.compare_on.clone());
    let options = Options { begin, overwrite, compare_on, ..Options::new(&args.run, &args.out) };
    let outcome = export::run(&options, job)?;
    ui.say(format!(
        "written: {} ({:.1} MB); on {} windows its probabilities differ from the model's by at most {:.1e}",
        outcome.graph.display(),
        outcome.bytes as f64 / 1e6,
        outcome.compared,
        outcome.differences.probabilities
    ));
    ui.result(&outcome)
}
