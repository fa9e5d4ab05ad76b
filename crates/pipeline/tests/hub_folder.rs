//! A folder for the Hugging Face hub: no path of this machine in it, the same answers, figures as they were measured, and weights that
//! others begin with.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod trained;

use candle_core::{Device, Tensor};
use classifier::{MODEL_SCHEMA, ModelFile, ModelHeader, Normalization};
use inference::{MODEL_FILE, build, read_model};
use pipeline::anomaly::{RowsOptions, fit};
use pipeline::export::hub::{Options, Outcome, run};
use pipeline::predict::{self, Output, Table, To};
use pipeline::strategy::ModelKind;
use pipeline::train::Strategy;
use pipeline::{Event, Job, Observer, evaluate, train};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

/// Keeps what is said.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn event(&self, event: Event<'_>) {
        if let Event::Warning(text) | Event::Message(text) = event {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }
}

impl Heard {
    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join("\n")
    }
}

/// A model with a detector, whose file names its training recordings; measured in `run/test`.
fn measured() -> TempDir {
    let folder = trained::trained();
    let path = |name: &str| folder.path().join(name);
    let rows = RowsOptions {
        run: path("run"),
        features: vec![path("features")],
        backbone: None,
        backbone_features: Vec::new(),
        train_split: vec!["train".into()],
        val_split: vec!["val".into()],
        choose_on: None,
    };
    fit::run(&fit::Options { method: vec!["knn".into()], ..fit::Options::new(rows) }, &Job::default()).unwrap();
    let source = evaluate::Source::Recordings { manifests: vec![path("manifest.csv")], stress: true };
    let options = evaluate::Options { run: path("run"), source, split: "test".into(), out: path("run/test") };
    evaluate::run(&options, &Job::default()).unwrap();
    folder
}

fn exported(folder: &Path, change: impl FnOnce(&mut Options)) -> Outcome {
    let mut options = Options { overwrite: true, ..Options::new(folder.join("run"), folder.join("out/barks")) };
    change(&mut options);
    run(&options, &Job::default()).unwrap()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

fn known(model: &Path) -> Vec<String> {
    let outlier = read_model(model).unwrap().1.header.outlier.unwrap();
    let all = outlier["known"].as_array().unwrap();
    all.iter().map(|clip| clip["path"].as_str().unwrap().to_owned()).collect()
}

/// What a model says, as JSON.
fn said(run: &Path, sounds: &Path, out: &Path) -> Value {
    let mut options = predict::Options::new(run, vec![sounds.to_owned()]);
    options.predictor.n_nearest = 3;
    options.overwrite = true;
    let output = Output { table: Table::Json, to: To::File(out.to_owned()) };
    predict::run(&options, vec![output], &Job::default()).unwrap();
    serde_json::from_slice(&fs::read(out).unwrap()).unwrap()
}

/// Takes the names of the nearest clips out; returns them.
fn nearest(value: &mut Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for clip in fields.get_mut("nearest").and_then(Value::as_array_mut).into_iter().flatten() {
                names.push(clip["path"].take().as_str().unwrap().to_owned());
            }
            fields.iter_mut().for_each(|(_, value)| nearest(value, names));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| nearest(value, names)),
        _ => {}
    }
}

#[test]
fn no_place_of_this_machine_is_in_any_file_and_the_answers_are_the_same() {
    let folder = measured();
    let path = |name: &str| folder.path().join(name);
    let paths = known(&path("run"));
    assert!(paths.len() > 10 && paths.iter().all(|path| path.ends_with(".wav")), "{paths:?}");
    let outcome = exported(folder.path(), |_| {});
    assert_eq!(outcome.paths_removed, Some(paths.len()));
    let here = folder.path().file_name().unwrap().to_str().unwrap();
    let written = files(&path("out/barks"));
    let names: Vec<String> =
        written.iter().map(|file| file.strip_prefix(path("out/barks")).unwrap().to_str().unwrap().to_owned()).collect();
    for name in
        [".gitattributes", "README.md", "config.json", "model.safetensors", "onnx/model.onnx", "onnx/model.json"]
    {
        assert!(names.iter().any(|of| of == name), "{name}: {names:?}");
    }
    for file in &written {
        let bytes = fs::read(file).unwrap();
        assert!(!holds(&bytes, here), "{}: names the folder", file.display());
        for path in &paths {
            let name = path.rsplit('/').next().unwrap();
            assert!(!holds(&bytes, path) && !holds(&bytes, name), "{}: names {path}", file.display());
        }
    }
    let of_run = said(&path("run"), &path("sounds"), &path("a.json"));
    let of_folder = said(&path("out/barks"), &path("sounds"), &path("b.json"));
    let (mut of_run, mut of_folder) = (of_run["predictions"].clone(), of_folder["predictions"].clone());
    let (mut named, mut nameless) = (Vec::new(), Vec::new());
    nearest(&mut of_run, &mut named);
    nearest(&mut of_folder, &mut nameless);
    assert!(of_run.as_array().unwrap().len() > 30 && of_run == of_folder);
    assert!(named.len() == nameless.len() && nameless[0].starts_with("training recording "), "{}", nameless[0]);
    // One name a recording.
    let pairs: BTreeMap<&String, &String> = named.iter().zip(&nameless).collect();
    assert!(named.iter().zip(&nameless).all(|(name, other)| pairs[name] == other));
}

