//! Files that are no models, or claim what they do not hold: an error of one line that names the file, and no panic.

use crate::writer::*;
use models_onnx::OnnxBackbone;
use prost::Message;
use std::path::Path;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{GraphProto, ModelProto, StringStringEntryProto};

fn network_model() -> ModelProto {
    model(network(&[Any("batch"), Is(N as i64)], false, "Sigmoid"), 17, &METADATA)
}

fn error_of(path: &Path) -> String {
    let error = OnnxBackbone::open(path).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()) && !error.contains('\n'), "{error}");
    error
}

fn error(change: impl FnOnce(&mut GraphProto)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut model = network_model();
    change(model.graph.as_mut().unwrap());
    error_of(&save(folder.path(), &model, ""))
}

#[test]
fn files_of_other_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    assert!(error_of(&path).ends_with("cannot be read"));
    assert!(error_of(folder.path()).contains("expected a file"));
    for bytes in [&b""[..], b"RIFF....WAVEfmt ", b"\x08\x08", &[0xff; 64], b"{\"onnx\": true}"] {
        std::fs::write(&path, bytes).unwrap();
        error_of(&path);
    }
}

#[test]
fn truncated_at_any_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let bytes = network_model().encode_to_vec();
    for n_bytes in (0..bytes.len()).step_by(7) {
        std::fs::write(&path, &bytes[..n_bytes]).unwrap();
        // A cut between two fields leaves a whole message with less in it.
        if let Err(error) = OnnxBackbone::open(&path) {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }
}

#[test]
fn flipped_bytes_do_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let bytes = network_model().encode_to_vec();
    for nth in (0..bytes.len()).step_by(5) {
        let mut flipped = bytes.clone();
        flipped[nth] ^= 0x55;
        std::fs::write(&path, flipped).unwrap();
        drop(OnnxBackbone::open(&path));
    }
}

#[test]
fn names_of_nothing() {
    let output = error(|graph| graph.output.push(value("ghost", &[Any("batch"), Is(4)])));
    assert!(output.contains("output ghost: expected the result of an operation"), "{output}");
    let input = error(|graph| graph.node[3].input[0] = "ghost".into());
    assert!(input.contains("ghost"), "{input}");
    let operation = error(|graph| graph.node[2].op_type = "Teleport".into());
    assert!(operation.contains("expected operations that tract has, got Teleport"), "{operation}");
    let operation = error(|graph| graph.node[2].op_type = "MelWeightMatrix".into());
    assert!(operation.contains("expected bands that are stored as a constant, got MelWeightMatrix"), "{operation}");
    let inputs = error(|graph| graph.input.push(value("second", &[Is(1)])));
    assert!(inputs.contains("inputs: expected one, the waveform, got waveform [?, 64], second [1]"), "{inputs}");
    assert!(error(|graph| graph.input.clear()).contains("inputs: expected one, the waveform, got none"));
    assert!(error(|graph| graph.node.clear()).contains("one operation or more"));
    let rank = error(|graph| graph.input = vec![value("waveform", &[Is(1), Is(1), Is(8), Is(8)])]);
    assert!(rank.contains("expected a waveform: [N], [B, N] or [B, 1, N]"), "{rank}");
}

#[test]
fn sizes_that_the_file_does_not_hold() {
    let dims = error(|graph| graph.initializer[1].dims = vec![i64::MAX, 1 << 40, 5]);
    assert!(dims.contains("tensor conv: expected at most"), "{dims}");
    assert!(error(|graph| graph.initializer[1].dims = vec![-8, 1, 5]).contains("tensor conv"));
    assert!(error(|graph| graph.initializer[1].dims = vec![1 << 20, 1, 5]).contains("does not match shape"));
    error(|graph| graph.initializer[1].data_type = 77);
    let folder = tempfile::tempdir().unwrap();
    for (dims, part) in [([Any("batch"), Is(1 << 50)], "window: expected 1 to"), ([Is(1 << 50), Is(64)], "batch")] {
        let path = save(folder.path(), &model(network(&dims, false, "Sigmoid"), 17, &METADATA[..1]), "");
        assert!(error_of(&path).contains(part), "{part}");
    }
    let grown = error(|graph| {
        graph.initializer.push(integers("repeats", &[2], &[1 << 20, 1 << 20]));
        graph.node.push(node("Tile", &["embedding", "repeats"], "tiled", vec![]));
        graph.output.push(value("tiled", &[Any("a"), Any("b")]));
    });
    assert!(grown.contains("expected at most"), "{grown}");
}

/// tract computes these while it loads the graph, and the process ends where memory is not there.
#[test]
fn constants_that_grow_without_end() {
    let huge = 1 << 45;
    for (op, inputs, sizes) in [
        ("ConstantOfShape", vec!["sizes"], vec![1 << 20, 1 << 20]),
        ("Expand", vec!["dense_bias", "sizes"], vec![1 << 20, 1 << 20, 3]),
        ("Tile", vec!["dense_bias", "sizes"], vec![huge]),
        ("Pad", vec!["dense_bias", "sizes"], vec![0, huge]),
        ("Pad", vec!["dense_bias", "sizes"], vec![0, -huge]),
        ("Range", vec!["sizes", "sizes", "sizes"], vec![huge]),
        ("HannWindow", vec!["sizes"], vec![huge]),
    ] {
        for is_stored in [true, false] {
            let text = error(|graph| {
                let tensor = integers("sizes", &[sizes.len() as i64], &sizes);
                match is_stored {
                    true => graph.initializer.push(tensor),
                    false => graph.node.push(constant("sizes", tensor)),
                }
                graph.node.push(node(op, &inputs, "grown", vec![]));
                graph.output.push(value("grown", &[Any("a")]));
            });
            assert!(text.contains(&format!("operation {op} grown_node: expected at most")), "{text}");
        }
    }
}

#[test]
fn weights_in_another_file_are_refused() {
    let text = error(|graph| {
        let tensor = &mut graph.initializer[1];
        tensor.raw_data.clear();
        tensor.data_location = Some(DataLocation::External as i32);
        tensor.external_data =
            vec![StringStringEntryProto { key: "location".into(), value: "../../etc/passwd".into() }];
    });
    assert!(text.contains("tensor conv: expected its values in the model's file"), "{text}");
}

#[test]
fn an_input_that_is_not_of_floats() {
    let text = error(|graph| {
        let of = graph.input[0].r#type.as_mut().unwrap().value.as_mut().unwrap();
        let tract_onnx::pb::type_proto::Value::TensorType(tensor) = of;
        tensor.elem_type = DataType::Int16 as i32;
    });
    assert!(text.contains("input waveform: expected 32-bit floats"), "{text}");
}
