//! Files of models: ours, checkpoints, and those of other programs.

use crate::networks::{checkpoint, model, tflite};
use crate::parts;
use crate::repair;
use crate::scratch::scratch;
use crate::target::{Memory, Outcome, Target, about};
use inference::{Model, PredictorOptions};
use models_onnx::OnnxBackbone;
use models_vit::{Checkpoint, View};
use prost::Message;
use std::collections::BTreeMap;
use std::path::Path;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as Dim};
use tract_onnx::pb::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, type_proto,
};

const WORDS: &[&[u8]] = &[
    b"\"dtype\":\"F32\"",
    b"\"dtype\":\"BF16\"",
    b"\"dtype\":\"I64\"",
    b"\"shape\":[",
    b"\"data_offsets\":[",
    b"__metadata__",
    b"\\\"kind\\\":\\\"vit\\\"",
    b"\\\"kind\\\":\\\"cnn\\\"",
    b"\\\"kind\\\":\\\"average\\\"",
    b"\\\"kind\\\":\\\"headed\\\"",
    // spelling: as written in the next line
    b"\\\"kind\\\":\\\"neighbours\\\"",
    b"\\\"channels\\\":[",
    b"\\\"residual\\\":true",
    b"null",
    b"[]",
    b"{}",
    b"[[[[[[[[[[[[",
    b"4294967296",
    b"18446744073709551615",
    b"-1",
    b"1e300",
    b"\\\"n_fft\\\":",
    b"\\\"hop\\\":",
    b"\\\"seconds\\\":",
    b"\\\"sample_rate_hz\\\":",
    b"\"num_hidden_layers\":",
    b"\"hidden_size\":",
    b"\"patch_size\":",
    b"\"image_size\":",
];

/// The targets.
pub(super) const TARGETS: [Target; 5] = [
    Target {
        name: "model",
        reads: "our model file, and a second of sound through it (`Model::open`, `Model::predictor`)",
        seeds: || model().into_iter().collect(),
        words: WORDS,
        repair: repair::safetensors,
        run: open_model,
        memory: Memory { per_byte: 256, free: 640 << 20 },
    },
    Target {
        name: "training",
        reads: "the state of a training, last.safetensors (`train::Checkpoint::from_bytes`)",
        seeds: || training().into_iter().collect(),
        words: WORDS,
        repair: repair::safetensors,
        run: |input| {
            let read = train::Checkpoint::from_bytes(input, Path::new("last.safetensors"));
            Outcome::of(read.map(|read| format!("{} {}", read.weights.len().min(9), read.moments.len().min(9))))
        },
        memory: Memory { per_byte: 128, free: 1 << 20 },
    },
    Target {
        name: "checkpoint",
        reads: "checkpoints of the hub: config.json, model.safetensors, the index of several files (`models_vit::Checkpoint`)",
        seeds: || {
            let whole = |name| checkpoint(name).into_iter().collect::<Vec<_>>();
            let mut all: Vec<Vec<u8>> = ["vit", "ast", "dinov2-registers", "vit-f16"]
                .map(|name| parts::join(&whole(name).iter().map(Vec::as_slice).collect::<Vec<_>>()))
                .to_vec();
            let index = crate::corpus::fixture("checkpoints/vit-shards/model.safetensors.index.json");
            all.push(parts::join(&[&checkpoint("vit")[0], b"", &index]));
            all
        },
        words: WORDS,
        repair: |input| {
            let mut all: Vec<Vec<u8>> = parts::split(input).iter().map(|part| part.to_vec()).collect();
            all.iter_mut().skip(1).take(1).for_each(repair::safetensors);
            *input = parts::join(&all.iter().map(Vec::as_slice).collect::<Vec<_>>());
        },
        run: open_checkpoint,
        memory: Memory { per_byte: 256, free: 16 << 20 },
    },
    Target {
        name: "tflite",
        reads: "weights of YAMNet in TensorFlow Lite (`yamnet_from_tflite`)",
        seeds: || vec![tflite()],
        words: &[b"TFL3", b"\x03\0\0\0", b"\x09\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80"],
        repair: repair::nothing,
        run: |input| {
            let read = models_cnn::yamnet_from_tflite(input, Path::new("a.tflite"));
            Outcome::of(read.map(|read| about(read.len()).to_string()))
        },
        memory: Memory { per_byte: 4096, free: 1 << 20 },
    },
    Target {
        name: "onnx",
        reads: "ONNX backbones with their TOML and labels, and one window through them (`OnnxBackbone`)",
        seeds: || {
            let toml = b"sample_rate_hz = 8000\nclasses_file = \"labels.txt\"\nactivation = \"softmax\"\n";
            vec![parts::join(&[&onnx(), toml, b"dog\nbird\n"]), onnx()]
        },
        words: &[
            b"MatMul",
            b"Softmax",
            b"Reshape",
            b"Conv",
            b"Expand",
            b"Tile",
            b"Range",
            b"Pad",
            b"ConstantOfShape",
            b"Constant",
            b"scores",
            b"waveform",
            b"window_s = ",
            b"hop_s = ",
            b"input_shape = ",
            b"classes = [",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        ],
        repair: repair::nothing,
        run: open_onnx,
        memory: Memory { per_byte: 4096, free: 64 << 20 },
    },
];

