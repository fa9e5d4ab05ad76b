//! Every method to detect unknown sounds, on every set of them.

use super::choice::choose;
use super::noises::noises;
use super::picture;
use super::results::{AtAlpha, BenchFile, Chosen, Measured, RandomSplits, Rates, SetInfo};
use super::rows::RowsOptions;
use super::sets::{Clips, fit_all, set_name};
use crate::error::{Error, Result, bail};
use crate::job::Job;
use crate::output;
use anomaly::conformal::{Conformal, Form};
use anomaly::metrics::{Bootstrap, figures, intervals};
use inference::Model;
use inference::unknown::{Fitted, Outputs, methods as all_methods};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Softmax probability below which the baseline rejects a clip.
const BASELINE: f64 = anomaly::BASELINE_SOFTMAX_THRESHOLD;

/// Unknown sounds beside knowns.
struct Set<'a> {
    name: String,
    unknowns: &'a Outputs,
    known_split: &'a str,
    knowns: &'a Outputs,
    chosen_on: bool,
}

/// Options of [`run`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Where rows come from.
    pub rows: RowsOptions,
    /// Folder for the results.
    pub out: PathBuf,
    /// Splits of known sounds that unknown sounds are compared with; empty for all labeled ones that had no part in
    /// fitting.
    pub known: Vec<String>,
    /// Noises, silences, tones and pieces of music of each kind that are made as unknown sounds.
    pub synthetic: usize,
    /// Maximum false-rejection rate at which the detected share is measured too.
    pub alpha: f64,
}

impl Options {
    /// All labeled splits, 20 made sounds of each kind, alpha 0.05.
    pub fn new(rows: RowsOptions, out: impl Into<PathBuf>) -> Self {
        Self { rows, out: out.into(), known: Vec::new(), synthetic: 20, alpha: 0.05 }
    }
}

/// Measures every method on every set of unknown sounds, and writes anomaly.json, scores.csv and pictures.
///
/// # Errors
/// A model or features that cannot be read, splits without clips, no unknown sound, or a folder that cannot be written.
#[tracing::instrument(level = "info", name = "anomaly bench", skip_all)]
pub fn run(options: &Options, job: &Job<'_>) -> Result<BenchFile> {
    let _lock = output::folder(&options.out)?;
    let model = options.rows.open_model(job)?;
    let backbone = options.rows.open_backbone(&job.device)?;
    if backbone.is_none() {
        job.say("no --backbone: detectors see the classifier's own outputs alone");
    }
    let clips = Clips::read(&options.rows, &model, backbone.as_ref(), job)?;
    let knowns = clips.knowns(&options.known, &options.rows)?;
    let mut unknowns = clips.unknowns();
    if options.synthetic > 0 {
        let all = noises(options.synthetic, job.seed(), &model, backbone.as_ref())?;
        for kind in all.keys.iter().map(|key| &key.split).collect::<BTreeSet<_>>() {
            unknowns.insert(kind.clone(), all.subset(&all.rows(|key| &key.split == kind)));
        }
        unknowns.insert("synthetic".to_owned(), all);
    }
    if unknowns.is_empty() {
        bail!(
            "no unknown sounds to measure on: no clip in a split named ood-..., none without a label, and --synthetic 0"
        );
    }
    let fitted = fit_all(all_methods::all(clips.all.layers.len(), backbone.is_some()), &clips, job)?;
    if fitted.is_empty() {
        bail!("no method could be fitted; the reasons are above");
    }
    let sets = sets(&clips, &knowns, &unknowns);
    let given = Given { clips: &clips, knowns: &knowns, model: &model, alpha: options.alpha, seed: job.seed() };
    let result = measure(&fitted, &sets, &given, job)?;
    let out = &options.out;
    shard::write_atomic(&out.join("scores.csv"), &scores_csv(&fitted, &sets)?)?;
    for (name, svg) in picture::embedding(&clips.training, &knowns, &unknowns, &model.header.classes)? {
        shard::write_atomic(&out.join(name), svg.as_bytes())?;
    }
    let mut json = serde_json::to_vec_pretty(&result)?;
    json.push(b'\n');
    shard::write_atomic(&out.join("anomaly.json"), &json)?;
    Ok(result)
}

/// Every split of unknown sounds beside every split of knowns, and the choice's beside validation.
fn sets<'a>(
    clips: &'a Clips,
    knowns: &'a BTreeMap<String, Outputs>,
    unknowns: &'a BTreeMap<String, Outputs>,
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
            // Unknown sounds that methods are chosen on beside knowns that are new to them: shown, and no test of the choice.
            let chosen_on = clips.choice.as_ref().is_some_and(|(choice, _)| set_name(choice) == *name);
            sets.push(Set { name: format!("{name} vs {split}"), unknowns, known_split: split, knowns, chosen_on });
        }
    }
    sets
}

