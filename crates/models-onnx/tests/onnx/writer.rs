//! Graphs of a few operations, and what they compute in plain Rust.

use prost::Message;
use std::path::{Path, PathBuf};
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as DimValue};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// Samples of a window.
pub(crate) const N: usize = 64;
/// Width of the embedding.
pub(crate) const D: usize = 8;
/// Classes.
pub(crate) const K: usize = 3;
const KERNEL: usize = 5;
const STRIDE: usize = 2;

/// A dimension: a number or a symbol.
#[derive(Clone)]
pub(crate) enum Dim {
    Is(i64),
    Any(&'static str),
}

pub(crate) use Dim::{Any, Is};

pub(crate) fn value(name: &str, dims: &[Dim]) -> ValueInfoProto {
    let dim = |dim: &Dim| Dimension {
        value: Some(match dim {
            Is(n) => DimValue::DimValue(*n),
            Any(symbol) => DimValue::DimParam((*symbol).into()),
        }),
        ..Dimension::default()
    };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(shape) };
    let of = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), r#type: Some(of), ..ValueInfoProto::default() }
}

pub(crate) fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        raw_data,
        ..TensorProto::default()
    }
}

pub(crate) fn integers(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Int64 as i32,
        raw_data,
        ..TensorProto::default()
    }
}

pub(crate) fn node(op: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: op.into(),
        name: format!("{output}_node"),
        input: inputs.iter().map(|&name| name.into()).collect(),
        output: vec![output.into()],
        attribute: attributes,
        ..NodeProto::default()
    }
}

/// A tensor as an operation.
pub(crate) fn constant(name: &str, tensor: TensorProto) -> NodeProto {
    let kind = AttributeType::Tensor as i32;
    let value = AttributeProto { name: "value".into(), t: Some(tensor), r#type: kind, ..AttributeProto::default() };
    node("Constant", &[], name, vec![value])
}

pub(crate) fn number(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, r#type: AttributeType::Int as i32, ..AttributeProto::default() }
}

pub(crate) fn numbers(name: &str, ints: &[i64]) -> AttributeProto {
    let ints = ints.to_vec();
    AttributeProto { name: name.into(), ints, r#type: AttributeType::Ints as i32, ..AttributeProto::default() }
}

pub(crate) fn model(graph: GraphProto, version: i64, metadata: &[(&str, &str)]) -> ModelProto {
    let entry = |&(key, value): &(&str, &str)| StringStringEntryProto { key: key.into(), value: value.into() };
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version }],
        graph: Some(graph),
        metadata_props: metadata.iter().map(entry).collect(),
        ..ModelProto::default()
    }
}

