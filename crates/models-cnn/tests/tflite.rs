//! Files of TensorFlow Lite: one that holds YAMNet, made here, and what is made of damaged ones.
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use candle_core::Tensor;
use models_cnn::{yamnet_from_tflite, yamnet_weights};
use std::collections::HashMap;
use std::path::Path;

/// A flatbuffer, written front to back: a table first, then what its fields lead to.
#[derive(Default)]
struct Writer(Vec<u8>);

/// A field of a table.
enum Field {
    None,
    U8(u8),
    U32(u32),
    /// Leads to something that is written later.
    Offset,
}

impl Writer {
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    /// Lets an offset lead to the end.
    fn lead(&mut self, at: usize) {
        let distance = (self.0.len() - at) as u32;
        self.0[at..at + 4].copy_from_slice(&distance.to_le_bytes());
    }

    /// Writes a table and gives the places of its fields.
    fn table(&mut self, fields: &[Field]) -> Vec<usize> {
        let offsets = self.0.len();
        self.0.extend((4 + 2 * fields.len() as u16).to_le_bytes());
        self.0.extend((4 + 4 * fields.len() as u16).to_le_bytes());
        for (nth, field) in fields.iter().enumerate() {
            let offset = if matches!(field, Field::None) { 0 } else { 4 + 4 * nth as u16 };
            self.0.extend(offset.to_le_bytes());
        }
        let at = self.0.len();
        self.u32((at - offsets) as u32);
        fields
            .iter()
            .enumerate()
            .map(|(nth, field)| {
                self.u32(match field {
                    Field::None | Field::Offset => 0,
                    Field::U8(value) => u32::from(*value),
                    Field::U32(value) => *value,
                });
                at + 4 + 4 * nth
            })
            .collect()
    }

    /// A table that an offset leads to.
    fn table_from(&mut self, at: usize, fields: &[Field]) -> Vec<usize> {
        // The offset leads behind the table of offsets.
        let before = 4 + 2 * fields.len();
        let distance = (self.0.len() + before - at) as u32;
        self.0[at..at + 4].copy_from_slice(&distance.to_le_bytes());
        self.table(fields)
    }

    fn words(&mut self, at: usize, words: &[u32]) {
        self.lead(at);
        self.u32(words.len() as u32);
        words.iter().for_each(|word| self.u32(*word));
    }

    fn longs(&mut self, at: usize, longs: &[i64]) {
        self.lead(at);
        self.u32(longs.len() as u32);
        longs.iter().for_each(|long| self.0.extend(long.to_le_bytes()));
    }

    fn bytes(&mut self, at: usize, bytes: &[u8]) {
        self.lead(at);
        self.u32(bytes.len() as u32);
        self.0.extend(bytes);
    }

    /// A vector of tables, and the places that lead to them.
    fn tables(&mut self, at: usize, n: usize) -> Vec<usize> {
        self.lead(at);
        self.u32(n as u32);
        (0..n)
            .map(|_| {
                let at = self.0.len();
                self.u32(0);
                at
            })
            .collect()
    }
}

/// One layer's operator and the shape of its weight in the file.
fn layers() -> Vec<(u32, Vec<u32>)> {
    let channels = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
    let mut all = vec![(9, vec![64, 257]), (3, vec![32, 3, 3, 1])]; // the front end's product, then the first layer
    for pair in channels.windows(2) {
        all.push((4, vec![1, 3, 3, pair[0]]));
        all.push((3, vec![pair[1], 1, 1, pair[0]]));
    }
    all.push((9, vec![521, 1024]));
    all
}

/// A byte of a weight.
fn quantized(layer: usize, i: usize) -> i8 {
    ((i * 31 + layer * 7) % 251) as i64 as u8 as i8
}

/// A file of the network's form, whose layers have 8-bit weights, each channel its own scale.
fn file() -> Vec<u8> {
    file_of(false, 1)
}

