//! A graph computed by the letter: every operation that is written here, over tensors of candle.

use crate::error::{Error, Result};
use crate::proto::{FLOAT, Model, Node, TensorProto};
use candle_core::{D, DType, Device, Tensor};
use prost::Message;
use std::collections::HashMap;

/// An array that goes in or comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its dimensions.
    pub dims: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// The outputs of a graph by their names, for its input `inputs`.
///
/// # Errors
/// Bytes that are no graph of this crate, and an input of another shape.
pub fn evaluate(graph: &[u8], inputs: &Array) -> Result<HashMap<String, Array>> {
    let broken = |problem: String| Error::Node { node: "graph".into(), problem };
    let model = Model::decode(graph).map_err(|error| broken(error.to_string()))?;
    let graph = model.graph.ok_or_else(|| broken("there is none".into()))?;
    let mut values: HashMap<String, Tensor> = HashMap::new();
    let mut lists: HashMap<String, Vec<i64>> = HashMap::new();
    for constant in &graph.initializer {
        match constant.data_type {
            FLOAT => drop(values.insert(constant.name.clone(), tensor(constant)?)),
            _ => drop(lists.insert(constant.name.clone(), whole(constant))),
        }
        if constant.data_type != FLOAT {
            let dims: Vec<usize> = constant.dims.iter().map(|dim| *dim as usize).collect();
            let indices: Vec<u32> = whole(constant).into_iter().map(|value| value as u32).collect();
            values.insert(constant.name.clone(), Tensor::from_vec(indices, dims, &Device::Cpu)?);
        }
    }
    values.insert("inputs".into(), Tensor::from_slice(&inputs.values, inputs.dims.as_slice(), &Device::Cpu)?);
    for node in &graph.node {
        let out = compute(node, &values, &lists)
            .map_err(|error| Error::Node { node: node.name.clone(), problem: error.to_string() })?;
        let name = node.output.first().cloned().unwrap_or_default();
        values.insert(name, out);
    }
    let array = |name: &String| -> Result<(String, Array)> {
        let value = values.get(name).ok_or_else(|| broken(format!("no output {name}")))?;
        Ok((name.clone(), Array { dims: value.dims().to_vec(), values: value.flatten_all()?.to_vec1()? }))
    };
    graph.output.iter().map(|output| array(&output.name)).collect()
}

fn tensor(constant: &TensorProto) -> Result<Tensor> {
    let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let values: Vec<f32> = constant.raw_data.chunks_exact(4).map(number).collect();
    let dims: Vec<usize> = constant.dims.iter().map(|dim| *dim as usize).collect();
    Ok(Tensor::from_vec(values, dims, &Device::Cpu)?)
}

fn whole(constant: &TensorProto) -> Vec<i64> {
    let (eights, _) = constant.raw_data.as_chunks::<8>();
    eights.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
}

/// The attributes of a node.
struct Given<'a>(&'a Node);

impl Given<'_> {
    fn ints(&self, name: &str) -> Vec<i64> {
        self.0.attribute.iter().find(|of| of.name == name).map(|of| of.ints.clone()).unwrap_or_default()
    }

    fn int(&self, name: &str, usual: i64) -> i64 {
        self.0.attribute.iter().find(|of| of.name == name).and_then(|of| of.i).unwrap_or(usual)
    }
}

/// A place among dimensions, counted from the end where it is negative.
fn axis(of: i64, rank: usize) -> usize {
    if of < 0 { (rank as i64 + of) as usize } else { of as usize }
}

