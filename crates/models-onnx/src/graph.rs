//! The file: read, checked before tract sees it, and what it declares.

use crate::error::{Error, Result, invalid};
use crate::guard::guarded;
use crate::settings::Activation;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dim;
use tract_onnx::pb::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, type_proto};
use tract_onnx::prelude::Framework;

/// Most values of a tensor that a graph may ask for at once: 8 GiB of f32.
pub(crate) const MAX_VALUES: u64 = 1 << 31;

/// An operation that tract 0.23 computes with a wrong constant (2596 for 2595), so that some bands begin at another bin.
const WRONG: &str = "MelWeightMatrix";

/// Operations whose constants are the shape of the result, or factors of it.
const BY_SHAPE: [&str; 3] = ["ConstantOfShape", "Expand", "Tile"];

/// Operations with a constant by which the result grows.
const BY_VALUE: [&str; 7] = ["Pad", "Range", "OneHot", "Resize", "HannWindow", "HammingWindow", "BlackmanWindow"];

/// An input or output as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is of 32-bit floats.
    pub(crate) is_f32: bool,
    /// Its dimensions, where the file gives their number; `None` for a symbol.
    pub(crate) dims: Option<Vec<Option<usize>>>,
}

impl std::fmt::Display for Declared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(dims) = &self.dims else { return write!(f, "{}", self.name) };
        let dims: Vec<_> = dims.iter().map(|dim| dim.map_or_else(|| "?".to_owned(), |n| n.to_string())).collect();
        write!(f, "{} [{}]", self.name, dims.join(", "))
    }
}

/// A graph that has passed the checks.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    /// As decoded.
    pub(crate) proto: ModelProto,
    /// SHA-256 of the file.
    pub(crate) sha256: String,
    /// Its metadata.
    pub(crate) metadata: BTreeMap<String, String>,
    /// Inputs that have no value of their own.
    pub(crate) inputs: Vec<Declared>,
    /// Outputs.
    pub(crate) outputs: Vec<Declared>,
}

impl Graph {
    /// The activation that the graph ends with before the output `name`, where it is one of ours.
    pub(crate) fn activation_of(&self, name: &str) -> Option<Activation> {
        /// Operations that change the shape or the name alone.
        const LOOKED_THROUGH: [&str; 6] = ["Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast"];
        let nodes = &self.proto.graph.as_ref()?.node;
        let mut name = name;
        // No chain is longer than the graph, even where names go in a circle.
        for _ in 0..nodes.len() {
            let node = nodes.iter().find(|node| node.output.iter().any(|output| output == name))?;
            match node.op_type.as_str() {
                "Sigmoid" => return Some(Activation::Sigmoid),
                "Softmax" => return Some(Activation::Softmax),
                op if LOOKED_THROUGH.contains(&op) => name = node.input.first()?,
                _ => return None,
            }
        }
        None
    }
}

/// Reads a file and checks what tract would panic at, or would take any amount of memory for.
pub(crate) fn read(path: &Path) -> Result<Graph> {
    let io = |source| Error::Io { path: path.into(), source };
    if storage::metadata(path).map_err(io)?.kind != storage::Kind::File {
        return Err(invalid(path, "backbone", "a file, such as perch.onnx", "a folder or a device"));
    }
    let bytes = storage::read(path).map_err(io)?;
    let decode = || tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]);
    let proto = guarded(path, "read the ONNX file", decode)?;
    let no_graph = || invalid(path, "file", "an ONNX model with a graph", "none");
    let graph = proto.graph.as_ref().ok_or_else(no_graph)?;
    if graph.node.is_empty() {
        return Err(invalid(path, "graph", "one operation or more", "none"));
    }
    check_tensors(path, graph)?;
    check_names(path, graph)?;
    let initialized: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs = graph.input.iter().filter(|input| !initialized.contains(input.name.as_str())).map(declared).collect();
    let outputs = graph.output.iter().map(declared).collect();
    let metadata = proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
    Ok(Graph { sha256: shard::sha256_hex(&bytes), metadata, inputs, outputs, proto })
}

fn declared(value: &ValueInfoProto) -> Declared {
    let of = value.r#type.as_ref().and_then(|of| of.value.as_ref());
    let tensor = of.map(|type_proto::Value::TensorType(tensor)| tensor);
    let dim = |value: &Option<Dim>| match value {
        Some(Dim::DimValue(n)) => usize::try_from(*n).ok().filter(|&n| n > 0),
        _ => None,
    };
    let dims = tensor.and_then(|tensor| tensor.shape.as_ref());
    Declared {
        name: value.name.clone(),
        is_f32: tensor.is_some_and(|tensor| tensor.elem_type == DataType::Float as i32),
        dims: dims.map(|shape| shape.dim.iter().map(|of| dim(&of.value)).collect()),
    }
}

