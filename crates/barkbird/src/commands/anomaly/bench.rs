//! `barkbird anomaly bench`: every way to tell unknown sounds, on every set of them.

use super::noises::noises;
use super::picture;
use super::results::{AtAlpha, BenchFile, Chosen, Measured, RandomSplits, Rates, SetInfo, SplitRate, summary};
use super::sets::{Clips, fit_all, set_name};
use crate::cli::{BenchArgs, Global};
use crate::device;
use crate::model::Loaded;
use crate::outlier::backbone::Backbone;
use crate::outlier::choice::choose;
use crate::outlier::fitted::Fitted;
use crate::outlier::methods;
use crate::outlier::table::Table;
use crate::ui::Ui;
use anomaly::conformal::{Conformal, Form, false_rejection_rates};
use anomaly::metrics::{Bootstrap, figures, intervals};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// Softmax probability below which the baseline rejects a clip.
const BASELINE: f64 = anomaly::BASELINE_SOFTMAX_THRESHOLD;

/// Rates of false rejections that random splits are tried at.
const ALPHAS: [f64; 2] = [0.05, 0.1];
/// How often.
const N_RANDOM_SPLITS: usize = 200;

/// Unknown sounds beside knowns.
struct Set<'a> {
    name: String,
    unknowns: &'a Table,
    known_split: &'a str,
    knowns: &'a Table,
    chosen_on: bool,
}

pub(super) fn run(args: &BenchArgs, global: &Global, ui: &Ui) -> Result<()> {
    let device = device::open(&global.device)?;
    let loaded = Loaded::open(&args.rows.run, &device)?;
    let backbone = args.rows.backbone.as_deref().map(|place| Backbone::open(place, &device)).transpose()?;
    if backbone.is_none() {
        ui.say("no --backbone: only what the classifier itself makes of sounds can tell unknown sounds");
    }
    let clips = Clips::read(&args.rows, &loaded, backbone.as_ref(), &device, ui)?;
    let knowns = clips.knowns(&args.known, &args.rows)?;
    let mut unknowns = clips.unknowns();
    if args.synthetic > 0 {
        let all = noises(args.synthetic, global.seed(), &loaded, backbone.as_ref(), &device)?;
        for kind in all.places.iter().map(|place| &place.split).collect::<BTreeSet<_>>() {
            unknowns.insert(kind.clone(), all.subset(&all.rows(|place| &place.split == kind)));
        }
        unknowns.insert("synthetic".to_owned(), all);
    }
    if unknowns.is_empty() {
        bail!(
            "no unknown sounds to measure on: no clip in a split named ood-..., none without a label, and --synthetic 0"
        );
    }
    let fitted = fit_all(methods::all(clips.all.layers.len(), backbone.is_some()), &clips, ui)?;
    if fitted.is_empty() {
        bail!("no way could be fitted; the reasons are above");
    }
    let sets = sets(&clips, &knowns, &unknowns);
    let given = Given { clips: &clips, knowns: &knowns, loaded: &loaded, alpha: args.alpha, seed: global.seed() };
    let result = measure(&fitted, &sets, &given, ui)?;
    std::fs::create_dir_all(&args.out).with_context(|| args.out.display().to_string())?;
    shard::write_atomic(&args.out.join("scores.csv"), &scores_csv(&fitted, &sets)?)?;
    for (name, svg) in picture::embedding(&clips.training, &knowns, &unknowns, &loaded.header.classes)? {
        shard::write_atomic(&args.out.join(name), svg.as_bytes())?;
    }
    let mut json = serde_json::to_vec_pretty(&result)?;
    json.push(b'\n');
    shard::write_atomic(&args.out.join("anomaly.json"), &json)?;
    ui.say(summary(&result, &fitted));
    ui.say(format!("written: {}", args.out.display()));
    ui.result(&result)
}

/// Every split of unknown sounds beside every split of knowns, and the choice's beside validation.
fn sets<'a>(
    clips: &'a Clips,
    knowns: &'a BTreeMap<String, Table>,
    unknowns: &'a BTreeMap<String, Table>,
) -> Vec<Set<'a>> {
    let mut sets = Vec::new();
    if let Some((name, unknowns)) = &clips.choice {
        sets.push(Set {
            name: format!("{} vs validation", set_name(name)),
            unknowns,
            known_split: "validation",
            knowns: &clips.validation,
            chosen_on: true,
        });
    }
    for (name, unknowns) in unknowns {
        for (split, knowns) in knowns {
            // Unknown sounds that ways are chosen on beside knowns that are new to them: shown, and no test of the choice.
            let chosen_on = clips.choice.as_ref().is_some_and(|(choice, _)| set_name(choice) == *name);
            sets.push(Set { name: format!("{name} vs {split}"), unknowns, known_split: split, knowns, chosen_on });
        }
    }
    sets
}

/// What every figure is measured with.
struct Given<'a> {
    clips: &'a Clips,
    knowns: &'a BTreeMap<String, Table>,
    loaded: &'a Loaded,
    alpha: f64,
    seed: u64,
}

