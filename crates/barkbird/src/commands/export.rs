//! `barkbird export`.

use crate::cli::{ExportArgs, ExportCommand, From};
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::export::{self, Begin, Options};

pub(super) fn run(args: &ExportArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let ExportCommand::Onnx(args) = &args.command;
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
