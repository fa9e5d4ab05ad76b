//! A model for a place where it draws the line between its classes in the wrong spot.

#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod trained;

use audio_io::Manifest;
use classifier::{ModelFile, Place};
use inference::{Model, read_model};
use pipeline::calibrate::{self, Options};
use pipeline::{Job, config, evaluate};
use std::path::Path;
use trained::{LEARNS, train_in, trained};

/// The run's model with a bias, as of another place: it stands in for a model that is wrong in the place of the clips.
fn with_bias(run: &Path, out: &Path, bias: f32) {
    let (_, mut file) = read_model(run).unwrap();
    let name = file.tensors.keys().find(|name| name.ends_with("head.bias")).unwrap().clone();
    let head = &file.tensors[&name];
    let mut values = head.to_vec1::<f32>().unwrap();
    values[0] -= bias;
    values[1] += bias;
    let moved = candle_core::Tensor::from_vec(values, head.shape(), head.device()).unwrap();
    file.tensors.insert(name, moved);
    std::fs::create_dir_all(out).unwrap();
    std::fs::write(out.join("model.safetensors"), ModelFile::to_bytes(&file.header, &file.tensors).unwrap()).unwrap();
}

fn balanced(run: &Path, manifest: &Path, out: &Path) -> f64 {
    let options = evaluate::Options {
        split: "test,val".into(),
        ..evaluate::Options::of_recordings(run, vec![manifest.to_owned()], out)
    };
    evaluate::run(&options, &Job::default()).unwrap().metrics.balanced_accuracy.unwrap()
}

#[test]
fn a_line_in_the_wrong_spot_is_put_right_and_a_good_model_is_left_alone() {
    let folder = trained();
    let path = |name: &str| folder.path().join(name);
    let (job, manifest) = (Job::default(), path("manifest.csv"));
    train_in(folder.path(), "good", &LEARNS, Some(config::Strength::Off));
    with_bias(&path("good"), &path("wrong"), 1.0);

    // Clips of the training split stand for those that a person has labeled.
    let mut options = Options::new(path("wrong"), vec![manifest.clone()], path("place"));
    options.split = Some("train".into());
    let outcome = calibrate::run(&options, &job).unwrap();
    let check = outcome.fitted.check.as_ref().unwrap();
    assert!(check.balanced_accuracy_after > check.balanced_accuracy_before, "{check:?}");
    let (before, after) =
        (balanced(&path("wrong"), &manifest, &path("before")), balanced(&path("place"), &manifest, &path("after")));
    assert!(after > before + 0.2, "{before} {after}");

    // The file says that it is for a place, what made it, and nothing of this machine.
    let model = Model::open(path("place")).unwrap();
    let Place { bias, record } = model.header.place.clone().unwrap();
    assert!(bias[0] > 0.0 && bias[1] < 0.0, "{bias:?}");
    assert_eq!(record["from_sha256"], Model::open(path("wrong")).unwrap().sha256);
    assert!(!record.to_string().contains(folder.path().to_str().unwrap()), "{record}");
    assert!(path("place/calibrate.json").is_file());

    // The same clips give the same bytes.
    let first = std::fs::read(path("place/model.safetensors")).unwrap();
    options.overwrite = true;
    calibrate::run(&options, &job).unwrap();
    assert_eq!(std::fs::read(path("place/model.safetensors")).unwrap(), first);

    // Not twice, not over a model, and not where it does not help.
    let again = Options::new(path("place"), vec![manifest.clone()], path("again"));
    assert!(calibrate::run(&again, &job).unwrap_err().to_string().contains("calibrated for a place already"));
    options.overwrite = false;
    assert!(calibrate::run(&options, &job).unwrap_err().to_string().contains("--overwrite replaces it"));
    let mut dogs = Manifest::open(&manifest).unwrap();
    dogs.rows.retain(|row| row.label == "dog");
    std::fs::write(path("dogs.csv"), dogs.to_csv()).unwrap();
    let options = Options::new(path("good"), vec![path("dogs.csv")], path("no"));
    let error = calibrate::run(&options, &job).unwrap_err().to_string();
    assert!(error.contains("are of one class"), "{error}");
    assert!(!path("no/model.safetensors").exists());
}

#[test]
fn what_cannot_calibrate_is_refused_with_the_reason() {
    let folder = trained();
    let path = |name: &str| folder.path().join(name);
    let manifest = Manifest::open(&path("manifest.csv")).unwrap();
    let few: Vec<_> = manifest.rows.iter().filter(|row| row.label != "neither").take(3).cloned().collect();
    let write = |name: &str, rows: Vec<audio_io::Row>| {
        let table = Manifest { rows, ..manifest.clone() };
        std::fs::write(path(name), table.to_csv()).unwrap();
    };
    write("few.csv", few.clone());
    let error = |name: &str| {
        let options = Options::new(path("run"), vec![path(name)], path("out"));
        calibrate::run(&options, &Job::default()).unwrap_err().to_string()
    };
    assert!(error("few.csv").contains("of which at least 4 are needed"), "{}", error("few.csv"));
    write("other.csv", few.into_iter().map(|row| audio_io::Row { label: "Dog".into(), ..row }).collect());
    assert!(error("other.csv").contains("written as it does"), "{}", error("other.csv"));
}
