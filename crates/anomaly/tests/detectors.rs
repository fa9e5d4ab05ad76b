//! Every method through the public interface.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use anomaly::{Detector, Error, Input, Inputs, Known, Labels, Method, Rows, Stored, Training};

const D: usize = 30;

/// Clips of three classes: embeddings, logits, a backbone's scores.
struct Clips {
    embedding: Vec<f32>,
    logits: Vec<f32>,
    backbone: Vec<f32>,
    labels: Vec<u32>,
}

/// Classes lie about axes of their own; unknown sounds (`unknown`) lie elsewhere, with unsure logits and other backbone classes.
fn clips(n: usize, shift: f32, unknown: bool) -> Clips {
    let mut clips = Clips { embedding: vec![], logits: vec![], backbone: vec![], labels: vec![] };
    for i in 0..n {
        let class = i % 3;
        let noise = |j: usize| ((i * 31 + j * 17) as f32 * 0.71 + shift).sin();
        let axis = if unknown { 10 + class } else { class };
        clips.embedding.extend((0..D).map(|j| 0.4 * noise(j) + if j == axis { 4.0 } else { 0.0 }));
        let told = |c: usize| noise(100 + c) + if c == class && !unknown { 6.0 } else { 0.0 };
        clips.logits.extend((0..3).map(told));
        let fires = |k: usize| if k == class + 3 * usize::from(unknown) { 0.7 } else { 0.02 };
        clips.backbone.extend((0..8).map(|k| fires(k) + 0.01 * noise(200 + k)));
        clips.labels.push(class as u32);
    }
    clips
}

impl Clips {
    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            embedding: Some(Rows::new(&self.embedding, D).unwrap()),
            logits: Some(Rows::new(&self.logits, 3).unwrap()),
            backbone_scores: Some(Rows::new(&self.backbone, 8).unwrap()),
            cells: Some(Rows::new(&self.embedding, D).unwrap()),
        }
    }
}

/// All methods, the networks trained shortly.
fn methods() -> Vec<(&'static str, Method)> {
    let mut methods = Method::all();
    for (_, method) in &mut methods {
        let training = Training { n_steps: 200, ..Training::default() };
        match method {
            Method::Autoencoder(config) => config.training = training,
            Method::LatentRegions(config) => config.training = training,
            _ => {}
        }
    }
    methods
}

fn fit(method: &Method, known: &Clips, unknown: &Clips) -> Detector {
    let labels = Labels::new(&known.labels, 3).unwrap();
    method.fit(&Known { inputs: known.inputs(), labels, unknowns: unknown.inputs() }).unwrap()
}

#[test]
fn unknowns_score_higher_with_every_method() {
    let (known, new, unknown) = (clips(150, 0.0, false), clips(90, 1.0, false), clips(60, 2.0, true));
    for (name, method) in methods() {
        let detector = fit(&method, &known, &clips(30, 3.0, true));
        let (new, unknown) = (detector.score(&new.inputs()).unwrap(), detector.score(&unknown.inputs()).unwrap());
        let figures = anomaly::metrics::figures(&new, &unknown).unwrap();
        let least = match name {
            // On the map an unknown sound lands near its nearest training rows; and of 30 columns, trees cut
            // those that tell only now and then.
            "isomap" | "isolation_forest" => 0.5,
            _ => 0.95,
        };
        assert!(figures.auroc > least, "{name}: {figures:?}");
    }
}

#[test]
fn a_stored_detector_gives_the_same_scores() {
    let (known, new) = (clips(60, 0.0, false), clips(20, 1.0, true));
    for (name, method) in methods() {
        let detector = fit(&method, &known, &new);
        let stored = detector.to_tensors();
        assert_eq!(stored.settings["method"], method.name());
        let json = serde_json::to_string(&detector).unwrap();
        for again in [Detector::from_tensors(&stored).unwrap(), serde_json::from_str(&json).unwrap()] {
            assert!(again == detector, "{name}");
            assert_eq!(again.score(&new.inputs()).unwrap(), detector.score(&new.inputs()).unwrap(), "{name}");
        }
        // A method in a configuration file.
        let text = serde_json::to_string(&method).unwrap();
        assert_eq!(serde_json::from_str::<Method>(&text).unwrap(), method);
    }
}

#[test]
fn every_method_has_a_name_and_a_description_of_its_own() {
    let names: std::collections::BTreeSet<&str> = Method::all().iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), Method::all().len());
    for (name, method) in Method::all() {
        assert!(name.starts_with(method.name()) && !method.describe().is_empty(), "{name}");
        assert_eq!(anomaly::canonical_name(name), name);
    }
}

