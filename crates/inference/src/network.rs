//! From the architecture in a model's header to the network.

use crate::error::{Context, Result, bail};
use candle_core::Device;
use classifier::{Classifier, Headed, Neighbors, NeighborsConfig, Parameters, Precomputed, PrecomputedConfig, Top};
use models_cnn::{Cnn, CnnConfig, Yamnet, YamnetConfig};
use models_vit::{Trained, Vit, VitConfig};

/// Builds the network that `architecture` names, with fresh parameters; only a convolutional network of ours is trained.
pub fn build(
    architecture: &serde_json::Value,
    n_classes: usize,
    seed: u64,
    device: &Device,
) -> Result<(Box<dyn Classifier>, Parameters)> {
    build_in(Parameters::seeded(seed, device), architecture, n_classes)
}

/// The same in parameters that are there.
pub(crate) fn build_in(
    mut parameters: Parameters,
    architecture: &serde_json::Value,
    n_classes: usize,
) -> Result<(Box<dyn Classifier>, Parameters)> {
    let classifier = network(architecture, n_classes, &mut parameters)?;
    Ok((classifier, parameters))
}

fn network(
    architecture: &serde_json::Value,
    n_classes: usize,
    parameters: &mut Parameters,
) -> Result<Box<dyn Classifier>> {
    let kind = architecture["kind"].as_str().unwrap_or("none");
    let mut fields = architecture.clone();
    if let Some(object) = fields.as_object_mut() {
        object.remove("kind");
    }
    Ok(match kind {
        "cnn" => {
            let config: CnnConfig = serde_json::from_value(fields).context("configuration of the CNN")?;
            Box::new(Cnn::new(&config, n_classes, parameters)?)
        }
        "vit" => {
            let config: VitConfig = serde_json::from_value(fields).context("configuration of the ViT")?;
            Box::new(Vit::new(&config, n_classes, Trained::Head, 1.0, parameters)?)
        }
        "yamnet" => {
            let config: YamnetConfig = serde_json::from_value(fields).context("configuration of YAMNet")?;
            Box::new(Yamnet::new(&config, n_classes, 0, parameters)?)
        }
        "precomputed" => {
            let config: PrecomputedConfig = serde_json::from_value(fields).context("what a front end computes")?;
            Box::new(Precomputed::new(config, n_classes))
        }
        "headed" => {
            let heads: Vec<Top> = serde_json::from_value(fields["heads"].take()).context("heads of a network")?;
            let body = network(&fields["body"], n_classes, parameters)?;
            Box::new(Headed::new(body, &heads, n_classes, parameters)?)
        }
        "neighbours" => {
            let config: NeighborsConfig =
                serde_json::from_value(fields["neighbours"].take()).context("configuration of the neighbors")?;
            let n_clips = fields["n_clips"].as_u64().context("neighbors: no number of clips")? as usize;
            let body = network(&fields["body"], n_classes, parameters)?;
            Box::new(Neighbors::new(body, config, n_clips, parameters)?)
        }
        other => bail!(
            "kind: expected cnn, vit, yamnet, precomputed, headed or neighbors, got {other}; a newer version of barkbird may have written it"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_kind_is_refused() {
        let message = build(&json!({"kind": "tree"}), 2, 0, &Device::Cpu).err().unwrap().to_string();
        assert!(
            message.starts_with("kind: expected cnn, vit, yamnet, precomputed, headed or neighbors, got tree"),
            "{message}"
        );
    }
}