/// What every figure is measured with.
struct Given<'a> {
    clips: &'a Clips,
    knowns: &'a BTreeMap<String, Outputs>,
    model: &'a Model,
    alpha: f64,
    seed: u64,
}

fn measure(fitted: &[Fitted], sets: &[Set<'_>], given: &Given<'_>, job: &Job<'_>) -> Result<BenchFile> {
    let Given { clips, knowns, model, alpha, seed } = *given;
    let n_classes = model.header.classes.len();
    let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
    let bar = job.progress("measure", fitted.len() * sets.len());
    let mut methods: BTreeMap<String, BTreeMap<String, Measured>> = BTreeMap::new();
    for one in fitted {
        let validation = one.score(&clips.validation)?;
        let conformal = Conformal::fit(&validation, &clips.validation.groups(), Form::Weighted)?;
        let of_method = methods.entry(one.method.name.clone()).or_default();
        for set in sets {
            job.check("nothing was written")?;
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
                at_baseline_threshold: (one.method.name == "max_softmax")
                    .then(|| rates(&|score| 1.0 - score < BASELINE)),
            };
            of_method.insert(set.name.clone(), measured);
            bar.inc(1);
        }
    }
    drop(bar);
    let ranks_like =
        fitted.iter().filter_map(|one| Some((one.method.name.clone(), one.method.ranks_like(n_classes)?.to_owned())));
    let chosen = match &clips.choice {
        None => None,
        Some((name, unknowns)) => choose(fitted, &clips.validation, unknowns, seed)?.map(|choice| Chosen {
            method: fitted[choice.nth].method.name.clone(),
            on: format!("{} vs validation", set_name(name)),
            auroc: choice.auroc,
            best: fitted[choice.best.0].method.name.clone(),
            best_auroc: choice.best.1,
        }),
    };
    let random_splits = match &chosen {
        None => None,
        Some(chosen) => fitted
            .iter()
            .find(|one| one.method.name == chosen.method)
            .map(|one| parted(one, clips, knowns, seed))
            .transpose()?,
    };
    let fired = fitted.iter().find_map(Fitted::fired).unwrap_or_default();
    Ok(BenchFile {
        schema: "anomaly/1".into(),
        model_sha256: model.sha256.clone(),
        classes: model.header.classes.clone(),
        sets: sets.iter().map(|set| (set.name.clone(), info(set))).collect(),
        chosen,
        random_splits,
        descriptions: fitted.iter().map(|one| (one.method.name.clone(), one.method.describe().to_owned())).collect(),
        ranks_like: ranks_like.collect(),
        learned_from_unknowns: fitted
            .iter()
            .filter(|one| one.method.needs_unknowns())
            .map(|one| one.method.name.clone())
            .collect(),
        fired: model.header.classes.iter().cloned().zip(fired).collect(),
        methods,
    })
}

fn parted(one: &Fitted, clips: &Clips, knowns: &BTreeMap<String, Outputs>, seed: u64) -> Result<RandomSplits> {
    let mut all = clips.validation.clone();
    knowns.values().for_each(|table| all.extend(table.clone()));
    RandomSplits::of(&one.score(&all)?, &all.groups(), seed)
}

fn info(set: &Set<'_>) -> SetInfo {
    let groups = |table: &Outputs| table.groups().into_iter().collect::<BTreeSet<_>>().len();
    SetInfo {
        unknowns: set.unknowns.len(),
        unknown_groups: groups(set.unknowns),
        known_split: set.known_split.to_owned(),
        knowns: set.knowns.len(),
        known_groups: groups(set.knowns),
        chosen_on: set.chosen_on,
    }
}

/// Every clip once for each set that it is in, with a column of scores a method.
fn scores_csv(fitted: &[Fitted], sets: &[Set<'_>]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header: Vec<&str> = vec!["set", "side", "path", "start", "group"];
    header.extend(fitted.iter().map(|one| one.method.name.as_str()));
    writer.write_record(&header)?;
    let mut written = BTreeSet::new();
    for set in sets {
        let unknowns = set.name.split(" vs ").next().unwrap_or(&set.name);
        for (name, side, table) in [(unknowns, "unknown", set.unknowns), (set.known_split, "known", set.knowns)] {
            if !written.insert((name, side)) {
                continue;
            }
            let scores: Vec<Vec<f64>> = fitted.iter().map(|one| Ok(one.score(table)?)).collect::<Result<_>>()?;
            for (row, key) in table.keys.iter().enumerate() {
                let start = format!("{:.3}", key.start_ms as f64 / 1000.0);
                let mut record = vec![name.to_owned(), side.to_owned(), key.path.clone(), start, key.group.clone()];
                record.extend(scores.iter().map(|scores| format!("{:.6}", scores[row])));
                writer.write_record(&record)?;
            }
        }
    }
    writer.into_inner().map_err(|error| Error::Io(error.into_error()))
}
