//! `barkbird doctor`.

use crate::cli::DoctorArgs;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::doctor::{self, Options};

pub(super) fn run(args: &DoctorArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options {
        manifest: args.manifest.clone(),
        out: args.out.clone(),
        run: args.run.clone(),
        equalize: args.equalize.clone(),
        config: (&args.config).into(),
        classes: args.classes.clone(),
        suspects: args.suspects,
        page_mb: args.page_mb,
    };
    let outcome = doctor::run(&options, job)?;
    let examination = &outcome.examination;
    examination.summary.iter().for_each(|sentence| ui.say(format!("- {sentence}")));
    ui.say(format!(
        "{} findings: {} (to read), doctor.csv, doctor.json; manifest.clean.csv has {} of {} rows",
        examination.findings.len(),
        args.out.join("doctor.html").display(),
        outcome.kept,
        outcome.rows
    ));
    ui.result(&outcome)?;
    Ok(outcome.fail_on(&args.fail_on)?)
}
