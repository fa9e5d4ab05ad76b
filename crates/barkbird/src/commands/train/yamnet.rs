use super::Session;
use super::pretrained::Body;
use crate::finetune::Way;
use crate::pretrained::{Place, file, place};
use anyhow::{Context, Result, bail};
use classifier::Parameters;
use models_cnn::{Yamnet, yamnet_weights};
use train::Outcome;

/// Files that a folder of weights may hold.
const FILES: [&str; 2] = ["model.safetensors", "yamnet.tflite"];

/// Layers of the network.
const N_LAYERS: usize = 14;

/// YAMNet with a head of the user's classes.
pub(super) fn train(session: &mut Session<'_>) -> Result<Outcome> {
    session.check_out()?;
    if session.chain.spectrogram != features::Preset::Yamnet.config() {
        bail!(
            "{}: YAMNet learned from its own front end; compute the features with `--front-end yamnet`",
            session.args.features.display()
        );
    }
    let name = session.config.finetune.pretrained.clone().context(
        "--pretrained: the weights are wanted: yamnet.tflite as TensorFlow publishes it, or a safetensors file of it",
    )?;
    let Place::Local(path) = place(&name)? else { bail!("--pretrained {name}: no such file or folder") };
    let (bytes, path) = file(&path, &FILES)?;
    let weights = yamnet_weights(&bytes, &path)?;
    let way = match session.config.finetune.way {
        Way::Auto => Way::Probe,
        Way::Lora => bail!("--way lora: YAMNet has probe, last and full"),
        way => way,
    };
    session.settle(way)?;
    session.config.finetune.pretrained = Some(name);
    let Session { config, data, device, .. } = &*session;
    let n_trained = match way {
        Way::Probe => 0,
        Way::Last => config.finetune.last_layers,
        _ => N_LAYERS,
    };
    let mut parameters = Parameters::seeded(config.train.seed, device);
    let yamnet = Yamnet::new(&config.yamnet, data.classes.len(), n_trained, &mut parameters)?;
    let left = parameters.load(&weights, &path)?;
    if let Some(missing) = left.missing.iter().find(|name| !name.starts_with("head.")) {
        bail!("{}: tensor {missing}: missing", path.display());
    }
    if way == Way::Probe {
        return session.probe(Body { classifier: Box::new(yamnet), parameters });
    }
    session.say(&format!("yamnet, {}", way.name()), &parameters, "");
    session.fit(&yamnet, &parameters, data, &config.train)
}
