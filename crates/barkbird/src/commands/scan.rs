//! `barkbird scan`.

use crate::cli::ScanArgs;
use crate::text::table;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::scan::{self, Counts, Options, Outcome};

pub(super) fn run(args: &ScanArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options {
        data: args.data.clone(),
        out: args.out.clone(),
        split: args.split,
        folds: args.folds,
        leave_out: args.leave_out.clone(),
        min_seconds: args.min_seconds,
    };
    ui.result(&execute(&options, job, ui)?)
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Outcome> {
    let outcome = scan::run(options, job)?;
    let listed = |what: &str, rows: Vec<[String; 2]>| {
        if !rows.is_empty() {
            ui.warn(format!("{} recordings are {what}:\n{}", rows.len(), reasons(&rows)));
        }
    };
    let unusable = outcome.unusable.iter().map(|u| [u.path.clone(), u.reason.clone()]);
    listed("unusable and left out", unusable.collect());
    let damaged = outcome.checks.iter().filter(|check| check.usable && !check.damage.is_empty());
    let damage = damaged.map(|check| {
        let found: Vec<String> = check.damage.iter().map(ToString::to_string).collect();
        [check.path.clone(), found.join("; ")]
    });
    listed("damaged and kept", damage.collect());
    if !outcome.duplicates.is_empty() {
        let more: usize = outcome.duplicates.iter().map(|same| same.len() - 1).sum();
        ui.say(format!("{more} exact duplicates; each set is kept on one side of the split:"));
        for same in &outcome.duplicates {
            ui.say(format!("  {}", same.join(" = ")));
        }
    }
    ui.say(format!(
        "{} of {} recordings are usable: {} (details: {})",
        outcome.usable,
        outcome.recordings,
        outcome.manifest.display(),
        outcome.details().display()
    ));
    for (fold, value) in outcome.fold_values.iter().enumerate() {
        ui.say(format!("  {} is {value}", scan::fold_name(fold)));
    }
    ui.say(summary(&outcome.counts));
    Ok(outcome)
}

/// Two columns, so that a long list stays readable.
fn reasons(rows: &[[String; 2]]) -> String {
    let widest = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
    rows.iter().map(|[path, reason]| format!("  {path:<widest$}  {reason}")).collect::<Vec<_>>().join("\n")
}

fn summary(counts: &Counts) -> String {
    let mut rows = Vec::new();
    for (label, splits) in counts {
        for (split, [recordings, groups]) in splits {
            rows.push(vec![label.clone(), split.clone(), recordings.to_string(), groups.to_string()]);
        }
    }
    table(&["label", "split", "recordings", "groups"], &rows)
}
