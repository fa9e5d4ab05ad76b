//! Configuration, and results that later commands read: metrics, predictions, journals.

use crate::networks::model;
use crate::parts;
use crate::repair;
use crate::scratch::scratch;
use crate::target::{Memory, Outcome, Target, about};
use pipeline::config::Config;
use pipeline::predict::{self, Output, Part, Table, To};
use pipeline::{Job, report, scan};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// Stands for the folder of this process in a journal, which names files.
const HERE: &[u8] = b"@HERE@";

/// The targets.
pub(super) const TARGETS: [Target; 4] = [
    Target {
        name: "config",
        reads: "configuration files: TOML (`Config::resolve`, `predict::event_settings`)",
        seeds: || {
            let whole = Config::default().to_toml().unwrap_or_default().into_bytes();
            let events = b"[events]\nthreshold = 0.6\nmax_gap_s = 2.0\n[events.thresholds]\ndog = 0.75\n".to_vec();
            vec![whole, events, b"[train]\nepochs = 3\n[clip]\nlevel = \"off\"\n".to_vec()]
        },
        words: &[
            b"[train]\n",
            b"[clip.window]\n",
            b"[front_end.kind.log-mel]\n",
            b"[[",
            b"{ a = ",
            b"a.b.c.d.e = 1\n",
            b"\"\"\"",
            b"'''",
            b"1979-05-27T07:32:00Z",
            b"inf",
            b"nan",
            b"0x",
            b"\\u",
            b"[events]\n",
        ],
        repair: repair::nothing,
        run: config,
        memory: Memory { per_byte: 4096, free: 4 << 20 },
    },
    Target {
        name: "report",
        reads: "results of a run: metrics.json, predictions.csv, metrics.jsonl, run.json, fit.json, doctor.json (`report::run`)",
        seeds: results,
        words: &[
            b"\"confusion\": [[1, 2], [3, 4]]",
            b"\"classes\": [\"bird\", \"dog\"]",
            b"\"per_class\": {",
            b"\"intervals\": {",
            b"\"unknown\": {",
            b"\"stress\": {\"conditions\": {",
            b"null",
            b"1e308",
            b"-1",
            b"18446744073709551615",
            b"</script>",
            b"[[[[[[[[",
            b"\"epoch\": ",
            b",bird,",
            b"p_bird",
            b"NaN",
        ],
        repair: repair::nothing,
        run: page,
        memory: Memory { per_byte: 8192, free: 64 << 20 },
    },
    Target {
        name: "journal",
        reads: "the journal of a prediction that was broken off (`predict::run` with `resume`)",
        seeds: || journal().into_iter().collect(),
        words: &[
            b"{\"key\":{",
            b"\"record\":{",
            b"\"judged\":[",
            b"\"failed\":[",
            b"\"seconds\":",
            b"\"probability\":[",
            b"null",
            b"-1",
            b"1e308",
            b"18446744073709551615",
            b"\n",
            b"[]",
            b"\"place\":[",
            b"\"start\":\"",
        ],
        repair: repair::nothing,
        run: resume,
        memory: Memory { per_byte: 4096, free: 192 << 20 },
    },
    Target {
        name: "scan-journal",
        reads: "the journal of a scan that was broken off or has new files (`scan::run` with `resume`)",
        seeds: || scan_journal().into_iter().collect(),
        words: &[
            b"{\"key\":{",
            b"\"key\":null",
            b"\"found\":{\"check\":{",
            b"\"reasons\":[null,\"",
            b"\"is_unread\":true",
            b"\"frames\":18446744073709551615",
            b"\"rate_hz\":0",
            b"\"sha256_samples\":\"",
            b"\"usable\":true",
            b"-1",
            b"1e308",
            b"\n",
        ],
        repair: repair::nothing,
        run: scan_again,
        memory: Memory { per_byte: 4096, free: 32 << 20 },
    },
];

fn config(input: &[u8]) -> Outcome {
    let path = scratch().join("config.toml");
    if std::fs::write(&path, input).is_err() {
        return Outcome { signature: 0, is_read: false };
    }
    let resolved = match Config::resolve(Some(&path), &[]) {
        Ok(config) => config.to_toml().map(|text| about(text.len()).to_string()),
        Err(error) => Err(error),
    };
    Outcome::all([Outcome::of(resolved), Outcome::of(predict::event_settings(&path).map(|_| String::new()))])
}

/// Names of a run's results below its folder.
const RESULTS: [&str; 6] =
    ["test/metrics.json", "test/predictions.csv", "metrics.jsonl", "run.json", "fit.json", "doctor.json"];

fn results() -> Vec<Vec<u8>> {
    let metrics = br#"{"split": "test", "n": 10, "n_groups": 4, "accuracy": 0.8, "balanced_accuracy": 0.75, "macro_f1": 0.7, "auroc": 0.9,
"classes": ["bird", "dog"], "confusion": [[4, 1], [1, 4]], "ece": 0.1, "loss": 0.4, "intervals": {"accuracy": [0.5, 0.9]},
"per_class": {"bird": {"precision": 0.8, "recall": 0.8, "f1": 0.8, "support": 5, "auroc": 0.9}}, "skipped": [],
"stress": {"conditions": {"mp3": {"balanced_accuracy": 0.5, "accuracy": 0.5}}}, "command": ["evaluate", "run"]}"#;
    let predictions = b"path,start,end,channel,label,probability,outlier_p,p_bird,p_dog,truth,note\n\
        a.wav,0.000,5.000,,dog,0.900000,0.010000,0.100000,0.900000,dog,\n\
        b.wav,0.000,5.000,0,neither,0.600000,0.500000,0.600000,0.400000,bird,\n";
    let epochs =
        b"{\"epoch\": 1, \"step\": 4, \"lr\": 0.001, \"train_loss\": 0.7, \"val_loss\": 0.6, \"seconds\": 1.0}\n\
        {\"epoch\": 2, \"step\": 8, \"lr\": 0.0005, \"train_loss\": 0.5, \"val_loss\": null, \"seconds\": 1.0}\n";
    let run = br#"{"schema": "run/1", "version": "0.1.0", "command": ["train", "cnn"], "model": "cnn", "features": "f", "seed": 1}"#;
    let fit = br#"{"sentences": ["a"], "choice": {"rule": "r", "candidates": [{"name": "cnn", "balanced_accuracy": 0.5, "worst": 0.4,
