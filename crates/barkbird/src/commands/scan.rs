//! `barkbird scan`.

use crate::cli::ScanArgs;
use crate::text::{MOST_ROWS, table_of_few};
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::scan::{self, Counts, FileCheck, GroupBy, Options, Outcome};

pub(super) fn run(args: &ScanArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = Options {
        data: args.data.clone(),
        import: args.import.options(),
        out: args.out.clone(),
        split: args.split,
        folds: args.folds,
        leave_out: args.leave_out.clone(),
        group_by: args.group_by.as_deref().map(GroupBy::of),
        min_seconds: args.min_seconds,
        resume: args.resume,
    };
    ui.result(&execute(&options, job, ui)?)
}

pub(super) fn execute(options: &Options, job: &Job<'_>, ui: &Ui) -> Result<Outcome> {
    let outcome = scan::run(options, job)?;
    let details = outcome.details().display().to_string();
    let listed = |what: &str, rows: Vec<[String; 2]>| {
        if !rows.is_empty() {
            ui.warn(format!("{} recordings are {what}:\n{}", rows.len(), reasons(&rows, &details)));
        }
    };
    let unusable = outcome.unusable.iter().map(|u| [u.path.clone(), u.reason.clone()]);
    listed("unusable and left out", unusable.collect());
    let mut damaged = Vec::new();
    for check in outcome.checks.iter() {
        let FileCheck { path, damage, usable, .. } = check?;
        if usable && !damage.is_empty() {
            let found: Vec<String> = damage.iter().map(ToString::to_string).collect();
            damaged.push([path, found.join("; ")]);
        }
    }
    listed("damaged and kept", damaged);
    if !outcome.duplicates.is_empty() {
        let more: usize = outcome.duplicates.iter().map(|same| same.len() - 1).sum();
        ui.say(format!("{more} exact duplicates; each set is kept on one side of the split:"));
        for same in outcome.duplicates.iter().take(MOST_ROWS) {
            ui.say(format!("  {}", same.join(" = ")));
        }
        if outcome.duplicates.len() > MOST_ROWS {
            ui.say(format!("  ... and {} sets more; all are in {details}", outcome.duplicates.len() - MOST_ROWS));
        }
    }
    ui.say(format!(
        "{} of {} recordings are usable: {} (details: {})",
        outcome.usable,
        outcome.recordings,
        outcome.manifest.display(),
        details
    ));
    for (fold, value) in outcome.fold_values.iter().enumerate() {
        ui.say(format!("  {} is {value}", scan::fold_name(fold)));
    }
    ui.say(summary(&outcome.counts, &details));
    Ok(outcome)
}

/// Two columns, so that a long list stays readable.
fn reasons(all: &[[String; 2]], details: &str) -> String {
    let rows = &all[..all.len().min(MOST_ROWS)];
    let widest = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = rows.iter().map(|[path, reason]| format!("  {path:<widest$}  {reason}")).collect();
    if all.len() > rows.len() {
        lines.push(format!("  ... and {} more; all are in {details}", all.len() - rows.len()));
    }
    lines.join("\n")
}

fn summary(counts: &Counts, details: &str) -> String {
    let mut rows = Vec::new();
    for (label, splits) in counts {
        for (split, [recordings, groups]) in splits {
            rows.push(vec![label.clone(), split.clone(), recordings.to_string(), groups.to_string()]);
        }
    }
    table_of_few(&["label", "split", "recordings", "groups"], &rows, details)
}
