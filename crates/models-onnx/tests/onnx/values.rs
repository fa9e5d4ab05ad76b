//! Values against plain Rust.

use crate::writer::*;
use models_onnx::{Activation, Batch, InputShape, OnnxBackbone, check};
use tract_onnx::pb::GraphProto;

fn opened(graph: GraphProto, toml: &str) -> (tempfile::TempDir, OnnxBackbone) {
    let folder = tempfile::tempdir().unwrap();
    let path = save(folder.path(), &model(graph, 17, &METADATA), toml);
    let backbone = OnnxBackbone::open(&path).unwrap();
    (folder, backbone)
}

/// Embeddings and logits of windows whose frames the graph has pooled.
fn expected(windows: &[Vec<f32>], gain: f32) -> (Vec<f32>, Vec<f32>) {
    let scaled = |window: &Vec<f32>| window.iter().map(|value| value * gain).collect::<Vec<_>>();
    let embeddings: Vec<Vec<f32>> = windows.iter().map(|window| mean(&frames(&scaled(window)).0)).collect();
    (embeddings.concat(), embeddings.iter().flat_map(|embedding| logits(embedding)).collect())
}

#[test]
fn metadata_alone_describes_a_model() {
    let (_folder, backbone) = opened(network(&[Any("batch"), Is(N as i64)], false, "Sigmoid"), "");
    let description = backbone.description();
    assert_eq!((description.sample_rate_hz, description.window_samples), (32000, Some(N)));
    assert_eq!(description.classes, ["dog", "bird", "rain"]);
    assert_eq!((description.input.shape, description.input.batch), (InputShape::Batch, None));
    let scores = description.scores.as_ref().unwrap();
    assert_eq!((scores.activation, scores.is_applied, scores.n_classes), (Activation::Sigmoid, true, K));
    let windows = windows(5, N);
    let outputs = backbone.run(&borrowed(&windows)).unwrap();
    let (embedding, logits) = expected(&windows, 1.0);
    assert_eq!((outputs.dim, outputs.n_scores), (D, K));
    assert_near(&outputs.embedding, &embedding, "embedding");
    assert_near(&outputs.scores, &sigmoid(&logits), "scores");
    assert_eq!(outputs.logits, None);
}

#[test]
fn every_shape_of_the_input_gives_the_same() {
    let windows = windows(3, N);
    let run = |input: &[Dim]| opened(network(input, false, "Sigmoid"), "").1.run(&borrowed(&windows)).unwrap();
    let n = Is(N as i64);
    let plain = run(&[Any("batch"), n.clone()]);
    assert_eq!(run(std::slice::from_ref(&n)), plain);
    assert_eq!(run(&[Any("batch"), Is(1), n.clone()]), plain);
    assert_eq!(run(&[Is(1), n.clone()]), plain);
    assert_eq!(run(&[Any("b"), Any("c"), Any("n")]), plain);
    // Three windows in batches of two: one of silence fills up.
    let of_two = run(&[Is(2), n]);
    assert_near(&of_two.embedding, &plain.embedding, "embedding");
    assert_near(&of_two.scores, &plain.scores, "scores");
}

