//! A small model, as a run leaves one.

use crate::corpus::fixture;
use audio_io::ClipConfig;
use candle_core::Device;
use classifier::{Calibration, MODEL_SCHEMA, ModelFile, ModelHeader, Normalization, Parameters};
use features::Preset;
use inference::Chain;
use models_cnn::{Cnn, CnnConfig};
use serde_json::json;
use std::error::Error;

/// Bands of its spectrograms.
const N_MELS: usize = 8;

/// The bytes of a model of one convolution and two classes.
///
/// # Errors
/// It cannot be made.
pub(crate) fn model() -> Result<Vec<u8>, Box<dyn Error>> {
    let config = CnnConfig { channels: vec![2], ..CnnConfig::small() };
    let mut parameters = Parameters::seeded(1, &Device::Cpu);
    Cnn::new(&config, 2, &mut parameters)?;
    let mut front_end = Preset::LogMel.config();
    if let features::Kind::LogMel(log_mel) = &mut front_end.kind {
        log_mel.mel.n_mels = N_MELS;
    }
    let header = ModelHeader {
        schema: MODEL_SCHEMA.into(),
        version: "0.1.0".into(),
        architecture: config.architecture(),
        front_end: Chain::new(ClipConfig::default(), front_end).to_header()?,
        normalization: Normalization { mean: vec![-40.0; N_MELS], std: vec![10.0; N_MELS] },
        classes: vec!["bird".into(), "dog".into()],
        split: json!({}),
        seed: 1,
        training: json!({}),
        calibration: Some(Calibration { temperature: 1.5, n: 9 }),
        outlier: None,
        coverage: None,
        held_out: None,
        place: None,
    };
    Ok(ModelFile::to_bytes(&header, &parameters.snapshot()?)?)
}

/// A small file of TensorFlow Lite with YAMNet's layers, of two channels and three classes, with 8-bit weights.
#[must_use]
pub(crate) fn tflite() -> Vec<u8> {
    let mut out = Vec::new();
    let word = |out: &mut Vec<u8>, value: u32| out.extend(value.to_le_bytes());
    // A table behind its offsets: all fields are words. Gives where the fields are.
    let table = |out: &mut Vec<u8>, from: Option<usize>, fields: &[u32]| -> Vec<usize> {
        let before = 4 + 2 * fields.len();
        if let Some(from) = from {
            let distance = (out.len() + before - from) as u32;
            out[from..from + 4].copy_from_slice(&distance.to_le_bytes());
        }
        out.extend((before as u16).to_le_bytes());
        out.extend((4 + 4 * fields.len() as u16).to_le_bytes());
        (0..fields.len()).for_each(|nth| out.extend((4 + 4 * nth as u16).to_le_bytes()));
        word(out, before as u32);
        let at = out.len();
        fields.iter().for_each(|value| word(out, *value));
        (0..fields.len()).map(|nth| at + 4 * nth).collect()
    };
    let vector = |out: &mut Vec<u8>, from: usize, n: u32, body: &[u8]| -> usize {
        let distance = (out.len() - from) as u32;
        out[from..from + 4].copy_from_slice(&distance.to_le_bytes());
        word(out, n);
        let at = out.len();
        out.extend(body);
        at
    };
    word(&mut out, 0);
    out.extend(b"TFL3");
    let model = table(&mut out, Some(0), &[3, 0, 0, 0, 0]);
    let codes = vector(&mut out, model[1], 3, &[0; 12]);
    for (nth, code) in [3, 4, 9].into_iter().enumerate() {
        table(&mut out, Some(codes + 4 * nth), &[code, 0, 0, code]);
    }
    let graphs = vector(&mut out, model[2], 1, &[0; 4]);
    let graph = table(&mut out, Some(graphs), &[0, 0, 0, 0]);
    // Weights of a convolution, of each channel alone, of a product, and of the last layer; biases of two and of three.
    let shapes: [&[u32]; 6] = [&[2, 3, 3, 1], &[1, 3, 3, 2], &[2, 1, 1, 2], &[3, 2], &[2], &[3]];
    let tensors = vector(&mut out, graph[0], 6, &[0; 24]);
    for (nth, shape) in shapes.iter().enumerate() {
        let is_weight = nth < 4;
        let kind = if is_weight { 9 } else { 0 };
        let tensor = table(&mut out, Some(tensors + 4 * nth), &[0, kind, nth as u32, 0, 0]);
        let dims: Vec<u8> = shape.iter().flat_map(|dim| dim.to_le_bytes()).collect();
        vector(&mut out, tensor[0], shape.len() as u32, &dims);
        if is_weight {
            let scales = table(&mut out, Some(tensor[4]), &[0, 0, 0, 0, 0, 0, 0]);
            vector(&mut out, scales[2], 1, &0.5f32.to_le_bytes());
            vector(&mut out, scales[3], 1, &3i64.to_le_bytes());
        }
    }
    // The first layer, 13 pairs, and the last one: code, weight and bias.
    let pair: [[u32; 3]; 2] = [[1, 1, 4], [0, 2, 4]];
    let layers: Vec<[u32; 3]> = std::iter::once([0, 0, 4]).chain(pair.repeat(13)).chain([[2, 3, 5]]).collect();
    let operators = vector(&mut out, graph[3], layers.len() as u32, &vec![0; 4 * layers.len()]);
    for (nth, [code, weight, bias]) in layers.iter().enumerate() {
        let operator = table(&mut out, Some(operators + 4 * nth), &[*code, 0, 0, 0, 0]);
        // Options: a ReLU, wherever that is for this operator.
        table(&mut out, Some(operator[4]), &[1; 5]);
        vector(&mut out, operator[1], 3, &[0, *weight, *bias].map(u32::to_le_bytes).concat());
    }
    let buffers = vector(&mut out, model[4], 6, &[0; 24]);
    for (nth, n_bytes) in [18, 18, 4, 6, 8, 12].into_iter().enumerate() {
        let data = table(&mut out, Some(buffers + 4 * nth), &[0]);
        vector(&mut out, data[0], n_bytes, &vec![0; n_bytes as usize]);
    }
    out
}

/// A checkpoint of the Hugging Face hub: configuration and weights.
#[must_use]
pub(crate) fn checkpoint(name: &str) -> [Vec<u8>; 2] {
    ["config.json", "model.safetensors"].map(|file| fixture(&format!("checkpoints/{name}/{file}")))
}