/// What OpenSoundscape writes.
pub(crate) const METADATA: [(&str, &str); 5] = [
    ("sample_rate", "32000"),
    ("sample_duration", "0.002"),
    ("classes", r#"["dog", "bird", "rain"]"#),
    ("class_outputs_key", "scores"),
    ("embedding_outputs_key", "embedding"),
];

/// Weights of no meaning.
fn weights(n: usize, step: f32) -> Vec<f32> {
    (0..n).map(|nth| (nth as f32 * step).sin()).collect()
}

/// waveform -> Conv -> Relu -> mean -> Gemm -> the operation `last`.
///
/// With `per_frame` the embedding is of every frame, `[B, T, D]`, and so are the scores.
pub(crate) fn network(input: &[Dim], per_frame: bool, last: &str) -> GraphProto {
    let (n_out, n_classes) = (D as i64, K as i64);
    let mut nodes = vec![
        // Any rank becomes [B, 1, N].
        node("Reshape", &["waveform", "to_channel"], "signal", vec![]),
        node("Conv", &["signal", "conv", "conv_bias"], "map", vec![numbers("strides", &[STRIDE as i64])]),
        node("Relu", &["map"], "active", vec![]),
    ];
    if per_frame {
        nodes.push(node("Transpose", &["active"], "embedding", vec![numbers("perm", &[0, 2, 1])]));
    } else {
        let axes = vec![numbers("axes", &[2]), number("keepdims", 0)];
        nodes.push(node("ReduceMean", &["active"], "embedding", axes));
    }
    nodes.push(node("MatMul", &["embedding", "dense"], "product", vec![]));
    nodes.push(node("Add", &["product", "dense_bias"], "logits", vec![]));
    nodes.push(node(last, &["logits"], "scores", vec![]));
    let symbols: &[Dim] = if per_frame { &[Any("batch"), Any("frames")] } else { &[Any("batch")] };
    let output = |name, width| value(name, &[symbols, &[Is(width)]].concat());
    GraphProto {
        name: "test".into(),
        node: nodes,
        initializer: vec![
            integers("to_channel", &[3], &[-1, 1, N as i64]),
            floats("conv", &[n_out, 1, KERNEL as i64], &weights(D * KERNEL, 0.7)),
            floats("conv_bias", &[n_out], &weights(D, 0.3)),
            floats("dense", &[n_out, n_classes], &weights(D * K, 1.3)),
            floats("dense_bias", &[n_classes], &weights(K, 0.9)),
        ],
        input: vec![value("waveform", input)],
        output: vec![output("scores", n_classes), output("embedding", n_out)],
        // An inner size that is not true, as exporters leave behind after a change of the batch.
        value_info: vec![value("active", &[Any("batch"), Is(n_out), Any("frames")])],
        ..GraphProto::default()
    }
}

/// The frames of a window: embeddings `[T, D]` and logits `[T, K]`.
pub(crate) fn frames(window: &[f32]) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let (conv, bias) = (weights(D * KERNEL, 0.7), weights(D, 0.3));
    let frame = |at: usize| -> Vec<f32> {
        let channel = |c: usize| {
            let sum: f32 = (0..KERNEL).map(|k| conv[c * KERNEL + k] * window[at + k]).sum();
            (sum + bias[c]).max(0.0)
        };
        (0..D).map(channel).collect()
    };
    let embedding: Vec<Vec<f32>> = (0..=window.len() - KERNEL).step_by(STRIDE).map(frame).collect();
    let logits = embedding.iter().map(|embedding| logits(embedding)).collect();
    (embedding, logits)
}

pub(crate) fn mean(rows: &[Vec<f32>]) -> Vec<f32> {
    (0..rows[0].len()).map(|c| rows.iter().map(|row| row[c]).sum::<f32>() / rows.len() as f32).collect()
}

pub(crate) fn logits(embedding: &[f32]) -> Vec<f32> {
    let (dense, bias) = (weights(D * K, 1.3), weights(K, 0.9));
    (0..K).map(|k| bias[k] + (0..D).map(|d| embedding[d] * dense[d * K + k]).sum::<f32>()).collect()
}

pub(crate) fn sigmoid(logits: &[f32]) -> Vec<f32> {
    logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect()
}

pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let powers: Vec<f32> = logits.iter().map(|logit| logit.exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Windows of different sounds, full scale 1.
pub(crate) fn windows(n_windows: usize, n_samples: usize) -> Vec<Vec<f32>> {
    let sample = |nth: usize, at: usize| (at as f32 * (0.1 + 0.37 * nth as f32)).sin() * 0.8;
    (0..n_windows).map(|nth| (0..n_samples).map(|at| sample(nth, at)).collect()).collect()
}

pub(crate) fn borrowed(windows: &[Vec<f32>]) -> Vec<&[f32]> {
    windows.iter().map(Vec::as_slice).collect()
}

/// Writes `model.onnx`, and `model.toml` where there is text for it.
pub(crate) fn save(folder: &Path, model: &ModelProto, toml: &str) -> PathBuf {
    let path = folder.join("model.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    if !toml.is_empty() {
        std::fs::write(folder.join("model.toml"), toml).unwrap();
    }
    path
}

pub(crate) fn assert_near(got: &[f32], expected: &[f32], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (nth, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() < 1e-5, "{what} {nth}: {got} for {expected}");
    }
}
