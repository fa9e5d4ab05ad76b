//! Models over the amount of data.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use detections::read_csv;
use pipeline::sizes::{By, ModelSpec, Options, Outcome, Run, Size, run};
use pipeline::{CancelToken, Error, Event, Job, Observer, one_line, scan, synth};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Made sounds with a split, and options of a CNN that is trained in a moment.
fn options(folder: &Path) -> Options {
    let job = Job::default();
    let sounds = folder.join("sounds");
    let sounds = synth::run(&synth::Options { out: sounds, clips: 160 }, &job).unwrap().manifest;
    scan::run(&scan::Options::new(&sounds, folder.join("manifest.csv")), &job).unwrap();
    let mut options =
        Options::new(vec!["cnn".parse::<ModelSpec>().unwrap()], folder.join("manifest.csv"), folder.join("out"));
    let set = [("cnn.channels", "[8, 8, 8]"), ("train.epochs", "6"), ("train.batch_size", "8"), ("train.lr", "0.003")];
    options.config.set = set.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    options.sizes = vec![Size::Of(8), Size::Of(16), Size::All];
    options.seeds = 2;
    options
}

/// The result of each training, and when it was written.
fn results(out: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let runs = fs::read_dir(out.join("runs")).unwrap().map(|entry| entry.unwrap().path().join("result.json"));
    runs.filter(|path| path.exists()).map(|path| (path.clone(), path.metadata().unwrap().modified().unwrap())).collect()
}

/// The figures of a training, without its time.
fn figures(outcome: &Outcome) -> Vec<Run> {
    outcome.runs.iter().map(|run| Run { train_seconds: 0.0, ..run.clone() }).collect()
}

/// Mean recall in `predictions.csv`.
fn balanced_accuracy(table: &Path) -> f64 {
    let mut of_class: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in read_csv(&fs::read(table).unwrap()[..]).unwrap().rows {
        let Some(truth) = Some(row.truth).filter(|truth| truth != "neither") else { continue };
        let (hits, all) = of_class.entry(truth.clone()).or_default();
        *hits += f64::from(u8::from(row.label == truth));
        *all += 1.0;
    }
    of_class.values().map(|(hits, all)| hits / all).sum::<f64>() / of_class.len() as f64
}