fn open_model(input: &[u8]) -> Outcome {
    let path = scratch().join("model.safetensors");
    if std::fs::write(&path, input).is_err() {
        return Outcome { signature: 0, is_read: false };
    }
    let use_it = || -> inference::Result<String> {
        let model = Model::open(&path)?;
        let options =
            PredictorOptions { coverage: model.header.coverage.as_ref().map(|_| 0.9), ..PredictorOptions::default() };
        let predictor = model.predictor(&options)?;
        let sound = scratch().join("second.wav");
        if !sound.exists() {
            let samples: Vec<f32> = (0..8000).map(|i| (i as f32 * 0.3).sin() * 0.3).collect();
            std::fs::write(&sound, synth::to_wav_16(&samples, 8000))?;
        }
        let verdicts = predictor.recording(&sound)?;
        Ok(format!("{} {}", about(verdicts.len()), model.members.len()))
    };
    Outcome::of(use_it())
}

/// The state of a training of a small model.
fn training() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let file = classifier::ModelFile::from_bytes(&model()?, Path::new("m"))?;
    let weights: BTreeMap<_, _> = file.tensors.into_iter().collect();
    let header = serde_json::json!({
        "schema": train::CHECKPOINT_SCHEMA,
        "settings": {
            "version": "0.1.0", "configuration": {}, "architecture": {}, "compute": null, "front_end": {},
            "unit_per_db": 1.0, "data": "d",
        },
        "step": 3,
        "best": {"epoch": 1, "stale": 0},
        "plateau": {"scale": 1.0, "best": 0.5, "bad_epochs": 0},
        "epochs": [],
    });
    let moments = weights.iter().take(2).map(|(name, of)| (name.clone(), of.clone(), of.clone())).collect();
    let checkpoint =
        train::Checkpoint { header: serde_json::from_value(header)?, weights, average: None, best: None, moments };
    Ok(checkpoint.to_bytes()?)
}

fn open_checkpoint(input: &[u8]) -> Outcome {
    let folder = scratch().join("checkpoint");
    let _ = std::fs::create_dir_all(&folder);
    parts::write(input, &folder, &["config.json", "model.safetensors", "model.safetensors.index.json"]);
    let open = || -> Result<String, models_vit::Error> {
        let checkpoint = Checkpoint::open(&folder)?;
        let view = if checkpoint.is_audio() { View::OwnGrid } else { View::AsImage };
        let config = checkpoint.vit_config([64, 96], view)?;
        let weights = checkpoint.weights(&config)?;
        Ok(format!("{} {}", checkpoint.kind(), weights.ignored.len().min(9)))
    };
    Outcome::of(open())
}

/// A product and a softmax over windows of 16 samples.
fn onnx() -> Vec<u8> {
    let value = |name: &str, n: i64| {
        let dim = |n| Dimension { value: Some(Dim::DimValue(n)), ..Dimension::default() };
        let shape = TensorShapeProto { dim: vec![dim(1), dim(n)] };
        let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(shape) };
        let of = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
        ValueInfoProto { name: name.into(), r#type: Some(of), ..ValueInfoProto::default() }
    };
    let node = |op: &str, inputs: &[&str], output: &str| NodeProto {
        op_type: op.into(),
        name: output.into(),
        input: inputs.iter().map(|&name| name.into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    };
    let dense = TensorProto {
        name: "dense".into(),
        dims: vec![16, 2],
        data_type: DataType::Float as i32,
        raw_data: (0..32).flat_map(|i| (i as f32 * 0.1).to_le_bytes()).collect(),
        ..TensorProto::default()
    };
    let graph = GraphProto {
        name: "test".into(),
        node: vec![node("MatMul", &["waveform", "dense"], "logits"), node("Softmax", &["logits"], "scores")],
        initializer: vec![dense],
        input: vec![value("waveform", 16)],
        output: vec![value("scores", 2)],
        ..GraphProto::default()
    };
    let entry = |(key, value): (&str, &str)| StringStringEntryProto { key: key.into(), value: value.into() };
    let metadata = [("sample_rate", "8000"), ("classes", r#"["dog", "bird"]"#)];
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
        graph: Some(graph),
        metadata_props: metadata.into_iter().map(entry).collect(),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

fn open_onnx(input: &[u8]) -> Outcome {
    let folder = scratch().join("onnx");
    let _ = std::fs::create_dir_all(&folder);
    parts::write(input, &folder, &["a.onnx", "a.toml", "labels.txt"]);
    let run = || -> Result<String, models_onnx::Error> {
        let backbone = OnnxBackbone::open(&folder.join("a.onnx"))?;
        let window = vec![0.1; backbone.description().window_samples.unwrap_or(16).min(1 << 16)];
        let outputs = backbone.run(&[&window])?;
        Ok(format!("{} {}", about(outputs.scores.len()), about(outputs.embedding.len())))
    };
    Outcome::of(run())
}
