//! A graph while it is put together: operations of opset 17, each with one output.

use crate::proto::{
    Attribute, Dim, FLOAT, GraphProto, INT64, Node, OF_INT, OF_INTS, Shape, TensorProto, TensorType, TypeProto,
    ValueInfo,
};

/// What flows along an edge, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value(String);

/// Name of the dimension of clips, of which there may be any number.
const BATCH: &str = "batch";

/// Nodes and constants so far.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    graph: GraphProto,
}

/// A whole number as an attribute.
pub(crate) fn int(name: &str, value: i64) -> Attribute {
    Attribute { name: name.into(), i: Some(value), r#type: OF_INT, ..Attribute::default() }
}

/// Whole numbers as an attribute.
pub(crate) fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.into(), ints: values.to_vec(), r#type: OF_INTS, ..Attribute::default() }
}

/// `[batch, dims...]` of f32.
fn info(name: &str, dims: &[usize], doc_string: &str) -> ValueInfo {
    let batch = Dim { dim_param: Some(BATCH.into()), ..Dim::default() };
    let others = dims.iter().map(|dim| Dim { dim_value: Some(*dim as i64), ..Dim::default() });
    let shape = Some(Shape { dim: std::iter::once(batch).chain(others).collect() });
    let r#type = Some(TypeProto { tensor_type: Some(TensorType { elem_type: FLOAT, shape }) });
    ValueInfo { name: name.into(), r#type, doc_string: doc_string.into() }
}

impl Graph {
    /// An input of the whole graph, `[batch, dims...]`.
    pub(crate) fn input(&mut self, name: &str, dims: &[usize], doc: &str) -> Value {
        self.graph.input.push(info(name, dims, doc));
        Value(name.into())
    }

    /// Makes a value an output of the whole graph, `[batch, dims...]`.
    pub(crate) fn output(&mut self, name: &str, value: &Value, dims: &[usize], doc: &str) {
        self.graph.output.push(info(name, dims, doc));
        let node = Node {
            input: vec![value.0.clone()],
            output: vec![name.into()],
            name: format!("output_{name}"),
            op_type: "Identity".into(),
            attribute: Vec::new(),
        };
        self.graph.node.push(node);
    }

    /// A constant.
    pub(crate) fn tensor(&mut self, dims: &[usize], values: impl IntoIterator<Item = f32>) -> Value {
        let raw_data = values.into_iter().flat_map(f32::to_le_bytes).collect();
        self.constant(dims, FLOAT, raw_data)
    }

    /// A constant without dimensions.
    pub(crate) fn number(&mut self, value: f32) -> Value {
        self.tensor(&[], [value])
    }

    /// Whole numbers, `[n]`.
    pub(crate) fn list(&mut self, values: &[i64]) -> Value {
        self.whole(&[values.len()], values)
    }

    /// Whole numbers of any shape.
    pub(crate) fn whole(&mut self, dims: &[usize], values: &[i64]) -> Value {
        self.constant(dims, INT64, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn constant(&mut self, dims: &[usize], data_type: i32, raw_data: Vec<u8>) -> Value {
        let name = format!("c{}", self.graph.initializer.len());
        let dims = dims.iter().map(|dim| *dim as i64).collect();
        self.graph.initializer.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        Value(name)
    }

    /// An operation.
    pub(crate) fn node(&mut self, op_type: &str, inputs: &[&Value], attribute: Vec<Attribute>) -> Value {
        let name = format!("{}_{}", op_type.to_lowercase(), self.graph.node.len());
        self.graph.node.push(Node {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op_type.into(),
            attribute,
        });
        Value(name)
    }

    /// An operation of two values without attributes.
    pub(crate) fn two(&mut self, op_type: &str, a: &Value, b: &Value) -> Value {
        self.node(op_type, &[a, b], Vec::new())
    }

    /// An operation of one value without attributes.
    pub(crate) fn one(&mut self, op_type: &str, value: &Value) -> Value {
        self.node(op_type, &[value], Vec::new())
    }

    /// An operation of a value and a number.
    pub(crate) fn with(&mut self, op_type: &str, value: &Value, number: f32) -> Value {
        let number = self.number(number);
        self.two(op_type, value, &number)
    }

    /// A value within bounds.
    pub(crate) fn clamp(&mut self, value: &Value, low: f32, high: f32) -> Value {
        let (low, high) = (self.number(low), self.number(high));
        self.node("Clip", &[value, &low, &high], Vec::new())
    }

    /// `ReduceMean` or `ReduceMax` over axes.
    pub(crate) fn reduce(&mut self, op_type: &str, value: &Value, axes: &[i64], keep: bool) -> Value {
        self.node(op_type, &[value], vec![ints("axes", axes), int("keepdims", i64::from(keep))])
    }

    /// The sum over axes, which stay as dimensions of one.
    pub(crate) fn sum(&mut self, value: &Value, axes: &[i64]) -> Value {
        let axes = self.list(axes);
        self.node("ReduceSum", &[value, &axes], vec![int("keepdims", 1)])
    }

    /// The k largest or smallest of each row, `[B, N]` to `[B, k]`.
    pub(crate) fn top_k(&mut self, rows: &Value, k: usize, is_largest: bool) -> Value {
        let k = self.list(&[k as i64]);
        let values = self.node("TopK", &[rows, &k], vec![int("axis", 1), int("largest", i64::from(is_largest))]);
        if let Some(node) = self.graph.node.last_mut() {
            node.output.push(format!("{}_places", values.0));
        }
        values
    }

    /// Another shape; 0 keeps a dimension, -1 is what is left.
    pub(crate) fn reshape(&mut self, value: &Value, dims: &[i64]) -> Value {
        let dims = self.list(dims);
        self.two("Reshape", value, &dims)
    }

    /// Dimensions in another order.
    pub(crate) fn transpose(&mut self, value: &Value, order: &[i64]) -> Value {
        self.node("Transpose", &[value], vec![ints("perm", order)])
    }

    /// From `first` up to `end` along an axis.
    pub(crate) fn slice(&mut self, value: &Value, axis: i64, first: usize, end: usize) -> Value {
        let [first, end] = [first, end].map(|at| self.list(&[at as i64]));
        let axis = self.list(&[axis]);
        self.node("Slice", &[value, &first, &end, &axis], Vec::new())
    }

    /// Side by side along an axis.
    pub(crate) fn concat(&mut self, values: &[&Value], axis: i64) -> Value {
        self.node("Concat", values, vec![int("axis", axis)])
    }

    /// `x W^T + b` of `[.., n_in]`, with `weight` `[n_out, n_in]`.
    pub(crate) fn linear(&mut self, x: &Value, weight: &[f32], bias: &[f32]) -> Value {
        let (n_out, n_in) = (bias.len(), weight.len() / bias.len().max(1));
        let transposed = (0..n_in).flat_map(|i| (0..n_out).map(move |o| weight[o * n_in + i]));
        let weight = self.tensor(&[n_in, n_out], transposed);
        let bias = self.tensor(&[n_out], bias.iter().copied());
        let product = self.two("MatMul", x, &weight);
        self.two("Add", &product, &bias)
    }

    /// The whole graph.
    pub(crate) fn finish(mut self, name: &str) -> GraphProto {
        self.graph.name = name.into();
        self.graph
    }
}
