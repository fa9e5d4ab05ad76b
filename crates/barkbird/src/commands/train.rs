//! `barkbird train`.

use crate::cli::TrainArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::train::{self, Options, Start, Strategy, TrainOutcome};
use pipeline::{Job, Named};
use std::path::Path;

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
    let path = |path: &Path| path.to_string_lossy().into_owned();
    let named = [
        ("features", Some(path(&of.features))),
        ("out", Some(path(&of.out))),
        ("train-split", Some(of.train_split.clone())),
        ("val-split", Some(of.val_split.clone())),
        ("config", of.config.file.as_deref().map(path)),
        ("preset", of.preset.map(|value| value.name().to_owned())),
        ("epochs", of.epochs.map(|value| value.to_string())),
        ("batch-size", of.batch_size.map(|value| value.to_string())),
        ("lr", of.lr.map(|value| value.to_string())),
        ("augment", of.augment.map(|value| value.name().to_owned())),
        ("precision", of.precision.map(|value| value.name().to_owned())),
        ("pretrained", of.pretrained.clone()),
        ("revision", of.revision.clone()),
        ("cache", of.cache.as_deref().map(path)),
        ("strategy", of.strategy.map(|value| value.name().to_owned())),
        ("minutes", of.minutes.map(|value| value.to_string())),
        ("last", of.last_layers.map(|value| value.to_string())),
        ("head", of.head.map(|value| value.name().to_owned())),
        ("tensorboard", of.tensorboard.as_deref().map(path)),
    ];
    let set = of.config.set.iter().map(|(key, value)| format!("--set={key}={value}"));
    let flags =
        [("offline", of.offline), ("resume", of.start == Start::Resume), ("overwrite", of.start == Start::Overwrite)];
    ["train".to_owned(), of.model.name().to_owned()]
        .into_iter()
        .chain(named.into_iter().filter_map(|(name, value)| Some(format!("--{name}={}", value?))))
        .chain(set)
        .chain(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| format!("--{name}")))
        .collect()
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
