//! `barkbird train`.

use crate::cli::TrainArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::train::{self, Options, Start, Strategy, TrainOutcome};

pub(super) fn run(args: &TrainArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options {
        model: args.model,
        features: args.features.clone(),
        out: args.out.clone(),
        train_split: args.train_split.clone(),
        val_split: args.val_split.clone(),
        only: None,
        config: (&args.config).into(),
        preset: args.preset,
        epochs: args.epochs,
        batch_size: args.batch_size,
        lr: args.lr,
        augment: args.augment,
        precision: args.precision,
        pretrained: args.pretrained.clone(),
        revision: args.revision.clone(),
        offline: args.offline,
        cache: args.cache.clone(),
        strategy: if args.auto { Some(Strategy::Auto) } else { args.strategy },
        minutes: args.minutes,
        last_layers: args.last,
        head: args.head,
        tensorboard: args.tensorboard.clone(),
        start: match (args.resume, args.overwrite) {
            (true, _) => Start::Resume,
            (_, true) => Start::Overwrite,
            _ => Start::Fresh,
        },
    };
    ui.result(&execute(&options, job, ui)?)
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<TrainOutcome> {
    let outcome = train::run(options, job)?;
    ui.say(format!(
        "best epoch {} of {}{}; {:.1} s: {}",
        outcome.best_epoch,
        outcome.epochs,
        if outcome.stopped_early { " (stopped early: validation no longer improved)" } else { "" },
        outcome.seconds,
        options.out.join(pipeline::MODEL_FILE).display()
    ));
    Ok(outcome)
}
