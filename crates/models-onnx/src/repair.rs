//! Two operations that tract 0.23 reads in a narrower form than exporters write.

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto};
use tract_onnx::prelude::TractResult;
use tract_onnx::{Onnx, model::ParsingContext, tract_hir::internal::InferenceOp};

/// The first version of the operator set whose DFT has its axis as an input.
const AXIS_IS_INPUT: i64 = 20;

/// Rewrites a model for [`reader`].
///
/// - STFT: tract wants signals `[B, N, 1]`, and onnxruntime takes `[B, N]` too. Real signals get that shape.
/// - DFT before operator set 20: tract takes axis 1 for the size of the result, whatever the attribute says. The axis
///   becomes the input that it is from 20 on, which tract reads well.
pub(crate) fn repair(model: &mut ModelProto) {
    let version = version(model);
    if let Some(graph) = &mut model.graph {
        repair_stft(graph);
        if version < AXIS_IS_INPUT {
            repair_dft(graph);
        }
    }
}

fn version(model: &ModelProto) -> i64 {
    let own = |domain: &str| domain.is_empty() || domain == "ai.onnx";
    model.opset_import.iter().find(|set| own(&set.domain)).map_or(0, |set| set.version)
}

/// tract's reader of ONNX, with a DFT of three inputs read as that of operator set 20.
pub(crate) fn reader() -> Onnx {
    let mut reader = tract_onnx::onnx().with_ignore_value_info(true);
    reader.op_register.insert("DFT", dft);
    reader
}

fn dft(context: &ParsingContext<'_>, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let mut context = context.clone();
    if node.input.len() == 3 {
        context.onnx_operator_set_version = context.onnx_operator_set_version.max(AXIS_IS_INPUT);
    }
    let own = tract_onnx::onnx().op_register.0.remove("DFT");
    match own {
        Some(read) => read(&context, node),
        None => Err(std::io::Error::other("tract has no DFT").into()),
    }
}

fn repair_stft(graph: &mut GraphProto) {
    let mut nodes = Vec::with_capacity(graph.node.len());
    let mut tensors = Vec::new();
    for mut node in std::mem::take(&mut graph.node) {
        let is_real = node.attribute.iter().find(|of| of.name == "onesided").is_none_or(|of| of.i != 0);
        if node.op_type == "STFT" && is_real && !node.input.is_empty() {
            let name = format!("{}.barkbird_signal", node.output.first().map_or("stft", String::as_str));
            let shape = format!("{name}_shape");
            let signal = std::mem::replace(&mut node.input[0], name.clone());
            // 0 keeps B; N is what is left: `[B, N]` and `[B, N, 1]` become `[B, N, 1]`.
            tensors.push(integers(&shape, &[3], &[0, -1, 1]));
            nodes.push(NodeProto {
                op_type: "Reshape".into(),
                name: name.clone(),
                input: vec![signal, shape],
                output: vec![name],
                ..NodeProto::default()
            });
        }
        nodes.push(node);
    }
    graph.node = nodes;
    graph.initializer.extend(tensors);
}

fn repair_dft(graph: &mut GraphProto) {
    let mut tensors = Vec::new();
    for node in graph.node.iter_mut().filter(|node| node.op_type == "DFT" && node.input.len() < 3) {
        let axis = node.attribute.iter().find(|of| of.name == "axis").map_or(1, |of| of.i);
        let name = format!("{}.barkbird_axis", node.output.first().map_or("dft", String::as_str));
        tensors.push(integers(&name, &[], &[axis]));
        node.input.resize(2, String::new());
        node.input.push(name);
        node.attribute.retain(|of| of.name != "axis");
    }
    graph.initializer.extend(tensors);
}

fn integers(name: &str, dims: &[i64], values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Int64 as i32,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}