fn compute(
    node: &Node,
    values: &HashMap<String, Tensor>,
    lists: &HashMap<String, Vec<i64>>,
) -> candle_core::Result<Tensor> {
    let missing = |nth: usize| candle_core::Error::Msg(format!("input {nth} is missing"));
    let get = |nth: usize| node.input.get(nth).and_then(|name| values.get(name)).ok_or_else(|| missing(nth));
    let list = |nth: usize| node.input.get(nth).and_then(|name| lists.get(name)).ok_or_else(|| missing(nth));
    let (x, given) = (get(0)?, Given(node));
    let rank = x.rank();
    Ok(match node.op_type.as_str() {
        "Identity" => x.clone(),
        "Add" => x.broadcast_add(get(1)?)?,
        "Sub" => x.broadcast_sub(get(1)?)?,
        "Mul" => x.broadcast_mul(get(1)?)?,
        "Div" => x.broadcast_div(get(1)?)?,
        "Max" => x.broadcast_maximum(get(1)?)?,
        "Min" => x.broadcast_minimum(get(1)?)?,
        "Pow" => x.broadcast_pow(get(1)?)?,
        "Less" => x.broadcast_lt(get(1)?)?,
        "GreaterOrEqual" => x.broadcast_ge(get(1)?)?,
        "Where" => {
            let (yes, no) = (get(1)?, get(2)?);
            let shape = yes.shape().broadcast_shape_binary_op(no.shape(), "where")?;
            let shape = shape.broadcast_shape_binary_op(x.shape(), "where")?;
            x.broadcast_as(&shape)?.where_cond(&yes.broadcast_as(&shape)?, &no.broadcast_as(&shape)?)?
        }
        "Abs" => x.abs()?,
        "Neg" => x.neg()?,
        "Sqrt" => x.sqrt()?,
        "Log" => x.log()?,
        "Exp" => x.exp()?,
        "Erf" => x.erf()?,
        "Relu" => x.relu()?,
        "Clip" => x.broadcast_maximum(get(1)?)?.broadcast_minimum(get(2)?)?,
        "Softmax" => {
            let at = axis(given.int("axis", -1), rank);
            let raised = x.broadcast_sub(&x.max_keepdim(at)?)?.exp()?;
            raised.broadcast_div(&raised.sum_keepdim(at)?)?
        }
        "MatMul" => x.contiguous()?.broadcast_matmul(&get(1)?.contiguous()?)?,
        "ReduceMean" | "ReduceMax" | "ReduceMin" => {
            let mut axes: Vec<usize> = given.ints("axes").into_iter().map(|of| axis(of, rank)).collect();
            axes.sort_unstable();
            let mut out = x.clone();
            for at in &axes {
                out = match node.op_type.as_str() {
                    "ReduceMean" => out.mean_keepdim(*at)?,
                    "ReduceMax" => out.max_keepdim(*at)?,
                    _ => out.min_keepdim(*at)?,
                };
            }
            if given.int("keepdims", 1) == 0 {
                for at in axes.iter().rev() {
                    out = out.squeeze(*at)?;
                }
            }
            out
        }
        "ReduceSum" => {
            let mut out = x.clone();
            for of in list(1)? {
                out = out.sum_keepdim(axis(*of, rank))?;
            }
            out
        }
        "Reshape" => {
            let wanted = list(1)?;
            let kept = |(nth, dim): (usize, &i64)| if *dim == 0 { x.dims()[nth] as i64 } else { *dim };
            let dims: Vec<i64> = wanted.iter().enumerate().map(kept).collect();
            let known: i64 = dims.iter().filter(|dim| **dim > 0).product();
            let rest = x.elem_count() as i64 / known.max(1);
            let dims: Vec<usize> = dims.iter().map(|dim| if *dim < 0 { rest } else { *dim } as usize).collect();
            x.contiguous()?.reshape(dims)?
        }
        "Transpose" => {
            let order: Vec<usize> = given.ints("perm").into_iter().map(|of| of as usize).collect();
            x.permute(order)?.contiguous()?
        }
        "Slice" => {
            let (first, end, of) = (list(1)?[0] as usize, list(2)?[0] as usize, axis(list(3)?[0], rank));
            let end = end.min(x.dims()[of]);
            x.narrow(of, first, end.saturating_sub(first))?.contiguous()?
        }
        "Concat" => {
            let all: Vec<&Tensor> = (0..node.input.len()).map(get).collect::<candle_core::Result<_>>()?;
            Tensor::cat(&all, axis(given.int("axis", 0), rank))?
        }
        "Gather" => {
            let (indices, of) = (get(1)?, axis(given.int("axis", 0), rank));
            let taken = x.contiguous()?.index_select(&indices.flatten_all()?, of)?;
            let mut dims = x.dims()[..of].to_vec();
            dims.extend(indices.dims());
            dims.extend(&x.dims()[of + 1..]);
            taken.reshape(dims)?
        }
        "TopK" => {
            let k = list(1)?[0] as usize;
            let is_largest = given.int("largest", 1) == 1;
            let (sorted, _) = x.contiguous()?.sort_last_dim(!is_largest)?;
            sorted.narrow(D::Minus1, 0, k)?.contiguous()?
        }
        "Conv" => convolution(x, get(1)?, get(2).ok(), &given)?,
        "MaxPool" | "AveragePool" => {
            let size = given.ints("kernel_shape");
            let size = (size[0] as usize, size[1] as usize);
            if node.op_type == "MaxPool" { x.max_pool2d(size)? } else { x.avg_pool2d(size)? }
        }
        other => return Err(candle_core::Error::Msg(format!("the operation {other} is not known here"))),
    })
}

