//! What a model takes and gives.

use crate::error::{Result, invalid};
use crate::graph::{Declared, Graph};
use crate::settings::{Activation, InputShape, Settings, missing};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What a model takes and gives: from its TOML file, its metadata and its graph, in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// The model.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub sha256: String,
    /// The license that is stated, if any.
    pub license: Option<String>,
    /// Sample rate in Hz.
    pub sample_rate_hz: u32,
    /// Samples of a window; `None` where the model takes any length.
    pub window_samples: Option<usize>,
    /// Samples from one window of a clip to the next: as described, else half a window.
    pub hop_samples: Option<usize>,
    /// The input.
    pub input: Input,
    /// Scores of the model's own classes.
    pub scores: Option<Scores>,
    /// Names of the classes, in the order of the scores; empty where they are not known.
    pub classes: Vec<String>,
    /// The embedding.
    pub embedding: Option<Embedding>,
}

/// The input of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// Name of the tensor.
    pub name: String,
    /// Its shape.
    pub shape: InputShape,
    /// B, where the graph fixes it.
    pub batch: Option<usize>,
    /// The value of full scale: 1 or 32768.
    pub peak: f32,
    /// The peak that every window is scaled to before, where the model was trained so (full scale is 1).
    pub normalize_peak: Option<f32>,
}

/// The output with the scores of classes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scores {
    /// Name of the tensor.
    pub output: String,
    /// Number of classes, K.
    pub n_classes: usize,
    /// What makes them probabilities.
    pub activation: Activation,
    /// Whether the graph has done that already.
    pub is_applied: bool,
}

/// The output with the embedding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Embedding {
    /// Name of the tensor.
    pub output: String,
    /// Its width, D.
    pub dim: usize,
}

/// An output of 32-bit floats and the number of values that it has for a frame, once the sizes of the input are set.
pub(crate) struct Sized {
    pub(crate) name: String,
    pub(crate) width: usize,
}

impl std::fmt::Display for Sized {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} wide)", self.name, self.width)
    }
}