/// The same, with the `activation` of every layer. An `old` file has operator codes of a byte, a front end without a bias, and
/// operators that turn the weights of depthwise layers into floats first.
fn file_of(old: bool, activation: u8) -> Vec<u8> {
    let layers = layers();
    let mut w = Writer::default();
    w.u32(0);
    w.0.extend(b"TFL3");
    let model = w.table_from(0, &[Field::U32(3), Field::Offset, Field::Offset, Field::None, Field::Offset]);
    let codes = w.tables(model[1], 4);
    for (at, code) in codes.into_iter().zip([3, 4, 9, 6]) {
        let number = if old { Field::None } else { Field::U32(code) };
        w.table_from(at, &[Field::U8(code as u8), Field::None, Field::None, number]);
    }
    let graphs = w.tables(model[2], 1);
    let graph = w.table_from(graphs[0], &[Field::Offset, Field::None, Field::None, Field::Offset]);
    let n_depthwise = layers.iter().filter(|(operator, _)| *operator == 4).count();
    let tensors = w.tables(graph[0], 1 + 2 * layers.len() + n_depthwise);
    w.table_from(tensors[0], &[Field::None, Field::U8(0), Field::U32(0)]);
    for (nth, (operator, dims)) in layers.iter().enumerate() {
        let n_out = if *operator == 4 { dims[3] } else { dims[0] };
        let dimension = if *operator == 4 { 3 } else { 0 };
        let buffer = 1 + 2 * nth as u32;
        let weight = w.table_from(
            tensors[1 + 2 * nth],
            &[Field::Offset, Field::U8(9), Field::U32(buffer), Field::None, Field::Offset],
        );
        w.words(weight[0], dims);
        let scales = w.table_from(
            weight[4],
            &[Field::None, Field::None, Field::Offset, Field::Offset, Field::None, Field::None, Field::U32(dimension)],
        );
        let of_channel: Vec<u32> = (0..n_out).map(|channel| (0.001 * (1 + channel % 5) as f32).to_bits()).collect();
        w.words(scales[2], &of_channel);
        w.longs(scales[3], &[2]);
        let bias = w.table_from(tensors[2 + 2 * nth], &[Field::Offset, Field::U8(0), Field::U32(buffer + 1)]);
        w.words(bias[0], &[n_out]);
    }
    // What an old file's operators make of the weights of depthwise layers.
    let n_tensors = 1 + 2 * layers.len() as u32;
    for place in &tensors[n_tensors as usize..] {
        w.table_from(*place, &[Field::None, Field::U8(0), Field::U32(0)]);
    }
    let operators = w.tables(graph[3], layers.len() + if old { n_depthwise } else { 0 });
    let (mut places, mut floats) = (operators.into_iter(), n_tensors..);
    for (nth, (operator, _)) in layers.iter().enumerate() {
        let code = [3, 4, 9].iter().position(|code| code == operator).unwrap() as u32;
        let mut weight = 1 + 2 * nth as u32;
        if old && *operator == 4 {
            let float = floats.next().unwrap();
            let to_float = w.table_from(places.next().unwrap(), &[Field::U32(3), Field::Offset, Field::Offset]);
            w.words(to_float[1], &[weight]);
            w.words(to_float[2], &[float]);
            weight = float;
        }
        let fields = [Field::U32(code), Field::Offset, Field::None, Field::None, Field::Offset];
        let table = w.table_from(places.next().unwrap(), &fields);
        let bias = if old && nth == 0 { u32::MAX } else { 2 + 2 * nth as u32 };
        w.words(table[1], &[0, weight, bias]);
        let at = [3, 4, 0][code as usize];
        let options: Vec<Field> = (0..=at).map(|i| if i == at { Field::U8(activation) } else { Field::None }).collect();
        w.table_from(table[4], &options);
    }
    let buffers = w.tables(model[4], 1 + 2 * layers.len());
    let none = w.table_from(buffers[0], &[Field::Offset]);
    w.bytes(none[0], &[]);
    for (nth, (operator, dims)) in layers.iter().enumerate() {
        let n: u32 = dims.iter().product();
        let weight = w.table_from(buffers[1 + 2 * nth], &[Field::Offset]);
        w.bytes(weight[0], &(0..n as usize).map(|i| quantized(nth, i) as u8).collect::<Vec<_>>());
        let bias = w.table_from(buffers[2 + 2 * nth], &[Field::Offset]);
        let n_out = if *operator == 4 { dims[3] } else { dims[0] };
        w.bytes(bias[0], &(0..n_out).flat_map(|i| (i as f32).to_le_bytes()).collect::<Vec<_>>());
    }
    w.0
}

