//! YAMNet's weights from the published `.tflite` file: the tensors of its convolutions, read from the flatbuffer
//! and dequantized.
//!
//! Only the necessary parts of the format (TensorFlow Lite's schema.fbs, a flatbuffer) are read: operators in order, their
//! tensors, and the buffers and scales of those. Every offset is checked, so that an untrusted file gives weights or an
//! error.

use candle_core::{Device, Tensor};
use classifier::Error;
use std::collections::HashMap;
use std::path::Path;

/// Operator codes of the schema.
const CONV_2D: i32 = 3;
const DEPTHWISE_CONV_2D: i32 = 4;
const DEQUANTIZE: i32 = 6;
const FULLY_CONNECTED: i32 = 9;

/// Activation functions of the schema that a layer ends with.
const RELU: u8 = 1;
const RELU6: u8 = 3;

/// Tensor types of the schema.
const FLOAT32: u8 = 0;
const INT8: u8 = 9;

/// Depthwise separable layers after the first layer.
const N_SEPARABLE: usize = 13;

/// Maximum number of values of a tensor: YAMNet's largest has a million.
const MOST_VALUES: usize = 1 << 24;

/// The weights with the names of [`crate::Yamnet`]. Errors name `path`.
///
/// # Errors
/// A file that is not a flatbuffer of TensorFlow Lite, is truncated, or contains another network.
pub fn yamnet_from_tflite(bytes: &[u8], path: &Path) -> Result<HashMap<String, Tensor>, Error> {
    let error = |reason: String| Error::File { path: path.to_owned(), reason };
    if bytes.get(4..8) != Some(b"TFL3") {
        return Err(error("not a model of TensorFlow Lite (no TFL3 at its beginning)".into()));
    }
    let file = Flat { bytes };
    weights(&file).map_err(|Broken(what)| error(format!("not YAMNet, or cut off: {what}")))
}

/// What is wrong with the file.
struct Broken(String);

impl From<&str> for Broken {
    fn from(what: &str) -> Self {
        Self(what.to_owned())
    }
}

type Found<T> = Result<T, Broken>;

/// A convolution or a linear layer, with its values in the order of the file.
struct Layer {
    operator: i32,
    weight: Array,
    bias: Array,
}

/// Values and their shape.
struct Array {
    dims: Vec<usize>,
    values: Vec<f32>,
}

fn weights(file: &Flat<'_>) -> Found<HashMap<String, Tensor>> {
    let layers = layers(file)?;
    if layers.is_empty() {
        return Err("no convolution".into());
    }
    if layers.len() != 2 * N_SEPARABLE + 2 {
        return Err(Broken(format!("expected {} layers with weights, found {}", 2 * N_SEPARABLE + 2, layers.len())));
    }
    let mut all = HashMap::new();
    let mut put = |name: &str, layer: &Layer, operator: i32| -> Found<()> {
        if layer.operator != operator {
            return Err(Broken(format!("{name}: expected operator {operator}, found {}", layer.operator)));
        }
        let (weight, bias) = (ordered(name, layer)?, &layer.bias);
        if bias.dims != [weight.dims[0]] {
            return Err(Broken(format!("{name}: a bias of shape {:?}", bias.dims)));
        }
        for (end, array) in [("weight", &weight), ("bias", bias)] {
            let tensor = Tensor::from_slice(&array.values, array.dims.as_slice(), &Device::Cpu);
            all.insert(format!("{name}.{end}"), tensor.map_err(|error| Broken(format!("{name}.{end}: {error}")))?);
        }
        Ok(())
    };
    put("layer1.conv", &layers[0], CONV_2D)?;
    for (nth, pair) in layers[1..=2 * N_SEPARABLE].chunks_exact(2).enumerate() {
        put(&format!("layer{}.depthwise_conv", nth + 2), &pair[0], DEPTHWISE_CONV_2D)?;
        put(&format!("layer{}.pointwise_conv", nth + 2), &pair[1], CONV_2D)?;
    }
    put("dense", &layers[2 * N_SEPARABLE + 1], FULLY_CONNECTED)?;
    Ok(all)
}

/// Weights in the order of candle: output, input, rows, columns.
fn ordered(name: &str, layer: &Layer) -> Found<Array> {
    let Array { dims, values } = &layer.weight;
    let shape = match (layer.operator, dims.as_slice()) {
        (CONV_2D, &[n_out, height, width, n_in]) => [n_out, n_in, height, width],
        (DEPTHWISE_CONV_2D, &[1, height, width, n_out]) => [n_out, 1, height, width],
        (FULLY_CONNECTED, &[_, _]) => return Ok(Array { dims: dims.clone(), values: values.clone() }),
        _ => return Err(Broken(format!("{name}: a weight of shape {dims:?}"))),
    };
    let [n_out, n_in, height, width] = shape;
    let is_depthwise = layer.operator == DEPTHWISE_CONV_2D;
    let at = |out: usize, channel: usize, row: usize, column: usize| match is_depthwise {
        true => (row * width + column) * n_out + out,
        false => ((out * height + row) * width + column) * n_in + channel,
    };
    let mut ordered = Vec::with_capacity(values.len());
    for out in 0..n_out {
        for channel in 0..n_in {
            for row in 0..height {
                ordered.extend((0..width).map(|column| values[at(out, channel, row, column)]));
            }
        }
    }
    Ok(Array { dims: shape.to_vec(), values: ordered })
}

