//! Disks and buckets that fail: at any read or write of any stage, the stage either finishes right or says what is wrong, and
//! run again it ends with the bytes of a run without faults.
//!
//! Of each stage some operations are taken, spread over all of them; with `BARKBIRD_FAULTS=all` every one
//! (`scripts/check-faults.sh`).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "a test ends at the first surprise, and says what it did"
)]

use pipeline::predict::{self, Output, Table, To};
use pipeline::strategy::ModelKind;
use pipeline::train::Start;
use pipeline::{Job, Result, augment, embed, evaluate, features, report, scan, synth, train};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use storage::faults::{self, Fault, Operation, Plan};
use storage::{Kind, Memory};

/// Cases of each stage in a usual run of the tests.
const CASES: usize = 14;

/// Faults are planned for the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Writes into the second folder what it makes of the first; the flag: goes on with what is there.
type Stage = fn(&Path, &Path, bool) -> Result<()>;

const STAGES: [(&str, Stage); 9] = [
    ("scan", |base, out, _| {
        scan::run(&scan::Options::new(base.join("sounds/manifest.csv"), out.join("m.csv")), &Job::default()).map(drop)
    }),
    ("features", |base, out, _| features_part(base, out, None)),
    ("features by parts", |base, out, _| {
        features_part(base, out, Some((1, 2)))?;
        features_part(base, out, Some((2, 2)))?;
        features_part(base, out, None)
    }),
    ("augment", |base, out, _| {
        let mut options = augment::Options::new(base.join("manifest.csv"), out.join("views"));
        options.views = 1;
        augment::run(&options, &Job::default()).map(drop)
    }),
    ("train", |base, out, resume| train_small(&base.join("features"), &out.join("run"), resume)),
    ("embed", |base, out, _| {
        let options = embed::Options::new(base.join("run"), base.join("features"), out.join("embeddings"));
        embed::run(&options, &Job::default()).map(drop)
    }),
    ("evaluate", |base, out, _| {
        let options = evaluate::Options::new(base.join("run"), base.join("features"), out.join("test"));
        evaluate::run(&options, &Job::default()).map(drop)
    }),
    ("predict", |base, out, resume| {
        let mut options = predict::Options::new(base.join("run"), vec![base.join("manifest.csv")]);
        options.resume = resume;
        let outputs = vec![Output { table: Table::Windows, to: To::File(out.join("predictions.csv")) }];
        predict::run(&options, outputs, &Job::default()).map(drop)
    }),
    ("report", |base, out, _| {
        let options = report::Options::new(vec![base.join("run")], out.join("report.html"));
        report::run(&options, &Job::default()).map(drop)
    }),
];

fn features_part(base: &Path, out: &Path, part: Option<(usize, usize)>) -> Result<()> {
    let mut options = features::Options::new(base.join("manifest.csv"), out.join("features"));
    options.part = part;
    features::run(&options, &Job::default()).map(drop)
}

fn train_small(features: &Path, run: &Path, resume: bool) -> Result<()> {
    let mut options = train::Options::new(ModelKind::Cnn, features, run);
    options.start = if resume { Start::Resume } else { Start::Fresh };
    let set = [("cnn.channels", "[8]"), ("train.epochs", "2"), ("train.batch_size", "8")];
    options.config.set = set.map(|(key, value)| (key.into(), value.into())).to_vec();
    train::run(&options, &Job::default()).map(drop)
}

/// What stages read.
fn prepare(base: &Path) {
    let job = Job::default();
    let sounds = synth::run(&synth::Options { out: base.join("sounds"), clips: 24 }, &job).unwrap().manifest;
    scan::run(&scan::Options::new(&sounds, base.join("manifest.csv")), &job).unwrap();
    features_part(base, base, None).unwrap();
    train_small(&base.join("features"), &base.join("run"), false).unwrap();
}