fn read(bytes: &[u8]) -> Result<HashMap<String, Tensor>, String> {
    yamnet_from_tflite(bytes, Path::new("y.tflite")).map_err(|error| error.to_string())
}

#[test]
fn weights_are_dequantized_and_put_in_order() {
    let file = file();
    let weights = read(&file).unwrap();
    assert_eq!(weights.len(), 2 * (1 + 26 + 1));
    assert_eq!(yamnet_weights(&file, Path::new("y")).unwrap().len(), weights.len());
    let value = |name: &str, at: &[usize]| {
        let mut tensor = weights[name].clone();
        for index in at {
            tensor = tensor.get(*index).unwrap();
        }
        tensor.to_scalar::<f32>().unwrap()
    };
    let scaled =
        |layer, i, channel: usize| 0.001 * (1 + channel % 5) as f32 * f32::from(i16::from(quantized(layer, i)) - 2);
    // Layer 1 of the file is the first convolution, [32, 3, 3, 1]; 2 the depthwise one of 32; 3 the product to 64.
    assert_eq!(value("layer1.conv.weight", &[7, 0, 1, 2]), scaled(1, (7 * 3 + 1) * 3 + 2, 7));
    assert_eq!(value("layer2.depthwise_conv.weight", &[5, 0, 2, 1]), scaled(2, (2 * 3 + 1) * 32 + 5, 5));
    assert_eq!(value("layer2.pointwise_conv.weight", &[9, 30, 0, 0]), scaled(3, 9 * 32 + 30, 9));
    assert_eq!(value("dense.weight", &[520, 1023]), scaled(28, 520 * 1024 + 1023, 520));
    assert_eq!(value("layer14.pointwise_conv.bias", &[1000]), 1000.0);
}

#[test]
fn an_old_file_gives_the_same_weights() {
    let (old, new) = (read(&file_of(true, 1)).unwrap(), read(&file()).unwrap());
    assert_eq!(old.len(), new.len());
    for (name, weight) in &old {
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(values(weight), values(&new[name]), "{name}");
    }
}

/// The published 8-bit network was trained with another function between its layers.
#[test]
fn a_network_with_relu6_is_refused() {
    let message = read(&file_of(false, 3)).unwrap_err();
    assert!(message.contains("ReLU6") && message.contains("barkbird fetch yamnet"), "{message}");
    let message = read(&file_of(false, 0)).unwrap_err();
    assert!(message.contains("a convolution with activation 0; ReLU is expected"), "{message}");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let file = file();
    let steps = (0..3000).chain((3000..file.len()).step_by(40_099)).chain(file.len() - 3..file.len());
    for end in steps {
        let message = read(&file[..end]).unwrap_err();
        assert!(message.starts_with("y.tflite: not "), "{end}: {message}");
    }
}

#[test]
fn a_changed_byte_is_refused_or_gives_finite_weights() {
    let file = file();
    // What is not a weight lies before the buffers.
    let structure = file.len() - 3_800_000;
    for (nth, at) in (0..structure).step_by(structure / 150).enumerate() {
        let mut changed = file.clone();
        changed[at] ^= [0x01, 0x80, 0x10][nth % 3];
        if let Ok(weights) = read(&changed) {
            let one = &weights["layer2.pointwise_conv.weight"];
            assert!(one.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().is_finite());
        }
    }
}

#[test]
fn other_files_are_named_for_what_they_are_not() {
    assert!(read(b"nothing").unwrap_err().contains("not a model of TensorFlow Lite"));
    let message = yamnet_weights(b"nothing at all, and long enough", Path::new("w")).unwrap_err().to_string();
    assert!(message.contains("neither a model of TensorFlow Lite nor a whole safetensors file"), "{message}");
    let tensor = Tensor::zeros(3, candle_core::DType::F32, &candle_core::Device::Cpu).unwrap();
    let path = std::env::temp_dir().join(format!("barkbird-not-yamnet-{}.safetensors", std::process::id()));
    candle_core::safetensors::save(&HashMap::from([("a", tensor)]), &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let message = yamnet_weights(&bytes, Path::new("w")).unwrap_err().to_string();
    assert!(message.contains("w: not YAMNet"), "{message}");
}
