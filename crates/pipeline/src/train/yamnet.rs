//! YAMNet with a head of the user's classes.

use super::pretrained::Body;
use super::session::Session;
use crate::error::{Context, Result, bail};
use crate::named::Named;
use crate::strategy::Strategy;
use classifier::Parameters;
use inference::unknown::weights_file;
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
            session.options.features.display()
        );
    }
    let name = session.config.finetune.pretrained.clone().context(
        "--pretrained: the weights are wanted: yamnet (see `barkbird fetch yamnet`), or a .tflite or safetensors file of it",
    )?;
    let (place, commit) = session.locate(&name)?;
    let (bytes, path) = weights_file(&place, &FILES)?;
    let weights = yamnet_weights(&bytes, &path)?;
    let strategy = match session.config.finetune.strategy {
        Strategy::Auto => Strategy::Probe,
        Strategy::Lora => bail!("--strategy lora: YAMNet has probe, last and full"),
        strategy => strategy,
    };
    session.settle(strategy)?;
    session.config.finetune.pretrained = Some(name);
    session.config.finetune.revision = commit;
    let Session { config, data, job, .. } = &*session;
    let n_trained = match strategy {
        Strategy::Probe => 0,
        Strategy::Last => config.finetune.last_layers,
        _ => N_LAYERS,
    };
    let mut parameters = Parameters::seeded(config.train.seed, &job.device);
    let yamnet = Yamnet::new(&config.yamnet, data.classes.len(), n_trained, &mut parameters)?;
    let left = parameters.load(&weights, &path)?;
    if let Some(missing) = left.missing.iter().find(|name| !name.starts_with("head.")) {
        bail!("{}: tensor {missing}: missing", path.display());
    }
    if strategy == Strategy::Probe {
        return session.probe(Body { classifier: Box::new(yamnet), parameters });
    }
    session.say(&format!("yamnet, {}", strategy.name()), &parameters, "");
    session.fit(&yamnet, &parameters, data, &config.train)
}