/// Every file below a folder by its name there: what can be lost, without caches, which cannot.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![(folder.to_owned(), String::new())];
    while let Some((path, name)) = open.pop() {
        for entry in storage::list(&path).unwrap_or_default() {
            let below = format!("{name}/{}", entry.name.to_string_lossy());
            let path = path.join(&entry.name);
            match entry.kind {
                Kind::Folder if entry.name == "cache" => {}
                Kind::Folder => open.push((path, below)),
                // What a process that is gone had begun: no part of any result, and removed by those who lock the folder.
                _ if below.ends_with(".tmp") || below.ends_with(".lock") => {}
                // Lines in the order in which files were done, with their times.
                _ if below.ends_with(".scan.journal") => {}
                // Seconds are in the state of a training, and the command line in the record of a run.
                _ if below.ends_with("/last.safetensors") || below.ends_with("/run.json") => {}
                _ => drop(all.insert(below, storage::read(&path).unwrap())),
            }
        }
    }
    for (name, bytes) in &mut all {
        // Some name themselves.
        if let Ok(text) = std::str::from_utf8(bytes) {
            *bytes = text.replace(&*folder.to_string_lossy(), "OUT").into_bytes();
        }
        if name.ends_with("metrics.jsonl") {
            let without_seconds = |line: &str| {
                let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
                line.as_object_mut().unwrap().remove("seconds");
                line.to_string()
            };
            *bytes = std::str::from_utf8(bytes).unwrap().lines().map(without_seconds).collect::<String>().into_bytes();
        }
    }
    all
}

/// Whether bytes of a read can be damaged so that it must be noticed: what has a checksum, or ends where it says.
fn is_checked(path: &Path, fault: Fault) -> bool {
    let ends = |with: &[&str]| with.iter().any(|ending| path.to_string_lossy().ends_with(ending));
    match fault {
        // The weights of a model have golden clips, which a bit of little weight does not change.
        Fault::Flip => ends(&[".pack", "/clips.safetensors"]) || path.to_string_lossy().contains("/shard-"),
        Fault::Truncate => {
            ends(&[".pack", ".json", "/clips.safetensors"]) || path.to_string_lossy().contains("/shard-")
        }
        _ => true,
    }
}

/// A few of all, spread evenly.
fn some<T: Clone>(all: &[T], n: usize) -> Vec<T> {
    if std::env::var_os("BARKBIRD_FAULTS").is_some_and(|which| which == "all") || all.len() <= n {
        return all.to_vec();
    }
    (0..n).map(|i| all[i * all.len() / n + all.len() / n / 2].clone()).collect()
}

/// Sets the time of every file below a folder: a clock that has jumped.
fn set_times(folder: &Path, time: SystemTime) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            set_times(&entry.path(), time);
        } else if let Ok(file) = std::fs::File::options().write(true).open(entry.path()) {
            file.set_modified(time).unwrap();
        }
    }
}

struct Counts {
    injected: usize,
    survived: usize,
    reported: usize,
    /// What was lost, and how.
    lost: Vec<String>,
}

fn torture(root: &Path, stages: &[(&str, Stage)]) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let base = root.join("base");
    prepare(&base);
    for (nth_stage, (name, stage)) in stages.iter().enumerate() {
        let out = |case: usize| root.join(format!("out-{nth_stage}-{case:04}"));
        faults::inject(root, None);
        stage(&base, &out(0), false).unwrap();
        let operations = faults::end().operations;
        let expected = files(&out(0));
        assert!(!expected.is_empty() && !operations.is_empty(), "{name}: nothing was written");
        let all: Vec<(usize, Fault)> = (0..operations.len())
            .flat_map(|at| Fault::ALL.map(|fault| (at, fault)))
            .filter(|(at, fault)| fault.suits(operations[*at].0) && is_checked(&operations[*at].1, *fault))
            .collect();
        let mut counts = Counts { injected: 0, survived: 0, reported: 0, lost: Vec::new() };
        for (case, (at, fault)) in some(&all, CASES).into_iter().enumerate() {
            one(name, *stage, &base, &out(case + 1), (at, fault), root, &expected, &mut counts);
        }
        let Counts { injected, survived, reported, lost } = counts;
        println!(
            "{}, {name}: {} operations, {injected} faults injected, {survived} finished right, {reported} reported and finished \
             when run again, {} results lost",
            if root.starts_with("memory:") { "bucket" } else { "disk" },
            operations.len(),
            lost.len()
        );
        assert!(lost.is_empty(), "{}", lost.join("\n"));
        assert!(injected > 0, "{name}: no fault met an operation");
    }
}

