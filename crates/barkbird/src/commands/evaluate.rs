//! `barkbird evaluate`.

use crate::cli::EvaluateArgs;
use crate::text;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::evaluate::{self, Measured, Options, Source};

pub(super) fn run(args: &EvaluateArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let source = match &args.features {
        Some(folder) => {
            let (folder, backbone) = (folder.clone(), args.backbone_features.clone());
            Source::Features { folder, backbone, equalized: args.equalized }
        }
        None => Source::Recordings { manifests: args.manifests.clone(), stress: args.stress },
    };
    let options = Options { run: args.run.clone(), source, split: args.split.clone(), out: args.out.clone() };
    ui.result(&execute(&options, job, ui)?)
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Measured> {
    let measured = evaluate::run(options, job)?;
    ui.say(text::metrics(&measured.metrics));
    if let Some(stress) = &measured.stress {
        ui.say(text::stress(stress, &measured.metrics));
    }
    if let Some(unknown) = &measured.unknown {
        ui.say(text::unknown(unknown));
    }
    ui.say(format!("written: {}", options.out.display()));
    Ok(measured)
}
