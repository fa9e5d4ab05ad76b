//! The whole road from made sounds to a model, without a pretrained network.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use anomaly::precision::HeldOut;
use classifier::ModelFile;
use pipeline::fit::{Options, Start, plan, run};
use pipeline::{CancelToken, Event, Job, Observer, one_line, synth};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Made sounds, as a manifest.
fn sounds(folder: &Path) -> PathBuf {
    let options = synth::Options { out: folder.join("sounds"), clips: 40 };
    synth::run(&options, &Job::default()).unwrap().manifest
}

fn options(data: &Path, out: PathBuf) -> Options {
    Options { minutes: 5.0, ..Options::new(data, out) }
}

/// Stops at the first message that holds a text.
struct StopAt {
    text: &'static str,
    cancel: CancelToken,
    seen: Mutex<Vec<String>>,
}

impl Observer for StopAt {
    fn event(&self, event: Event<'_>) {
        if let Event::Message(message) = event {
            self.seen.lock().unwrap().push(message.to_owned());
            if message.contains(self.text) {
                self.cancel.cancel();
            }
        }
    }
}

#[test]
fn an_interrupted_fit_goes_on_and_gives_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let data = sounds(folder.path());
    let whole = options(&data, folder.path().join("whole"));
    let planned = plan(&whole, &Job::default()).unwrap();
    assert!(planned.candidates == ["cnn"] && planned.minutes > 0.0, "{planned:?}");
    assert!(!whole.out.exists(), "a plan leaves nothing behind");
    let outcome = run(&whole, &Job::default()).unwrap();
    assert_eq!(outcome.choice.candidates.len(), 1);
    assert!(
        outcome.notes.iter().any(|note| note.contains("without a pretrained audio network")),
        "{:?}",
        outcome.notes
    );
    let test = outcome.test.as_ref().unwrap();
    assert!(test.metrics.n > 0 && test.stress.as_ref().unwrap().conditions.len() == 13);
    assert!(outcome.sentences.len() == 3 && outcome.sentences[0].contains("bird and dog"), "{:?}", outcome.sentences);
    assert!(outcome.report.is_file() && !whole.out.join("work").exists());

    // A finished fit is not overwritten; an interrupted one goes on where it was.
    let error = one_line(&run(&whole, &Job::default()).unwrap_err());
    assert!(error.contains("holds a fitted model"), "{error}");
    let part = options(&data, folder.path().join("part"));
    let cancel = CancelToken::default();
    let observer = StopAt { text: "step 3 of", cancel: cancel.clone(), seen: Mutex::default() };
    let job = Job { observer: &observer, cancel, ..Job::default() };
    let error = one_line(&run(&part, &job).unwrap_err());
    assert!(error.contains("--resume"), "{error}");
    let error = one_line(&run(&part, &Job::default()).unwrap_err());
    assert!(error.contains("holds an interrupted fit"), "{error}");
    let trained = part.out.join("work/cnn-0/model.safetensors");
    assert!(trained.is_file(), "what was trained is kept");
    run(&Options { start: Start::Resume, ..part.clone() }, &Job::default()).unwrap();
    let bytes = |out: &Path| std::fs::read(out.join("model.safetensors")).unwrap();
    let file = ModelFile::from_bytes(&bytes(&whole.out), &whole.out).unwrap();
    let held_out = HeldOut::from_json(file.header.held_out.as_ref().unwrap(), 2).unwrap();
    assert_eq!(held_out.n_known(), outcome.detector.calibration_clips);
    // Down to the score of its last clip, a class has all of its clips.
    let all = held_out.threshold(0, 0.01, 0.0, 0.05).unwrap();
    assert!(all.recall > 0.9 && all.precision >= 0.3, "{all:?}");
    assert!(bytes(&whole.out) == bytes(&part.out), "the same model");
}