#[expect(clippy::too_many_arguments, reason = "all of it is about one fault")]
fn one(
    name: &str,
    stage: Stage,
    base: &Path,
    out: &Path,
    (at, fault): (usize, Fault),
    root: &Path,
    expected: &BTreeMap<String, Vec<u8>>,
    counts: &mut Counts,
) {
    let what = format!("{name}, {fault:?} at operation {at}");
    faults::inject(root, Some(Plan { at, fault, is_fit: is_checked }));
    let outcome = stage(base, out, false);
    let log = faults::end();
    counts.injected += usize::from(log.happened);
    let found = files(out);
    match &outcome {
        Ok(()) if found == *expected => counts.survived += usize::from(log.happened),
        Ok(()) => {
            // What could not be read is left out, and said to be.
            let has = |words: &str| {
                found.values().any(|bytes| bytes.windows(words.len()).any(|part| part == words.as_bytes()))
            };
            let says = has("injected") || has("are not shown");
            assert!(
                log.happened && says,
                "{what} ({:?}): finished with another result: {:?}",
                log.operations.get(at),
                differing(&found, expected)
            );
            counts.reported += 1;
        }
        Err(error) => {
            let text = pipeline::one_line(error);
            assert!(log.happened, "{what}: failed without a fault: {text}");
            assert!(text.contains(['/', '.']) || text.contains("reasons are above"), "{what}: {text:?} names no file");
            counts.reported += 1;
        }
    }
    // Nothing under a final name is half of itself: whatever is there now, the same command finishes.
    if at % 2 == 0 && !root.starts_with("memory:") {
        let day = Duration::from_secs(86_400);
        let jumped = if at % 4 == 0 { SystemTime::now() + 4000 * day } else { SystemTime::UNIX_EPOCH + day };
        set_times(out, jumped);
    }
    let again = stage(base, out, true);
    let found = files(out);
    if let Err(error) = again {
        counts.lost.push(format!("{what}: run again: {}", pipeline::one_line(&error)));
    } else if found != *expected {
        counts.lost.push(format!("{what}: run again, it differs: {:?}", differing(&found, expected)));
    }
    if !root.starts_with("memory:") {
        std::fs::remove_dir_all(out).unwrap();
    }
}

fn differing(found: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let names = found.keys().chain(expected.keys());
    let mut all: Vec<String> = names.filter(|name| found.get(*name) != expected.get(*name)).cloned().collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn a_disk_that_fails_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    torture(&folder.path().canonicalize().unwrap(), &STAGES);
}

#[test]
fn a_bucket_that_fails_loses_nothing() {
    storage::mount("memory", Arc::new(Memory::default()));
    let cache = tempfile::tempdir().unwrap();
    let settings = storage::Settings { cache: cache.path().to_owned(), cache_bytes: 1 << 30 };
    storage::settle(settings);
    torture(&PathBuf::from("memory://faults"), &STAGES);
}

#[test]
fn every_kind_of_operation_can_fail() {
    for operation in
        [Operation::Read, Operation::Create, Operation::Write, Operation::Sync, Operation::Rename, Operation::Remove]
    {
        assert!(Fault::ALL.iter().filter(|fault| fault.suits(operation)).count() >= 2, "{operation:?}");
    }
}