#[test]
fn a_private_folder_has_the_model_as_it_is() {
    let folder = measured();
    let path = |name: &str| folder.path().join(name);
    let outcome = exported(folder.path(), |options| options.private = true);
    assert_eq!(outcome.paths_removed, None);
    assert!(fs::read(path("run").join(MODEL_FILE)).unwrap() == fs::read(path("out/barks").join(MODEL_FILE)).unwrap());
    let card = fs::read_to_string(path("out/barks/README.md")).unwrap();
    assert!(card.contains("paths of training recordings are in it"), "{card}");
}

#[test]
fn the_card_has_the_figures_that_were_measured_and_no_others() {
    let folder = measured();
    let path = |name: &str| folder.path().join(name);
    let name_all = |options: &mut Options| {
        options.name = Some("acme/barks".into());
        options.license = Some("CC-BY-4.0".into());
        options.data_name = Some("Made: \"barks\" | songs".into());
        options.dataset = Some("acme/sounds".into());
    };
    let outcome = exported(folder.path(), name_all);
    let card = fs::read_to_string(path("out/barks/README.md")).unwrap();
    let metrics: Value = serde_json::from_slice(&fs::read(path("run/test/metrics.json")).unwrap()).unwrap();
    assert_eq!(outcome.evaluations, ["test"]);
    for key in ["balanced_accuracy", "accuracy", "macro_f1", "auroc", "ece"] {
        let value = format!("value: {}\n", metrics[key]);
        assert!(card.contains(&value), "{key}: {value}{card}");
        let [low, high] = [0, 1].map(|end| metrics["intervals"][key][end].as_f64().unwrap());
        assert!(card.contains(&format!("| {low:.3} to {high:.3} |")), "{key}");
    }
    let worst = &metrics["stress"]["worst"]["balanced_accuracy"];
    assert!(card.contains(&format!("value: {worst}\n")));
    for text in [
        "license: \"cc-by-4.0\"\n",
        "library_name: barkbird\n",
        "pipeline_tag: audio-classification\n",
        "- \"acme/sounds\"\n",
        "barkbird predict acme/barks recordings/",
        "## Recorder bias",
        "Telephone".to_lowercase().as_str(),
        "## What it cannot do",
        "Made: \"barks\" \\| songs",
        "detector `knn`",
    ] {
        assert!(card.contains(text), "{text}: {card}");
    }
    // The same model without evaluations has no figures, and says so.
    let heard = Heard::default();
    let job = Job { observer: &heard, ..Job::default() };
    fs::rename(path("run/test"), path("elsewhere")).unwrap();
    let options = Options { overwrite: true, ..Options::new(path("run"), path("out/barks")) };
    run(&options, &job).unwrap();
    let (card, said) = (fs::read_to_string(path("out/barks/README.md")).unwrap(), heard.take());
    assert!(!card.contains("model-index") && card.contains("Not measured on clips that it had not seen."), "{card}");
    assert!(said.contains("no license") && said.contains("no figures"), "{said}");
    assert!(card.contains("license: unknown\n") && !card.contains("| Balanced accuracy |"), "{card}");
    // Figures of a file that was changed since are of another model.
    fs::rename(path("elsewhere"), path("run/test")).unwrap();
    let (_, mut file) = read_model(&path("run")).unwrap();
    file.header.seed += 1;
    let tensors: BTreeMap<_, _> = file.tensors.iter().collect();
    fs::write(path("run").join(MODEL_FILE), ModelFile::to_bytes(&file.header, tensors).unwrap()).unwrap();
    let outcome = run(&options, &job).unwrap();
    assert!(outcome.evaluations.is_empty() && heard.take().contains("not in the card: test"));
}

#[test]
fn what_cannot_be_written_is_said_before_anything_is() {
    let folder = trained::trained();
    let path = |name: &str| folder.path().join(name);
    let message = |change: &dyn Fn(&mut Options)| {
        let mut options = Options::new(path("run"), path("out"));
        change(&mut options);
        run(&options, &Job::default()).unwrap_err().to_string()
    };
    assert!(message(&|options| options.license = Some("free for all".into())).contains("SPDX"));
    assert!(message(&|options| options.dataset = Some("sounds".into())).contains("expected owner/name"));
    assert!(message(&|options| options.out = path("run")).contains("holds a model"));
    let into_itself = message(&|options| (options.out, options.overwrite) = (path("run"), true));
    assert!(into_itself.contains("read and written at once"), "{into_itself}");
    assert!(!path("out").exists());
}

