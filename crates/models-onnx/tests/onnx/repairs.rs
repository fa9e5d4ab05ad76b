//! Spectra as exporters write them: tract alone refuses these graphs, or gets their sizes wrong.

use crate::writer::*;
use models_onnx::OnnxBackbone;
use tract_onnx::pb::{AttributeProto, GraphProto, NodeProto, TensorProto};

const FRAME: usize = 16;
const HOP: usize = 8;

fn graph(nodes: Vec<NodeProto>, tensors: Vec<TensorProto>) -> GraphProto {
    GraphProto {
        name: "spectrum".into(),
        node: nodes,
        initializer: tensors,
        input: vec![value("waveform", &[Any("batch"), Is(N as i64)])],
        output: vec![value("embedding", &[Any("batch"), Any("bins")])],
        ..GraphProto::default()
    }
}

fn embedding(graph: GraphProto, window: &[f32]) -> Vec<f32> {
    let folder = tempfile::tempdir().unwrap();
    let path = save(folder.path(), &model(graph, 17, &METADATA[..1]), "");
    OnnxBackbone::open(&path).unwrap().run(&[window]).unwrap().embedding
}

/// Real and imaginary part of every bin, `[n / 2 + 1, 2]`.
fn spectrum(frame: &[f32]) -> Vec<f32> {
    let part = |bin: usize, of: fn(f64) -> f64| {
        let angle = |at: usize| std::f64::consts::TAU * (bin * at) as f64 / frame.len() as f64;
        frame.iter().enumerate().map(|(at, &value)| f64::from(value) * of(angle(at))).sum::<f64>() as f32
    };
    (0..=frame.len() / 2).flat_map(|bin| [part(bin, f64::cos), -part(bin, f64::sin)]).collect()
}

/// STFT of a signal of two or three dimensions, the mean over frames of every bin.
#[test]
fn an_stft_takes_a_signal_without_a_last_dimension() {
    let window = &windows(2, N)[1];
    let starts = (0..=N - FRAME).step_by(HOP);
    let rows: Vec<Vec<f32>> = starts.map(|at| spectrum(&window[at..at + FRAME])).collect();
    let expected = mean(&rows);
    for rank in [2, 3] {
        let signal = if rank == 2 { "waveform" } else { "deep" };
        let bins = 2 * (FRAME as i64 / 2 + 1);
        let mut nodes = vec![
            node("STFT", &[signal, "hop", "window"], "stft", vec![number("onesided", 1)]),
            node("Reshape", &["stft", "flat"], "embedding", vec![]),
        ];
        if rank == 3 {
            nodes.insert(0, node("Unsqueeze", &["waveform", "last"], "deep", vec![]));
        }
        let tensors = vec![
            integers("hop", &[], &[HOP as i64]),
            integers("flat", &[3], &[0, 0, bins]),
            integers("last", &[1], &[2]),
            floats("window", &[FRAME as i64], &[1.0; FRAME]),
        ];
        assert_near(&embedding(graph(nodes, tensors), window), &expected, "spectrum");
    }
}

/// DFT along an axis that is not the first after the batch.
#[test]
fn a_dft_has_the_axis_that_its_attribute_names() {
    let window = &windows(2, N)[1];
    let n_frames = N / FRAME;
    let rows: Vec<Vec<f32>> = window.chunks(FRAME).map(spectrum).collect();
    let dft = |attributes: Vec<AttributeProto>| {
        let nodes = vec![
            node("Reshape", &["waveform", "frames"], "cut", vec![]),
            node("DFT", &["cut"], "dft", attributes),
            node("Reshape", &["dft", "flat"], "embedding", vec![]),
        ];
        let bins = 2 * (FRAME as i64 / 2 + 1);
        let tensors = vec![
            integers("frames", &[4], &[1, n_frames as i64, FRAME as i64, 1]),
            integers("flat", &[3], &[0, 0, bins]),
        ];
        embedding(graph(nodes, tensors), window)
    };
    let onesided = || number("onesided", 1);
    assert_near(&dft(vec![onesided(), number("axis", 2)]), &mean(&rows), "axis 2");
    assert_near(&dft(vec![onesided(), number("axis", -2)]), &mean(&rows), "axis -2");
}
