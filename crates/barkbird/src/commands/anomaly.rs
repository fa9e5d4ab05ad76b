//! `barkbird anomaly bench`, `fit` and `discover`.

use crate::cli::{AnomalyArgs, AnomalyCommand, BenchArgs, DiscoverArgs, FitArgs};
use crate::text::table;
use crate::ui::Ui;
use anyhow::Result;
use pipeline::Job;
use pipeline::anomaly::discover::{Changed, ClusterFile, DiscoverFile};
use pipeline::anomaly::results::BenchFile;
use pipeline::anomaly::{bench, discover, fit};

pub(super) fn run(args: &AnomalyArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    match &args.command {
        AnomalyCommand::Bench(args) => run_bench(args, job, ui),
        AnomalyCommand::Fit(args) => run_fit(args, job, ui),
        AnomalyCommand::Discover(args) => run_discover(args, job, ui),
    }
}

fn run_bench(args: &BenchArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = bench::Options {
        rows: (&args.rows).into(),
        out: args.out.clone(),
        known: args.known.clone(),
        synthetic: args.synthetic,
        alpha: args.alpha,
    };
    let result = bench::run(&options, job)?;
    ui.say(comparison(&result));
    ui.say(format!("written: {}", args.out.display()));
    ui.result(&result)
}

fn run_fit(args: &FitArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = fit::Options {
        rows: (&args.rows).into(),
        method: args.method.clone(),
        bench: args.bench.clone(),
        out: args.out.clone(),
    };
    ui.result(&execute_fit(&options, job, ui)?)
}

/// Fits a detector, and reports it.
pub(super) fn execute_fit(options: &fit::Options, job: &Job<'_>, ui: &Ui) -> Result<fit::Record> {
    let fit::Outcome { record, written } = fit::run(options, job)?;
    ui.say(format!("{}: {}", record.detectors.join(", "), record.why));
    ui.say(format!(
        "calibrated on {} clips of {} groups: `predict --alpha` can be {:.3} or more",
        record.calibration_clips, record.calibration_groups, record.smallest_alpha
    ));
    ui.say(format!("written: {}", written.display()));
    Ok(record)
}

fn run_discover(args: &DiscoverArgs, job: &Job<'_>, ui: &Ui) -> Result<()> {
    let options = discover::Options {
        run: args.run.clone(),
        inputs: args.inputs.clone(),
        out: args.out.clone(),
        reject: args.reject.clone(),
        alpha: args.alpha,
        clusters: args.clusters,
        name: args.name.clone(),
        manifest: args.manifest.clone(),
        features: args.features.clone(),
        backbone_features: args.backbone_features.clone(),
    };
    let outcome = discover::run(&options, job)?;
    if let Some(manifest) = &outcome.manifest {
        ui.say(format!("{} windows added: {}", outcome.named, manifest.display()));
    }
    ui.say(groups(&outcome.file));
    ui.say(format!("to listen and look: {}", outcome.page.display()));
    ui.result(&outcome.file)
}

/// AUROC of every method on every set but the single kinds of noise, and the recommendation.
fn comparison(result: &BenchFile) -> String {
    let shown: Vec<&String> = result.sets.keys().filter(|name| !BenchFile::is_one_noise(name)).collect();
    let mut header = vec!["AUROC"];
    header.extend(shown.iter().map(|name| name.as_str()));
    let row = |(name, measured): (&String, &std::collections::BTreeMap<_, pipeline::anomaly::results::Measured>)| {
        let cells = shown.iter().map(|set| format!("{:.3}", measured[*set].figures.auroc));
        std::iter::once(name.clone()).chain(cells).collect::<Vec<_>>()
    };
    let mut lines = vec![table(&header, &result.methods.iter().map(row).collect::<Vec<_>>())];
    lines.extend(result.ranks_like.iter().map(|(name, like)| format!("{name} ranks as {like} does, with two classes")));
    if !result.learned_from_unknowns.is_empty() {
        let names = result.learned_from_unknowns.join(", ");
        lines.push(format!("fitted with the unknown sounds of the choice, so never recommended: {names}"));
    }
    match &result.chosen {
        None => lines.push("nothing is recommended: there are no unknown sounds to choose on (--choose-on)".into()),
        Some(chosen) => {
            lines.push(format!("recommended: {}: {}", chosen.method, chosen.why()));
            for (set, measured) in &result.methods[&chosen.method] {
                let info = &result.sets[set];
                if info.chosen_on || BenchFile::is_one_noise(set) {
                    continue;
                }
                let ([low, high], rates) = (measured.intervals.auroc, measured.at_alpha.rates);
                lines.push(format!(
                    "  {set}: AUROC {:.3} [{low:.3}, {high:.3}]; at alpha {} {:.0} % detected, {:.0} % false rejections ({} \
                     unknown sounds of {} groups, {} known sounds of {})",
                    measured.figures.auroc,
                    measured.at_alpha.alpha,
                    100.0 * rates.detected,
                    100.0 * rates.false_rejections,
                    info.unknowns,
                    info.unknown_groups,
                    info.knowns,
                    info.known_groups
                ));
            }
        }
    }
    for rate in result.random_splits.iter().flat_map(|splits| &splits.rates) {
        lines.push(format!(
            "random splits of the known groups: at alpha {} {:.3} false rejections",
            rate.alpha, rate.mean
        ));
    }
    lines.join("\n")
}

fn groups(result: &DiscoverFile) -> String {
    let DiscoverFile { rejected, windows, method, alpha, clusters, .. } = result;
    let n = clusters.len();
    let mut lines =
        vec![format!("{rejected} of {windows} windows are neither ({method}, alpha {alpha}), in {n} groups")];
    let row = |of: &ClusterFile| {
        let said: Vec<String> = of.said.iter().map(|(class, n)| format!("{class} {n}")).collect();
        let (windows, recordings) = (of.windows.to_string(), of.recordings.to_string());
        vec![of.cluster.to_string(), windows, recordings, said.join(", "), of.medoid.path.clone()]
    };
    let rows: Vec<Vec<String>> = clusters.iter().map(row).collect();
    if !rows.is_empty() {
        lines.push(table(&["group", "windows", "recordings", "would be", "most typical"], &rows));
    }
    lines.extend(result.changed.as_ref().map(changes));
    lines.join("\n")
}

fn changes(changed: &Changed) -> String {
    let row = |(class, of): (&String, &discover::OfClass)| {
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let [before, after] = of.right.map(percent);
        let [neither_before, neither_after] = of.neither.map(percent);
        vec![class.clone(), of.clips.to_string(), before, after, neither_before, neither_after]
    };
    let rows: Vec<Vec<String>> = changed.classes.iter().map(row).collect();
    let header = ["test clips of", "clips", "right before", "after", "neither before", "after"];
    format!("{}\nthe new model: {}", table(&header, &rows), changed.run)
}