#[test]
fn sizes_are_nested_measured_and_not_trained_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let job = Job::default();
    let outcome = run(&options, &job).unwrap();
    assert_eq!((outcome.runs.len(), outcome.n_trained), (6, 6));
    let n: Vec<usize> = outcome.runs.iter().take(3).map(|run| run.subset.n_clips).collect();
    assert_eq!(n, [8, 16, outcome.n_clips]);
    let curve = &outcome.curves[0];
    assert!(curve.points.len() == 3 && curve.no_fit.as_ref().unwrap().contains("4 sizes"), "{curve:?}");
    let last = &curve.points[2];
    let [low, high] = last.seeds_range;
    assert!(low <= last.balanced_accuracy && last.balanced_accuracy <= high && high > 0.5, "{curve:?}");
    // What was kept of a training is what its table says.
    let of_run = options.out.join("runs").join("cnn-16-clips-seed-1");
    let told = outcome.runs.iter().find(|run| run.subset.n_clips == 16 && run.subset.seed == 1).unwrap();
    let of_table = balanced_accuracy(&of_run.join("test/predictions.csv"));
    assert!((told.sets["test"].balanced_accuracy - of_table).abs() < 1e-9, "{told:?} {of_table}");
    let config = fs::read_to_string(of_run.join("metrics.jsonl")).unwrap();
    assert_eq!(config.lines().count(), 6);
    assert!(!of_run.join("model.safetensors").exists() && !of_run.join("last.safetensors").exists());
    let json: serde_json::Value = serde_json::from_slice(&fs::read(options.out.join("sizes.json")).unwrap()).unwrap();
    assert_eq!((json["schema"].as_str().unwrap(), json["runs"].as_array().unwrap().len()), ("sizes/1", 6));
    assert!(json["runs"][0]["sets"]["test"]["n_groups"].as_u64().unwrap() > 2);
    assert!(fs::read_to_string(options.out.join("sizes.svg")).unwrap().contains("training clips"));
    assert_eq!(outcome.tables()[0].rows.len(), 1);

    // One that is missing is trained again, with the same result, on one thread as well.
    let before = results(&options.out);
    fs::remove_dir_all(&of_run).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = pool.install(|| run(&options, &job).unwrap());
    assert_eq!((again.n_trained, figures(&again)), (1, figures(&outcome)));
    let after = results(&options.out);
    assert_eq!(before.iter().filter(|(path, time)| after[*path] == **time).count(), 5);

    // A further size adds its trainings alone; other settings are refused.
    let more = Options { sizes: vec![Size::Of(8), Size::Of(12), Size::Of(16), Size::All], ..options.clone() };
    let more = run(&more, &job).unwrap();
    assert_eq!((more.n_trained, more.runs.len()), (2, 8));
    let mut other = options.clone();
    other.config.set[1].1 = "7".into();
    let error = one_line(&run(&other, &job).unwrap_err());
    assert!(error.contains("other settings") && error.contains("--set") && error.contains("\"7\""), "{error}");
    let large = Options { sizes: vec![Size::Of(9999)], ..options.clone() };
    assert!(one_line(&run(&large, &job).unwrap_err()).contains("--sizes 9999: expected from 2"));

    // With equal steps an epoch of 8 clips has as many as one of all.
    let mut equal =
        Options { equal_steps: true, sizes: vec![Size::Of(8)], out: folder.path().join("equal"), ..options.clone() };
    equal.seeds = 1;
    run(&equal, &job).unwrap();
    let steps = |folder: PathBuf| -> u64 {
        let lines = fs::read_to_string(folder.join("metrics.jsonl")).unwrap();
        serde_json::from_str::<serde_json::Value>(lines.lines().last().unwrap()).unwrap()["step"].as_u64().unwrap()
    };
    let of_all = options.out.join("runs").join(format!("cnn-{}-clips-seed-0", outcome.n_clips));
    let (few, equal, all) = (
        steps(options.out.join("runs/cnn-8-clips-seed-0")),
        steps(equal.out.join("runs/cnn-8-clips-seed-0")),
        steps(of_all),
    );
    assert!(few < all / 4 && equal.abs_diff(all) <= all / 4, "{few} {equal} {all}");

    // Groups are counted in the same folder, with files of their own.
    let groups = Options { by: By::Groups, sizes: vec![Size::Of(4), Size::All], ..options.clone() };
    let groups = run(&groups, &job).unwrap();
    assert_eq!(groups.runs.len(), 2 * 3);
    let of =
        |spread: bool| groups.runs.iter().find(|run| run.subset.spread == spread && run.subset.size_requested == "4");
    let (few, many) = (&of(false).unwrap().subset, &of(true).unwrap().subset);
    assert!(few.n_clips == many.n_clips && few.n_groups == 4 && many.n_groups > 4, "{few:?} {many:?}");
    assert_eq!(groups.spread.len(), 1);
    assert!(groups.sentences.iter().any(|sentence| sentence.contains("equally many clips")), "{:?}", groups.sentences);
    assert!(options.out.join("groups.svg").is_file());
}

/// Asks to stop after the first training.
struct StopAfterOne(CancelToken);

impl Observer for StopAfterOne {
    fn event(&self, event: Event<'_>) {
        if let Event::Message(text) = event
            && text.contains("seed 0: ")
        {
            self.0.cancel();
        }
    }
}

#[test]
fn a_stop_keeps_what_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let cancel = CancelToken::default();
    let observer = StopAfterOne(cancel.clone());
    let job = Job { cancel, observer: &observer, ..Job::default() };
    let error = run(&options, &job).unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
    let n_kept = results(&options.out).len();
    assert!((1..6).contains(&n_kept), "{n_kept}");
    let outcome = run(&options, &Job::default()).unwrap();
    assert_eq!((outcome.n_trained, outcome.runs.len()), (6 - n_kept, 6));
}