#[test]
fn old_names_are_still_read() {
    let read = |text: &str| serde_json::from_str::<Method>(text).unwrap();
    assert_eq!(read(r#"{"method": "third_class"}"#), Method::BackgroundClass(Default::default()));
    for name in ["knn", "mahalanobis", "relative_mahalanobis", "local_outlier_factor"] {
        let text = |key: &str| format!(r#"{{"method": "{name}", "{key}": true}}"#);
        // spelling: as written in the next line
        let old = read(&text("normalise"));
        assert_eq!(old, read(&text("normalize")));
        assert!(serde_json::to_string(&old).unwrap().contains("\"normalize\""));
    }
    // A detector that an older version stored.
    let known = clips(60, 0.0, false);
    let detector = fit(&Method::BackgroundClass(Default::default()), &known, &clips(20, 1.0, true));
    let mut stored = detector.to_tensors();
    stored.settings["method"] = "third_class".into();
    assert!(Detector::from_tensors(&stored).unwrap() == detector);
    let detector = fit(&Method::Knn(Default::default()), &known, &known);
    let mut stored = detector.to_tensors();
    stored.settings = serde_json::json!({"method": "knn", "k": 5, "normalize": true});
    assert!(Detector::from_tensors(&stored).unwrap() == detector);
}

#[test]
fn a_damaged_detector_is_refused() {
    let known = clips(60, 0.0, false);
    for (name, method) in methods() {
        let stored = fit(&method, &known, &clips(20, 1.0, true)).to_tensors();
        for array in stored.tensors.keys() {
            let mut missing = stored.clone();
            missing.tensors.remove(array);
            let error = Detector::from_tensors(&missing).unwrap_err();
            assert!(matches!(&error, Error::Stored { part, .. } if array.ends_with(part)), "{name} {array}: {error}");
            let mut short = stored.clone();
            short.tensors.get_mut(array).unwrap().values.pop();
            assert!(Detector::from_tensors(&short).is_err(), "{name} {array}");
            let mut infinite = stored.clone();
            infinite.tensors.get_mut(array).unwrap().values[0] = f32::NAN;
            assert!(Detector::from_tensors(&infinite).is_err(), "{name} {array}");
        }
        let mut unknown = stored.clone();
        unknown.settings["more"] = 1.into();
        assert!(Detector::from_tensors(&unknown).is_err(), "{name}");
    }
    let other = Stored { settings: serde_json::json!({"method": "crystal_ball"}), tensors: Default::default() };
    assert!(Detector::from_tensors(&other).unwrap_err().to_string().contains("crystal_ball"));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (known, new) = (clips(300, 0.0, false), clips(150, 1.0, true));
    for (name, method) in methods() {
        let scores = |n_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| {
                let detector = fit(&method, &known, &new);
                (detector.to_tensors(), detector.score(&new.inputs()).unwrap())
            })
        };
        assert_eq!(scores(1), scores(3), "{name}");
    }
}

#[test]
fn what_is_missing_or_of_another_width_is_said() {
    let known = clips(60, 0.0, false);
    let labels = Labels::new(&known.labels, 3).unwrap();
    let nothing = Known { inputs: Inputs::default(), labels, unknowns: Inputs::default() };
    for (name, method) in methods() {
        let detector = fit(&method, &known, &clips(20, 1.0, true));
        assert!(matches!(detector.score(&Inputs::default()), Err(Error::Missing { .. })), "{name}");
        if method.needs() != [Input::Logits] {
            assert!(matches!(method.fit(&nothing), Err(Error::Missing { .. })), "{name}");
            let narrow = Rows::new(&[0.5; 4], 2).unwrap();
            let inputs = Inputs {
                embedding: Some(narrow),
                backbone_scores: Some(narrow),
                cells: Some(narrow),
                logits: Some(narrow),
            };
            assert!(matches!(detector.score(&inputs), Err(Error::Shape { .. })), "{name}");
        }
    }
    let error = Method::Knn(Default::default()).fit(&nothing).unwrap_err();
    assert_eq!(error.to_string(), "knn needs embeddings, which were not given");
}

#[test]
fn with_two_classes_one_figure_is_enough() {
    let alike: Vec<&str> = Method::all().iter().filter_map(|(_, method)| method.ranks_like(2)).collect();
    assert_eq!(alike, ["max_softmax"]);
    assert!(Method::all().iter().all(|(_, method)| method.ranks_like(3).is_none()));
}