/// The operators with a weight and a bias, in order, from the first convolution on: what is before it is the front end,
/// which is linear layers too, some without a bias.
fn layers(file: &Flat<'_>) -> Found<Vec<Layer>> {
    let model = file.root()?;
    let codes = file.tables(&model, 1, "operator codes")?;
    let graph = file.tables(&model, 2, "subgraphs")?.into_iter().next().ok_or("no subgraph")?;
    let buffers = file.tables(&model, 4, "buffers")?;
    let tensors = file.tables(&graph, 0, "tensors")?;
    let mut layers = Vec::new();
    // Where a weight comes from that an operator turns into floats first.
    let mut quantized: HashMap<u32, u32> = HashMap::new();
    for operator in file.tables(&graph, 3, "operators")? {
        let nth = file.u32(&operator, 0)?.unwrap_or(0) as usize;
        let code = codes.get(nth).ok_or("an operator without a code")?;
        let code = operator_code(file, code)?;
        if code == DEQUANTIZE {
            let ends = (file.words(&operator, 1, "inputs")?, file.words(&operator, 2, "outputs")?);
            if let (&[from], &[to]) = (ends.0.as_slice(), ends.1.as_slice()) {
                quantized.insert(to, from);
            }
        }
        let is_layer = [CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED].contains(&code);
        if !is_layer || layers.is_empty() && code != CONV_2D {
            continue;
        }
        let inputs = file.words(&operator, 1, "inputs")?;
        let &[_, weight, bias] = inputs.as_slice() else { return Err("a layer without weight and bias".into()) };
        match activation(file, &operator, code)? {
            RELU6 => {
                return Err("it ends its layers with ReLU6, as the 8-bit YAMNet of MediaPipe and TensorFlow's task \
                     library; `barkbird fetch yamnet` has the one with ReLU"
                    .into());
            }
            // A layer that ends otherwise is followed by operators that are not read, such as a batch norm.
            other if other != RELU && code != FULLY_CONNECTED => {
                return Err(Broken(format!("a convolution with activation {other}; ReLU is expected")));
            }
            _ => {}
        }
        let array = |index: u32| {
            let index = quantized.get(&index).copied().unwrap_or(index);
            let tensor = tensors.get(index as usize).ok_or("a tensor that is not there")?;
            array(file, tensor, &buffers)
        };
        layers.push(Layer { operator: code, weight: array(weight)?, bias: array(bias)? });
    }
    Ok(layers)
}

/// Files of before 2021 have a byte for it alone, newer ones a number, and the byte too where it fits.
fn operator_code(file: &Flat<'_>, code: &Table) -> Found<i32> {
    let byte = file.u8(code, 0)?.unwrap_or(0).cast_signed();
    let number = file.u32(code, 3)?.unwrap_or(0).cast_signed();
    Ok(i32::from(byte).max(number))
}

/// The function that is applied to what a layer computes.
fn activation(file: &Flat<'_>, operator: &Table, code: i32) -> Found<u8> {
    let nth = match code {
        CONV_2D => 3,
        DEPTHWISE_CONV_2D => 4,
        _ => 0,
    };
    let options = file.table(operator, 4)?;
    options.map_or(Ok(None), |options| file.u8(&options, nth)).map(Option::unwrap_or_default)
}

/// A tensor's values, as `f32`.
fn array(file: &Flat<'_>, tensor: &Table, buffers: &[Table]) -> Found<Array> {
    let dims: Vec<usize> = file.words(tensor, 0, "shape")?.into_iter().map(|dim| dim as usize).collect();
    let n = dims.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim)).filter(|n| (1..=MOST_VALUES).contains(n));
    let n = n.ok_or_else(|| Broken(format!("a tensor of shape {dims:?}")))?;
    let buffer = file.u32(tensor, 2)?.unwrap_or(0) as usize;
    let data = file.bytes(buffers.get(buffer).ok_or("a buffer that is not there")?, 0, "data")?;
    let values: Vec<f32> = match file.u8(tensor, 1)?.unwrap_or(FLOAT32) {
        FLOAT32 if data.len() == 4 * n => {
            data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        }
        INT8 if data.len() == n => dequantized(file, tensor, &dims, data)?,
        kind => return Err(Broken(format!("{n} values of type {kind} in {} bytes", data.len()))),
    };
    if values.iter().any(|value| !value.is_finite()) {
        return Err("a weight that is not a number".into());
    }
    Ok(Array { dims, values })
}