/// Every tensor of a graph and of the graphs in it: no values in other files, and no more values than the file can hold.
fn check_tensors(path: &Path, graph: &GraphProto) -> Result<()> {
    graph.initializer.iter().try_for_each(|tensor| check_tensor(path, tensor))?;
    for node in &graph.node {
        for attribute in &node.attribute {
            attribute.t.iter().chain(&attribute.tensors).try_for_each(|tensor| check_tensor(path, tensor))?;
            attribute.g.iter().chain(&attribute.graphs).try_for_each(|inner| check_tensors(path, inner))?;
        }
        check_growth(path, graph, node)?;
    }
    Ok(())
}

fn check_tensor(path: &Path, tensor: &TensorProto) -> Result<()> {
    let what = || format!("tensor {}", tensor.name);
    if tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty() {
        let expected = "its values in the model's file, so that one SHA-256 covers all weights (onnx.save joins them)";
        return Err(invalid(path, what(), expected, "values in another file"));
    }
    let size = tensor.dims.iter().try_fold(1u64, |size, &dim| size.checked_mul(u64::try_from(dim).ok()?));
    if size.is_none_or(|size| size > MAX_VALUES) {
        return Err(invalid(path, what(), format!("at most {MAX_VALUES} values"), format!("dims {:?}", tensor.dims)));
    }
    Ok(())
}

/// Refuses to make a tensor of an enormous size that the file names: tract computes with constants while it loads them.
fn check_growth(path: &Path, graph: &GraphProto, node: &NodeProto) -> Result<()> {
    let of_shape = BY_SHAPE.contains(&node.op_type.as_str());
    if !of_shape && !BY_VALUE.contains(&node.op_type.as_str()) {
        return Ok(());
    }
    let attributes = node.attribute.iter().map(|attribute| attribute.ints.clone());
    for values in node.input.iter().map(|name| integers(graph, name)).chain(attributes) {
        let sizes = values.iter().map(|value| value.unsigned_abs());
        let size = match of_shape {
            true => sizes.fold(1, u64::saturating_mul),
            false => sizes.max().unwrap_or(0),
        };
        if size > MAX_VALUES {
            let expected = format!("at most {MAX_VALUES} values");
            let what = format!("operation {} {}", node.op_type, node.name);
            return Err(invalid(path, what, expected, format!("sizes {values:?}")));
        }
    }
    Ok(())
}

/// The values of a constant of 64-bit integers, where `name` is one.
fn integers(graph: &GraphProto, name: &str) -> Vec<i64> {
    let of = |tensor: &TensorProto| -> Vec<i64> {
        let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_le_bytes);
        let raw = tensor.raw_data.chunks_exact(8).map(number);
        let is_integers = tensor.data_type == DataType::Int64 as i32;
        raw.filter(|_| is_integers).chain(tensor.int64_data.iter().copied()).collect()
    };
    if let Some(tensor) = graph.initializer.iter().find(|tensor| tensor.name == name) {
        return of(tensor);
    }
    let made = |node: &&NodeProto| node.op_type == "Constant" && node.output.iter().any(|output| output == name);
    let Some(node) = graph.node.iter().find(made) else { return Vec::new() };
    let values = |attribute: &AttributeProto| match &attribute.t {
        Some(tensor) => of(tensor),
        None => [&attribute.ints[..], &[attribute.i]].concat(),
    };
    node.attribute.iter().flat_map(values).collect()
}

/// Outputs that something computes, and operations that tract has.
fn check_names(path: &Path, graph: &GraphProto) -> Result<()> {
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let made = graph.node.iter().flat_map(|node| node.output.iter().map(String::as_str));
    let stored = graph.initializer.iter().map(|tensor| tensor.name.as_str());
    let names: BTreeSet<&str> = inputs.chain(made).chain(stored).collect();
    if let Some(output) = graph.output.iter().find(|output| !names.contains(output.name.as_str())) {
        return Err(invalid(path, format!("output {}", output.name), "the result of an operation", "nothing makes it"));
    }
    let known = tract_onnx::onnx().op_register.0;
    let missing: BTreeSet<&str> =
        graph.node.iter().map(|node| node.op_type.as_str()).filter(|op| !known.contains_key(*op)).collect();
    if let Some(node) = graph.node.iter().find(|node| node.op_type == WRONG) {
        let expected = "bands that are stored as a constant";
        return Err(invalid(
            path,
            format!("operation {}", node.name),
            expected,
            format!("{WRONG}, which tract rounds to other bands"),
        ));
    }
    if !missing.is_empty() {
        let missing: Vec<_> = missing.into_iter().collect();
        return Err(invalid(path, "graph", "operations that tract has", missing.join(", ")));
    }
    Ok(())
}
