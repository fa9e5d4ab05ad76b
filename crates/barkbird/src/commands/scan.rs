//! `barkbird scan`: looks at every recording and writes the manifest that the next stages read.

use crate::cancel;
use crate::cli::{Global, ScanArgs};
use crate::ui::{Ui, table};
use anyhow::Result;
use audio_io::Manifest;
use audio_io::check::FileCheck;
use audio_io::scan::{ScanOptions, scan};
use std::collections::BTreeMap;

pub(crate) fn run(args: &ScanArgs, global: &Global, ui: &Ui) -> Result<()> {
    let manifest = Manifest::open_until(&args.data, &cancel::requested)?;
    let n = manifest.rows.len();
    let bar = ui.bar(n, "scan");
    let options = ScanOptions {
        shares: args.split,
        folds: args.folds,
        leave_out: args.leave_out.clone(),
        seed: global.seed(),
        min_seconds: args.min_seconds,
        ..ScanOptions::default()
    };
    let scan = scan(&manifest, &options, &|_| {
        bar.inc(1);
        !cancel::requested()
    })?;
    let n = n - scan.n_repeated;
    bar.finish_and_clear();
    cancel::check("nothing was written")?;
    for warning in &scan.warnings {
        ui.warn(warning.to_string());
    }
    let listed = |what: &str, rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            ui.warn(format!("{} recordings are {what}:\n{}", rows.len(), reasons(&rows)));
        }
    };
    listed("unusable and left out", scan.unusable.iter().map(|u| vec![u.path.clone(), u.reason.clone()]).collect());
    let damaged = scan.checks.iter().filter(|check| check.usable && !check.damage.is_empty());
    let damage = |check: &FileCheck| check.damage.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    listed("damaged and kept", damaged.map(|check| vec![check.path.clone(), damage(check)]).collect());
    if !scan.duplicates.is_empty() {
        let more: usize = scan.duplicates.iter().map(|same| same.len() - 1).sum();
        ui.say(format!("{more} exact duplicates; each set is kept on one side of the split:"));
        for same in &scan.duplicates {
            ui.say(format!("  {}", same.join(" = ")));
        }
    }
    let parent = args.out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let rebased = scan.manifest.rebased(parent)?;
    shard::write_atomic(&args.out, &rebased.to_csv())?;
    let counts = counts(&rebased);
    let details = args.out.with_extension("scan.json");
    let result = serde_json::json!({
        "manifest": args.out, "recordings": n, "usable": rebased.rows.len(), "counts": counts, "unusable": scan.unusable,
        "duplicates": scan.duplicates, "warnings": scan.warnings, "checks": scan.checks,
        "fold_values": scan.fold_values,
    });
    shard::write_atomic(&details, &serde_json::to_vec_pretty(&result)?)?;
    ui.say(format!(
        "{} of {n} recordings are usable: {} (details: {})",
        rebased.rows.len(),
        args.out.display(),
        details.display()
    ));
    for (fold, value) in scan.fold_values.iter().enumerate() {
        ui.say(format!("  {} is {value}", audio_io::folds::fold_name(fold)));
    }
    ui.say(summary(&counts));
    ui.result(&result)
}

/// Two columns, so that a long list stays readable.
fn reasons(rows: &[Vec<String>]) -> String {
    let widest = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or(0);
    rows.iter().map(|row| format!("  {:<widest$}  {}", row[0], row[1])).collect::<Vec<_>>().join("\n")
}

/// Recordings and groups of each label in each split.
fn counts(manifest: &Manifest) -> BTreeMap<String, BTreeMap<String, [usize; 2]>> {
    let mut groups = BTreeMap::<(String, String), std::collections::BTreeSet<String>>::new();
    let mut counts = BTreeMap::<String, BTreeMap<String, [usize; 2]>>::new();
    for row in &manifest.rows {
        let split = row.split.clone().unwrap_or_default();
        let group = row.group.clone().unwrap_or_else(|| row.path.clone());
        groups.entry((row.label.clone(), split.clone())).or_default().insert(group);
        counts.entry(row.label.clone()).or_default().entry(split).or_default()[0] += 1;
    }
    for ((label, split), set) in groups {
        if let Some(entry) = counts.get_mut(&label).and_then(|splits| splits.get_mut(&split)) {
            entry[1] = set.len();
        }
    }
    counts
}

fn summary(counts: &BTreeMap<String, BTreeMap<String, [usize; 2]>>) -> String {
    let mut rows = Vec::new();
    for (label, splits) in counts {
        for (split, [recordings, groups]) in splits {
            rows.push(vec![label.clone(), split.clone(), recordings.to_string(), groups.to_string()]);
        }
    }
    table(&["label", "split", "recordings", "groups"], &rows)
}