/// `scale * (value - zero)`, each channel of one dimension with its own scale.
fn dequantized(file: &Flat<'_>, tensor: &Table, dims: &[usize], data: &[u8]) -> Found<Vec<f32>> {
    let quantization = file.table(tensor, 4)?.ok_or("a quantized tensor without scales")?;
    let scales: Vec<f32> = file.words(&quantization, 2, "scales")?.into_iter().map(f32::from_bits).collect();
    let zeros = file.longs(&quantization, 3, "zero points")?;
    let dimension = file.u32(&quantization, 6)?.unwrap_or(0) as usize;
    let channels = if scales.len() == 1 { 1 } else { *dims.get(dimension).ok_or("scales of a missing dimension")? };
    let fits = |len: usize| len == channels || len == 1;
    if scales.len() != channels || !fits(zeros.len()) {
        return Err(Broken(format!("{} scales and {} zero points for {channels} channels", scales.len(), zeros.len())));
    }
    let after: usize = dims.get(dimension + 1..).unwrap_or_default().iter().product();
    let value = |(i, byte): (usize, &u8)| {
        let channel = i / after % channels;
        let zero = zeros[channel.min(zeros.len() - 1)];
        scales[channel] * i64::from(byte.cast_signed()).saturating_sub(zero) as f32
    };
    Ok(data.iter().enumerate().map(value).collect())
}

/// A flatbuffer: little-endian numbers, and tables whose fields are found through a table of offsets.
struct Flat<'a> {
    bytes: &'a [u8],
}

/// A table: the positions of its beginning and of the offsets of its fields.
struct Table {
    at: usize,
    offsets: usize,
    n_offsets: usize,
}

impl<'a> Flat<'a> {
    fn take<const N: usize>(&self, at: usize) -> Found<[u8; N]> {
        let found = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk::<N>());
        found.copied().ok_or_else(|| Broken(format!("nothing at byte {at} of {}", self.bytes.len())))
    }

    /// The position to which an offset points.
    fn follow(&self, at: usize) -> Found<usize> {
        Ok(at + u32::from_le_bytes(self.take(at)?) as usize)
    }

    fn root(&self) -> Found<Table> {
        self.table_at(self.follow(0)?)
    }

    fn table_at(&self, at: usize) -> Found<Table> {
        let back = i32::from_le_bytes(self.take(at)?);
        let offsets = (at as i64 - i64::from(back)).try_into().map_err(|_| "offsets before the file")?;
        let n_bytes = usize::from(u16::from_le_bytes(self.take(offsets)?));
        Ok(Table { at, offsets, n_offsets: (n_bytes / 2).saturating_sub(2) })
    }

    /// The position of a field, if it exists.
    fn field(&self, table: &Table, nth: usize) -> Found<Option<usize>> {
        if nth >= table.n_offsets {
            return Ok(None);
        }
        let offset = u16::from_le_bytes(self.take(table.offsets + 4 + 2 * nth)?);
        Ok((offset != 0).then_some(table.at + usize::from(offset)))
    }

    fn u8(&self, table: &Table, nth: usize) -> Found<Option<u8>> {
        let field = self.field(table, nth)?;
        field.map(|at| Ok(self.take::<1>(at)?[0])).transpose()
    }

    fn u32(&self, table: &Table, nth: usize) -> Found<Option<u32>> {
        let field = self.field(table, nth)?;
        field.map(|at| Ok(u32::from_le_bytes(self.take(at)?))).transpose()
    }

    fn table(&self, table: &Table, nth: usize) -> Found<Option<Table>> {
        let field = self.field(table, nth)?;
        field.map(|at| self.table_at(self.follow(at)?)).transpose()
    }

    /// The elements of a vector, of `size` bytes each.
    fn vector(&self, table: &Table, nth: usize, size: usize, what: &str) -> Found<&'a [u8]> {
        let field = self.field(table, nth)?.ok_or_else(|| Broken(format!("no {what}")))?;
        let at = self.follow(field)?;
        let n_bytes = size * u32::from_le_bytes(self.take(at)?) as usize;
        let found = self.bytes.get(at + 4..).and_then(|bytes| bytes.get(..n_bytes));
        found.ok_or_else(|| Broken(format!("{what}: {n_bytes} bytes are not there")))
    }

    fn bytes(&self, table: &Table, nth: usize, what: &str) -> Found<&'a [u8]> {
        self.vector(table, nth, 1, what)
    }

    fn words(&self, table: &Table, nth: usize, what: &str) -> Found<Vec<u32>> {
        Ok(self.vector(table, nth, 4, what)?.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    fn longs(&self, table: &Table, nth: usize, what: &str) -> Found<Vec<i64>> {
        Ok(self.vector(table, nth, 8, what)?.as_chunks::<8>().0.iter().map(|word| i64::from_le_bytes(*word)).collect())
    }

    fn tables(&self, table: &Table, nth: usize, what: &str) -> Found<Vec<Table>> {
        let field = self.field(table, nth)?.ok_or_else(|| Broken(format!("no {what}")))?;
        let first = self.follow(field)? + 4;
        let n = self.vector(table, nth, 4, what)?.len() / 4;
        (0..n).map(|i| self.table_at(self.follow(first + 4 * i)?)).collect()
    }
}