fn measure(fitted: &[Fitted], sets: &[Set<'_>], given: &Given<'_>, ui: &Ui) -> Result<BenchFile> {
    let Given { clips, knowns, loaded, alpha, seed } = *given;
    let n_classes = loaded.header.classes.len();
    let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
    let bar = ui.bar(fitted.len() * sets.len(), "measure");
    let mut methods: BTreeMap<String, BTreeMap<String, Measured>> = BTreeMap::new();
    for one in fitted {
        let validation = one.score(&clips.validation)?;
        let conformal = Conformal::fit(&validation, &clips.validation.groups(), Form::Weighted)?;
        let of_way = methods.entry(one.way.name.clone()).or_default();
        for set in sets {
            crate::cancel::check("nothing was written")?;
            let (known, unknown) = (one.score(set.knowns)?, one.score(set.unknowns)?);
            let share = |scores: &[f64], is_out: &dyn Fn(f64) -> bool| {
                scores.iter().filter(|&&score| is_out(score)).count() as f64 / scores.len() as f64
            };
            let rates = |is_out: &dyn Fn(f64) -> bool| Rates {
                false_rejections: share(&known, is_out),
                detected: share(&unknown, is_out),
            };
            let measured = Measured {
                figures: figures(&known, &unknown)?,
                intervals: intervals(&known, &set.knowns.groups(), &unknown, &set.unknowns.groups(), &bootstrap)?,
                at_alpha: AtAlpha { alpha, rates: rates(&|score| conformal.p_value(score) <= alpha) },
                at_baseline_threshold: (one.way.name == "max_softmax").then(|| rates(&|score| 1.0 - score < BASELINE)),
            };
            of_way.insert(set.name.clone(), measured);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let ranks_like =
        fitted.iter().filter_map(|one| Some((one.way.name.clone(), one.way.ranks_like(n_classes)?.to_owned())));
    let chosen = match &clips.choice {
        None => None,
        Some((name, unknowns)) => choose(fitted, &clips.validation, unknowns, seed)?.map(|choice| Chosen {
            method: fitted[choice.nth].way.name.clone(),
            on: format!("{} vs validation", set_name(name)),
            auroc: choice.auroc,
            best: fitted[choice.best.0].way.name.clone(),
            best_auroc: choice.best.1,
        }),
    };
    let random_splits = match &chosen {
        None => None,
        Some(chosen) => fitted
            .iter()
            .find(|one| one.way.name == chosen.method)
            .map(|one| parted(one, clips, knowns, seed))
            .transpose()?,
    };
    let fired = fitted.iter().find_map(Fitted::fired).unwrap_or_default();
    Ok(BenchFile {
        schema: "anomaly/1".into(),
        model_sha256: loaded.sha256.clone(),
        classes: loaded.header.classes.clone(),
        sets: sets.iter().map(|set| (set.name.clone(), info(set))).collect(),
        chosen,
        random_splits,
        descriptions: fitted.iter().map(|one| (one.way.name.clone(), one.way.describe().to_owned())).collect(),
        ranks_like: ranks_like.collect(),
        learned_from_unknowns: fitted
            .iter()
            .filter(|one| one.way.needs_unknowns())
            .map(|one| one.way.name.clone())
            .collect(),
        fired: loaded.header.classes.iter().cloned().zip(fired).collect(),
        methods,
    })
}

fn parted(one: &Fitted, clips: &Clips, knowns: &BTreeMap<String, Table>, seed: u64) -> Result<RandomSplits> {
    let mut all = clips.validation.clone();
    knowns.values().for_each(|table| all.extend(table.clone()));
    let groups = all.groups();
    let rates = false_rejection_rates(&one.score(&all)?, &groups, &ALPHAS, N_RANDOM_SPLITS, seed)?;
    let rate = |(rates, alpha): (&Vec<f64>, f64)| {
        let n = rates.len() as f64;
        let mean = rates.iter().sum::<f64>() / n;
        let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        SplitRate { alpha, mean, standard_error: (variance / n).sqrt() }
    };
    Ok(RandomSplits {
        random_splits: N_RANDOM_SPLITS,
        groups: groups.iter().collect::<BTreeSet<_>>().len(),
        rates: rates.iter().zip(ALPHAS).map(rate).collect(),
    })
}

fn info(set: &Set<'_>) -> SetInfo {
    let groups = |table: &Table| table.groups().into_iter().collect::<BTreeSet<_>>().len();
    SetInfo {
        unknowns: set.unknowns.len(),
        unknown_groups: groups(set.unknowns),
        known_split: set.known_split.to_owned(),
        knowns: set.knowns.len(),
        known_groups: groups(set.knowns),
        chosen_on: set.chosen_on,
    }
}

/// Every clip once for each set that it is in, with a column of scores a way.
fn scores_csv(fitted: &[Fitted], sets: &[Set<'_>]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header: Vec<&str> = vec!["set", "side", "path", "start", "group"];
    header.extend(fitted.iter().map(|one| one.way.name.as_str()));
    writer.write_record(&header)?;
    let mut written = BTreeSet::new();
    for set in sets {
        let unknowns = set.name.split(" vs ").next().unwrap_or(&set.name);
        for (name, side, table) in [(unknowns, "unknown", set.unknowns), (set.known_split, "known", set.knowns)] {
            if !written.insert((name, side)) {
                continue;
            }
            let scores: Vec<Vec<f64>> = fitted.iter().map(|one| one.score(table)).collect::<Result<_>>()?;
            for (row, place) in table.places.iter().enumerate() {
                let start = format!("{:.3}", place.start_ms as f64 / 1000.0);
                let mut record = vec![name.to_owned(), side.to_owned(), place.path.clone(), start, place.group.clone()];
                record.extend(scores.iter().map(|scores| format!("{:.6}", scores[row])));
                writer.write_record(&record)?;
            }
        }
    }
    writer.into_inner().map_err(|error| anyhow::anyhow!("scores.csv: {error}"))
}
