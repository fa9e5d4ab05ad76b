//! `barkbird backbone check`.

use crate::cli::{BackboneArgs, BackboneCommand};
use crate::ui::Ui;
use anyhow::Result;
use pipeline::backbone::{self, Options};

pub(super) fn run(args: &BackboneArgs, ui: &Ui) -> Result<()> {
    let BackboneCommand::Check(args) = &args.command;
    let check = backbone::run(&Options { file: args.file.clone() })?;
    ui.say(check.to_string());
    ui.result(&check)
}