#[test]
fn activations_are_applied_where_it_is_said() {
    let windows = windows(2, N);
    let (_, logits) = expected(&windows, 1.0);
    let input = [Any("batch"), Is(N as i64)];
    let graph = || network(&input, false, "Identity");
    let outputs = opened(graph(), r#"activation = "sigmoid""#).1.run(&borrowed(&windows)).unwrap();
    assert_near(&outputs.scores, &sigmoid(&logits), "sigmoid");
    assert_near(&outputs.logits.unwrap(), &logits, "logits");
    let outputs = opened(graph(), r#"activation = "softmax""#).1.run(&borrowed(&windows)).unwrap();
    let expected: Vec<f32> = logits.chunks(K).flat_map(softmax).collect();
    assert_near(&outputs.scores, &expected, "softmax");
    let (_folder, of_graph) = opened(network(&input, false, "Softmax"), "");
    assert_near(&of_graph.run(&borrowed(&windows)).unwrap().scores, &expected, "softmax in the graph");
    let toml = "activation = \"softmax\"\nactivation_applied = true\ninput_peak = 50";
    let wrong = opened(graph(), toml).1.run(&borrowed(&windows));
    let wrong = wrong.unwrap_err().to_string();
    assert!(wrong.contains("output scores: expected probabilities, 0 to 1"), "{wrong}");
}

#[test]
fn frames_are_pooled() {
    let windows = windows(3, N);
    let (_folder, backbone) = opened(network(&[Any("batch"), Is(N as i64)], true, "Sigmoid"), "");
    let outputs = backbone.run(&borrowed(&windows)).unwrap();
    assert_eq!(outputs.logits, None);
    for (nth, window) in windows.iter().enumerate() {
        let (embeddings, logits) = frames(window);
        assert_near(&outputs.embedding[nth * D..][..D], &mean(&embeddings), "embedding");
        let powers: Vec<Vec<f32>> =
            logits.iter().map(|row| sigmoid(row).iter().map(|score| score.powi(4)).collect()).collect();
        let scores: Vec<f32> = mean(&powers).iter().map(|mean| mean.powf(0.25)).collect();
        assert_near(&outputs.scores[nth * K..][..K], &scores, "scores");
    }
}

#[test]
fn full_scale_and_peak_are_the_models() {
    let windows = windows(2, N);
    let graph = || network(&[Any("batch"), Is(N as i64)], false, "Sigmoid");
    let outputs = opened(graph(), "input_peak = 2").1.run(&borrowed(&windows)).unwrap();
    assert_near(&outputs.embedding, &expected(&windows, 2.0).0, "twice");
    let (_folder, backbone) = opened(graph(), "normalize_peak = 0.25");
    let quiet: Vec<Vec<f32>> = windows.iter().map(|window| window.iter().map(|value| value * 0.01).collect()).collect();
    let [loud, quiet] = [&windows, &quiet].map(|windows| backbone.run(&borrowed(windows)).unwrap().embedding);
    assert_near(&loud, &quiet, "level");
    let peak = windows[0].iter().fold(0f32, |peak, value| peak.max(value.abs()));
    assert_near(&loud[..D], &expected(&windows[..1], 0.25 / peak).0, "peak");
    let silence = vec![0.0; N];
    assert_near(&backbone.run(&[&silence]).unwrap().embedding, &expected(&[silence], 1.0).0, "silence");
}

#[test]
fn any_length_where_nothing_fixes_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut graph = network(&[Any("batch"), Any("samples")], true, "Sigmoid");
    graph.initializer[0] = integers("to_channel", &[3], &[0, 1, -1]);
    let metadata: Vec<_> = METADATA.into_iter().filter(|(key, _)| *key != "sample_duration").collect();
    let path = save(folder.path(), &model(graph, 17, &metadata), "");
    let backbone = OnnxBackbone::open(&path).unwrap();
    assert_eq!(backbone.description().window_samples, None);
    for n_samples in [64, 101, 64, 30, 31, 32, 33, 101] {
        let windows = windows(2, n_samples);
        let outputs = backbone.run(&borrowed(&windows)).unwrap();
        assert_near(&outputs.embedding[D..], &mean(&frames(&windows[1]).0), "embedding");
    }
    let (short, long) = (vec![0.1; 64], vec![0.1; 65]);
    let mixed = backbone.run(&[&short, &long]).unwrap_err().to_string();
    assert!(mixed.ends_with("window 1: expected 64 samples, got 65 samples"), "{mixed}");
}

#[test]
fn threads_change_nothing() {
    let windows = windows(9, N);
    let (_folder, backbone) = opened(network(&[Any("batch"), Is(N as i64)], false, "Sigmoid"), "");
    let run = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| backbone.run(&borrowed(&windows)).unwrap())
    };
    assert_eq!(run(1), run(4));
    let one_by_one: Vec<f32> = windows.iter().flat_map(|window| backbone.run(&[window]).unwrap().embedding).collect();
    assert_eq!(run(3).embedding, one_by_one);
}