"worst_condition": "mp3", "mean": 0.5, "learned": "1", "chosen": true}]}, "evidence": [["dog", [["Bark", 0.5]]]]}"#;
    let doctor =
        br#"{"findings": [{"kind": "duplicate", "severity": "error", "path": "a.wav", "message": "m"}], "n": 2}"#;
    vec![parts::join(&[metrics, predictions, epochs, run, fit, doctor]), parts::join(&[metrics])]
}

/// A folder of a run, whose model is always the same.
fn run_folder() -> PathBuf {
    let folder = scratch().join("run");
    let path = folder.join("model.safetensors");
    if !path.exists() {
        let _ = std::fs::create_dir_all(folder.join("test"));
        let _ = std::fs::write(&path, model().unwrap_or_default());
    }
    folder
}

fn page(input: &[u8]) -> Outcome {
    let run = run_folder();
    parts::write(input, &run, &RESULTS);
    let options = report::Options::new(vec![run], scratch().join("report.html"));
    Outcome::of(report::run(&options, &Job::default()).map(|outcome| about(outcome.bytes).to_string()))
}

/// A recording that always has the same time, which a journal names.
fn recording() -> std::io::Result<PathBuf> {
    let path = scratch().join("night.wav");
    if !path.exists() {
        let samples: Vec<f32> = (0..8000).map(|i| (i as f32 * 0.3).sin() * 0.3).collect();
        std::fs::write(&path, synth::to_wav_16(&samples, 8000))?;
        let file = std::fs::File::options().write(true).open(&path)?;
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_700_000_000))?;
    }
    Ok(path)
}

fn outputs(table: &Path) -> Vec<Output> {
    vec![Output { table: Table::Windows, to: To::File(table.to_owned()) }]
}

/// The journal that a part of a prediction leaves.
fn journal() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let folder = scratch().join("predict");
    std::fs::create_dir_all(&folder)?;
    let table = folder.join("seed.csv");
    let part = Some(Part { index: 1, count: 1 });
    let options = predict::Options { part, overwrite: true, ..predict::Options::new(run_folder(), vec![recording()?]) };
    predict::run(&options, outputs(&table), &Job::default())?;
    let text = std::fs::read(folder.join("seed.csv.part-1-of-1.journal"))?;
    let here = scratch().to_string_lossy().into_owned();
    Ok(replaced(&text, here.as_bytes(), HERE))
}

fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = repair::find(rest, from) {
        out.extend(&rest[..at]);
        out.extend(to);
        rest = &rest[at + from.len()..];
    }
    [out, rest.to_vec()].concat()
}

fn resume(input: &[u8]) -> Outcome {
    let folder = scratch().join("predict");
    let table = folder.join("table.csv");
    let here = scratch().to_string_lossy().into_owned();
    let begin = || -> std::io::Result<PathBuf> {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("table.csv.journal"), lines(&replaced(input, HERE, here.as_bytes())))?;
        recording()
    };
    let Ok(recording) = begin() else { return Outcome { signature: 0, is_read: false } };
    let options = predict::Options { resume: true, ..predict::Options::new(run_folder(), vec![recording]) };
    let done = predict::run(&options, outputs(&table), &Job::default());
    Outcome::of(done.map(|done| format!("{} {} {}", done.resumed, about(done.windows), done.skipped.len().min(3))))
}

/// The lines of a journal with checksums that fit, so that what is behind them is read.
fn lines(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(whole) => storage::push_line(&mut out, if whole.get(8) == Some(&b' ') { &whole[9..] } else { whole }),
            None => out.extend_from_slice(line),
        }
    }
    out
}

/// Options of a scan of one recording, which goes on from a journal.
fn scan_options() -> std::io::Result<scan::Options> {
    let folder = scratch().join("scan");
    std::fs::create_dir_all(&folder)?;
    recording()?;
    std::fs::write(folder.join("in.csv"), "path,label\n../night.wav,dog\n../gone.wav,dog\n")?;
    Ok(scan::Options { resume: true, ..scan::Options::new(folder.join("in.csv"), folder.join("m.csv")) })
}

/// The journal that a scan leaves.
fn scan_journal() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let options = scan::Options { resume: false, ..scan_options()? };
    scan::run(&options, &Job::default())?;
    Ok(std::fs::read(options.out.with_extension("scan.journal"))?)
}

fn scan_again(input: &[u8]) -> Outcome {
    let begin = || -> std::io::Result<scan::Options> {
        let options = scan_options()?;
        std::fs::write(options.out.with_extension("scan.journal"), lines(input))?;
        Ok(options)
    };
    let Ok(options) = begin() else { return Outcome { signature: 0, is_read: false } };
    let done = scan::run(&options, &Job::default());
    Outcome::of(done.map(|done| format!("{} {}", done.usable, done.unusable.len())))
}
