//! Networks, from normalized spectrograms to logits and embedding.

mod cnn;
mod heads;
mod vit;
mod yamnet;

pub(crate) use heads::unit;

use crate::error::{Error, Result};
use crate::graph::{Graph, Value};
use crate::outputs::Outputs;
use crate::weights::Weights;
use classifier::{NeighborsConfig, Top};
use models_cnn::{CnnConfig, YamnetConfig};
use models_vit::VitConfig;
use serde_json::Value as Json;

fn config<T: serde::de::DeserializeOwned>(architecture: &Json, what: &'static str) -> Result<T> {
    let mut fields = architecture.clone();
    if let Some(object) = fields.as_object_mut() {
        object.remove("kind");
    }
    serde_json::from_value(fields).map_err(|source| Error::Header { what, source })
}

/// Adds the network of an architecture.
///
/// # Errors
/// A kind that has no graph, and tensors that are missing.
pub(crate) fn add(
    graph: &mut Graph,
    mel: &Value,
    [n_bands, n_frames]: [usize; 2],
    architecture: &Json,
    weights: Weights<'_>,
) -> Result<Outputs> {
    match architecture["kind"].as_str().unwrap_or("none") {
        "cnn" => {
            let config: CnnConfig = config(architecture, "configuration of the CNN")?;
            cnn::add(graph, mel, [n_bands, n_frames], &config, weights)
        }
        "vit" => {
            let config: VitConfig = config(architecture, "configuration of the ViT")?;
            vit::add(graph, mel, &config, weights)
        }
        "yamnet" => {
            let config: YamnetConfig = config(architecture, "configuration of YAMNet")?;
            yamnet::add(graph, mel, n_frames, &config, weights)
        }
        "headed" if architecture["body"]["kind"] == "yamnet" => {
            let tops: Vec<Top> = config(&architecture["heads"], "heads")?;
            let body: YamnetConfig = config(&architecture["body"], "configuration of YAMNet")?;
            let body = yamnet::add(graph, mel, n_frames, &body, weights)?;
            heads::add(graph, body, &tops, weights)
        }
        "neighbours" => {
            let config: NeighborsConfig = config(&architecture["neighbours"], "configuration of the neighbors")?;
            let body = add(graph, mel, [n_bands, n_frames], &architecture["body"], weights)?;
            heads::neighbors(graph, body, config, weights)
        }
        "headed" => Err(Error::Unsupported(
            "this model stands on an ONNX network of others, which is a graph already; it is not exported".into(),
        )),
        other => Err(Error::Unsupported(format!("a model of the kind {other} is not exported"))),
    }
}