#[test]
fn nothing_and_wrong_windows() {
    let (_folder, backbone) = opened(network(&[Any("batch"), Is(N as i64)], false, "Sigmoid"), "");
    let nothing = backbone.run(&[]).unwrap();
    assert_eq!((nothing.dim, nothing.n_scores, nothing.embedding.len()), (D, K, 0));
    let short = vec![0.0; N - 1];
    let error = backbone.run(&[&short]).unwrap_err().to_string();
    assert!(error.ends_with("window 0: expected 64 samples, got 63 samples"), "{error}");
    let mut broken = vec![0.0; N];
    broken[7] = f32::NAN;
    let error = backbone.run(&[&broken]).unwrap_err().to_string();
    assert!(error.ends_with("window 0: expected finite samples, got NaN"), "{error}");
    // The sum of the graph overflows.
    let error = backbone.run(&[&[f32::MAX; N]]).unwrap_err().to_string();
    assert!(error.contains("expected finite values"), "{error}");
}

#[test]
fn the_check_reports_what_a_model_is() {
    let folder = tempfile::tempdir().unwrap();
    let graph = network(&[Any("batch"), Is(N as i64)], false, "Sigmoid");
    let path = save(folder.path(), &model(graph, 17, &METADATA), r#"license = "MIT""#);
    let checked = check(&path).unwrap();
    let Batch::Any { difference, .. } = checked.batch else { panic!("{:?}", checked.batch) };
    assert!(difference < 1e-5 && checked.window_ms > 0.0 && checked.largest_embedding > 0.0);
    let text = checked.to_string();
    for line in
        ["license:    MIT", "scores:     scores, 3 classes, sigmoid in the graph", "classes:    dog, bird, rain"]
    {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains(&checked.description.sha256) && checked.description.sha256.len() == 64);
    // Declared for any batch, yet made for one window.
    let mut graph = network(&[Any("batch"), Is(N as i64)], false, "Sigmoid");
    graph.initializer[0] = integers("to_channel", &[3], &[1, 1, N as i64]);
    let path = save(folder.path(), &model(graph, 17, &METADATA), "");
    assert!(matches!(check(&path).unwrap().batch, Batch::Fails(_)));
    let graph = network(&[Is(2), Is(N as i64)], false, "Sigmoid");
    let path = save(folder.path(), &model(graph, 17, &METADATA), "");
    assert_eq!(check(&path).unwrap().batch, Batch::Fixed(2));
}

#[test]
fn a_clip_is_windows_a_hop_apart() {
    let graph = || network(&[Any("batch"), Is(N as i64)], false, "Sigmoid");
    let clip: Vec<f32> = windows(3, N).concat();
    let (_folder, backbone) = opened(graph(), "hop_s = 0.0015");
    assert_eq!(backbone.description().hop_samples, Some(48));
    let cut: Vec<&[f32]> = [0, 48, 96, 128].map(|start| &clip[start..start + N]).to_vec();
    let outputs = backbone.run(&cut).unwrap();
    let row = backbone.clip(&clip).unwrap();
    let rows: Vec<Vec<f32>> = outputs.embedding.chunks(D).map(<[f32]>::to_vec).collect();
    assert_near(&row.embedding, &mean(&rows), "embedding");
    let odds: Vec<Vec<f32>> = outputs.scores.chunks(K).map(|row| row.iter().map(|p| p / (1.0 - p)).collect()).collect();
    let log_odds: Vec<f32> = mean(&odds).iter().map(|odds| odds.ln()).collect();
    assert_near(&row.log_odds, &log_odds, "log-odds");
    // A short clip is repeated.
    let short: Vec<f32> = clip[..40].iter().chain(&clip[..24]).copied().collect();
    assert_eq!(backbone.clip(&clip[..40]).unwrap(), backbone.clip(&short).unwrap());
    for (toml, expected) in [
        ("hop_s = 0.01", "hop_s: expected 1 sample to a window, 0.002 s, got 0.01 s"),
        ("hop_s = -1", "hop_s: expected a finite number above 0"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let error =
            OnnxBackbone::open(&save(folder.path(), &model(graph(), 17, &METADATA), toml)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