/// `[B, C, N]` or `[B, C, H, W]`, with zeros around it.
fn convolution(x: &Tensor, kernel: &Tensor, bias: Option<&Tensor>, given: &Given<'_>) -> candle_core::Result<Tensor> {
    let (strides, pads) = (given.ints("strides"), given.ints("pads"));
    let groups = given.int("group", 1) as usize;
    let n_axes = x.rank() - 2;
    let mut padded = x.to_dtype(DType::F32)?;
    for at in 0..n_axes {
        let pad = |nth: usize| pads.get(nth).copied().unwrap_or(0) as usize;
        padded = padded.pad_with_zeros(2 + at, pad(at), pad(n_axes + at))?;
    }
    let padded = padded.contiguous()?;
    let stride = strides.first().copied().unwrap_or(1) as usize;
    // candle has one stride for both directions; ours differ for patches of a transformer alone.
    let every = |all: &Tensor, step: [usize; 2]| {
        let places = |n: usize, step: usize| {
            let places: Vec<u32> = (0..n).step_by(step).map(|place| place as u32).collect();
            let n = places.len();
            Tensor::from_vec(places, n, x.device())
        };
        let rows = all.index_select(&places(all.dim(2)?, step[0])?, 2)?;
        rows.index_select(&places(all.dim(3)?, step[1])?, 3)
    };
    let second = strides.get(1).map_or(stride, |second| *second as usize);
    let out = match n_axes {
        // candle has a convolution of its own for each channel, thousands of small ones.
        2 if groups > 1 && groups == padded.dim(1)? && groups == kernel.dim(0)? => {
            every(&by_channel(&padded, kernel)?, [stride, second])?
        }
        1 => padded.conv1d(kernel, 0, stride, 1, groups)?,
        _ if second == stride => padded.conv2d(kernel, 0, stride, 1, groups)?,
        _ => every(&padded.conv2d(kernel, 0, 1, 1, groups)?, [stride, second])?,
    };
    let Some(bias) = bias else { return Ok(out) };
    let mut dims = vec![1; out.rank()];
    dims[1] = bias.elem_count();
    out.broadcast_add(&bias.reshape(dims)?)
}

/// A convolution with one kernel for each channel, `[B, C, H, W]` and `[C, 1, h, w]`, at every place.
fn by_channel(padded: &Tensor, kernel: &Tensor) -> candle_core::Result<Tensor> {
    let (height, width) = (kernel.dim(2)?, kernel.dim(3)?);
    let (rows, columns) = (padded.dim(2)? + 1 - height, padded.dim(3)? + 1 - width);
    let mut sum: Option<Tensor> = None;
    for row in 0..height {
        for column in 0..width {
            let weight = kernel.narrow(2, row, 1)?.narrow(3, column, 1)?.permute((1, 0, 2, 3))?;
            let part = padded.narrow(2, row, rows)?.narrow(3, column, columns)?.broadcast_mul(&weight)?;
            sum = Some(match sum {
                None => part,
                Some(sum) => (sum + part)?,
            });
        }
    }
    sum.ok_or_else(|| candle_core::Error::Msg("a kernel without a place".into()))
}