/// The only input, or the one that is named; and the length that the graph fixes for it.
pub(crate) fn input(path: &Path, graph: &Graph, settings: &Settings) -> Result<(Input, Option<usize>)> {
    let names = || list(&graph.inputs);
    let only = match graph.inputs.as_slice() {
        [only] => only,
        _ => return Err(invalid(path, "inputs", "one, the waveform", names())),
    };
    if let Some(name) = settings.input.as_ref().filter(|name| **name != only.name) {
        return Err(invalid(path, "input", format!("the name of an input of the graph ({})", names()), name));
    }
    if !only.is_f32 {
        return Err(invalid(path, format!("input {}", only.name), "32-bit floats", "another type"));
    }
    let shape = match (settings.input_shape, only.dims.as_deref()) {
        (Some(shape), _) => shape,
        (None, Some([_])) => InputShape::Samples,
        (None, Some([_, _])) => InputShape::Batch,
        (None, Some([_, _, _])) => InputShape::BatchChannel,
        (None, Some(_)) => {
            let expected = "a waveform: [N], [B, N] or [B, 1, N]";
            return Err(invalid(path, "input", expected, only.to_string()));
        }
        (None, None) => {
            let found = "the graph does not say".into();
            return Err(missing(path, "shape of the input", found, r#"input_shape = "[B, N]""#));
        }
    };
    let dims = only.dims.clone().unwrap_or_default();
    let (batch, length) = match (shape, dims.as_slice()) {
        (_, []) => (None, None),
        (InputShape::Samples, [length]) => (Some(1), *length),
        (InputShape::Batch, [batch, length]) | (InputShape::BatchChannel, [batch, None | Some(1), length]) => {
            (*batch, *length)
        }
        _ => {
            let expected = format!("a shape such as {}", shape_text(shape));
            return Err(invalid(path, "input", expected, only.to_string()));
        }
    };
    let batch = if shape == InputShape::Samples { Some(1) } else { batch };
    let peak = settings.input_peak.unwrap_or(1.0);
    Ok((Input { name: only.name.clone(), shape, batch, peak, normalize_peak: settings.normalize_peak }, length))
}

/// As the TOML file has it.
pub(crate) fn shape_text(shape: InputShape) -> &'static str {
    match shape {
        InputShape::Samples => "[N]",
        InputShape::Batch => "[B, N]",
        InputShape::BatchChannel => "[B, 1, N]",
    }
}

fn list<T: std::fmt::Display>(of: &[T]) -> String {
    let names: Vec<_> = of.iter().map(T::to_string).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// Which outputs are the scores and the embedding.
pub(crate) fn roles(
    path: &Path,
    graph: &Graph,
    settings: &Settings,
    outputs: &[Sized],
) -> Result<(Option<Scores>, Option<Embedding>)> {
    let declared = || list::<Declared>(&graph.outputs);
    let named = |key: &str, name: &str| match outputs.iter().find(|output| output.name == name) {
        Some(output) => Ok(Some(output)),
        None if name.is_empty() => Ok(None),
        None => Err(invalid(path, key, format!("an output of floats of the graph ({})", declared()), name)),
    };
    let n_classes = settings.classes.as_ref().map_or(0, Vec::len);
    let scores = match &settings.class_output {
        Some(name) => named("class_output", name)?,
        None if n_classes > 0 => {
            let of_width: Vec<_> = outputs.iter().filter(|output| output.width == n_classes).collect();
            match of_width.as_slice() {
                [only] => Some(*only),
                [] => {
                    let expected = format!("as many as an output is wide: {}", list(outputs));
                    return Err(invalid(path, "classes", expected, n_classes.to_string()));
                }
                _ => return Err(missing(path, "scores", list(outputs), r#"class_output = "NAME""#)),
            }
        }
        None if outputs.len() == 1 || settings.embedding_output.is_some() => None,
        None => {
            let key = r#"class_output = "NAME" (or "" for none)"#;
            return Err(missing(path, "scores", format!("one of {}", list(outputs)), key));
        }
    };
    let others: Vec<_> = outputs.iter().filter(|output| scores.is_none_or(|of| of.name != output.name)).collect();
    let embedding = match (&settings.embedding_output, others.as_slice()) {
        (Some(name), _) => named("embedding_output", name)?,
        (None, []) => None,
        (None, [only]) => Some(*only),
        (None, _) => {
            let key = r#"embedding_output = "NAME" (or "" for none)"#;
            return Err(missing(path, "embedding", format!("one of {}", list(&others)), key));
        }
    };
    if scores.is_none() && embedding.is_none() {
        return Err(invalid(path, "outputs", "scores, an embedding or both", "neither"));
    }
    if let Some(of) = scores.filter(|of| n_classes > 0 && of.width != n_classes) {
        return Err(invalid(
            path,
            "classes",
            format!("{} names, as {} is wide", of.width, of.name),
            n_classes.to_string(),
        ));
    }
    let scores = scores.map(|of| described(path, graph, settings, of)).transpose()?;
    Ok((scores, embedding.map(|of| Embedding { output: of.name.clone(), dim: of.width })))
}

fn described(path: &Path, graph: &Graph, settings: &Settings, of: &Sized) -> Result<Scores> {
    let applied = graph.activation_of(&of.name);
    let activation = settings.activation.or(applied).ok_or_else(|| {
        let found = format!("output {} ends with neither Sigmoid nor Softmax", of.name);
        let key = r#"activation = "sigmoid" (independent classes), "softmax" (exclusive classes) or "none""#;
        missing(path, "activation of the scores", found, key)
    })?;
    let is_applied = settings.activation_applied.unwrap_or(applied == Some(activation));
    let is_applied = is_applied || activation == Activation::None;
    Ok(Scores { output: of.name.clone(), n_classes: of.width, activation, is_applied })
}