/// Trains on `features` from the weights of a model.
fn train_from(folder: &Path, pretrained: &str, out: &str, strategy: Option<Strategy>) -> Result<String, String> {
    let heard = Heard::default();
    let job = Job { observer: &heard, ..Job::default() };
    let mut options = train::Options::new(ModelKind::Cnn, folder.join("features"), folder.join(out));
    options.pretrained = Some(pretrained.to_owned());
    options.strategy = strategy;
    options.epochs = Some(1);
    options.lr = Some(1e-7);
    train::run(&options, &job).map_err(|error| error.to_string())?;
    Ok(heard.take())
}

#[test]
fn an_exported_model_is_a_start_for_others() {
    let folder = trained::trained();
    let path = |name: &str| folder.path().join(name);
    run(&Options::new(path("run"), path("out")), &Job::default()).unwrap();
    let out = path("out").to_str().unwrap().to_owned();
    let weights = |run: &str, name: &str| -> Vec<f32> {
        let (_, file) = read_model(&path(run)).unwrap();
        file.tensors[name].flatten_all().unwrap().to_vec1().unwrap()
    };
    let differ = |run: &str, name: &str| {
        let (then, now) = (weights("run", name), weights(run, name));
        then.len() != now.len() || then.iter().zip(&now).any(|(a, b)| (a - b).abs() > 1e-3)
    };
    let said = train_from(folder.path(), &out, "again", None).unwrap();
    assert!(said.contains("begins with the weights of a model of the same classes"), "{said}");
    assert!(!differ("again", "stages.2.conv.weight") && !differ("again", "head.weight"));
    let normalization = |run: &str| read_model(&path(run)).unwrap().1.header.normalization;
    assert_eq!(normalization("again"), normalization("run"));
    let said = train_from(folder.path(), &out, "probe", Some(Strategy::Probe)).unwrap();
    assert!(said.contains("head over"), "{said}");
    assert!(!differ("probe", "stages.0.conv.weight") && differ("probe", "head.weight"));
    assert!(train_from(folder.path(), &out, "lora", Some(Strategy::Lora)).unwrap_err().contains("full and probe"));

    // Other classes: their own last layer.
    let table = fs::read_to_string(path("manifest.csv")).unwrap();
    let changed = table.replace(",dog,", ",hound,");
    assert_ne!(table, changed);
    fs::write(path("manifest.csv"), changed).unwrap();
    fs::remove_dir_all(path("features")).unwrap();
    let mut of_features = pipeline::features::Options::new(path("manifest.csv"), path("features"));
    of_features.front_end.like = Some(path("out"));
    pipeline::features::run(&of_features, &Job::default()).unwrap();
    let said = train_from(folder.path(), &out, "hounds", None).unwrap();
    assert!(said.contains("under a new last layer"), "{said}");
    assert!(!differ("hounds", "stages.2.conv.weight") && differ("hounds", "head.weight"));
    assert_eq!(read_model(&path("hounds")).unwrap().1.header.classes, ["bird", "hound"]);

    // Another front end, another network.
    fs::remove_dir_all(path("features")).unwrap();
    of_features.front_end.like = None;
    of_features.front_end.config.set = vec![("front_end.hop".into(), "256".into())];
    pipeline::features::run(&of_features, &Job::default()).unwrap();
    let message = train_from(folder.path(), &out, "other", None).unwrap_err();
    assert!(message.contains("another front end") && message.contains(&format!("--like {out}")), "{message}");
    let mut options = train::Options::new(ModelKind::Vit, path("features"), path("vit"));
    options.pretrained = Some(out.clone());
    let message = train::run(&options, &Job::default()).unwrap_err().to_string();
    assert!(message.contains("a model with the network cnn; expected one with vit"), "{message}");
}

#[test]
fn a_model_over_yamnet_gives_yamnet() {
    let architecture = json!({"kind": "headed", "heads": [{"head": "linear", "scale": 1.0}],
                              "body": {"kind": "yamnet", "hop_frames": 48, "dropout": 0.0}});
    let (_, parameters) = build(&architecture, 3, 1, &Device::Cpu).unwrap();
    let of_one = parameters.snapshot().unwrap();
    let header = ModelHeader {
        schema: MODEL_SCHEMA.into(),
        version: "0".into(),
        architecture,
        front_end: json!({}),
        normalization: Normalization::uniform(64, 0.0, 1.0),
        classes: ["a", "b", "c"].map(str::to_owned).to_vec(),
        split: json!({}),
        seed: 1,
        training: json!({}),
        calibration: None,
        outlier: None,
        coverage: None,
        held_out: None,
        place: None,
    };
    let among: BTreeMap<String, Tensor> =
        of_one.iter().map(|(name, tensor)| (format!("member.1.{name}"), tensor.clone())).collect();
    for tensors in [&of_one, &among] {
        let bytes = ModelFile::to_bytes(&header, tensors).unwrap();
        let weights = models_cnn::yamnet_weights(&bytes, Path::new("model.safetensors")).unwrap();
        assert!(weights.contains_key("layer1.conv.weight") && weights.contains_key("dense.bias"));
        assert!(weights.keys().all(|name| !name.starts_with("head.") && !name.starts_with("member.")));
        inference::unknown::Backbone::from_weights(&weights, Path::new("m"), &Device::Cpu).unwrap();
    }
}
