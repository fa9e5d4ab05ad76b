//! `barkbird train`.

use crate::cli::TrainArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::train::{self, Options, Start, Strategy, TrainOutcome};
use pipeline::{Job, Named};

pub(super) fn run(args: &TrainArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    ui.result(&execute(&options(args), job, ui)?)
}

fn options(args: &TrainArgs) -> Options {
    Options {
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
    }
}

/// The words that ask for a training of all clips of its splits.
pub(crate) fn words(of: &Options) -> Vec<String> {
    let word = |(name, value): (&str, Option<String>)| match value {
        Some(value) => format!("--{name}={value}"),
        None => format!("--{name}"),
    };
    ["train", of.model.name()].map(str::to_owned).into_iter().chain(of.named().into_iter().map(word)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[test]
    fn a_training_is_asked_for_in_words_as_it_is_in_options() {
        let mut asked = Options::new(train::ModelKind::Vit, "-features dir", "out");
        (asked.train_split, asked.val_split) = ("fold-0,fold-2".into(), "none".into());
        asked.config.set = vec![("train.group_balance".into(), "0.5".into()), ("a".into(), "[1, 2]".into())];
        (asked.epochs, asked.lr, asked.last_layers, asked.batch_size) = (Some(14), Some(3e-5), Some(2), Some(8));
        (asked.augment, asked.strategy) = (Some(pipeline::config::Strength::Light), Some(Strategy::Last));
        (asked.pretrained, asked.offline, asked.start) = (Some("models/x y".into()), true, Start::Resume);
        let words = words(&asked);
        let Command::Train(args) = Cli::parse_from(["barkbird".to_owned()].into_iter().chain(words)).command else {
            panic!("another command")
        };
        assert_eq!(format!("{:?}", options(&args)), format!("{asked:?}"));
    }
}
